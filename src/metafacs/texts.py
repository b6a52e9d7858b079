"""Foreign texts where they could do something: on a page, in a spreadsheet, as a folder's name."""

from __future__ import annotations

import hashlib
import re

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ONE = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?"
_NUMBER = re.compile(rf"{_ONE}( ± {_ONE}| \({_ONE} to {_ONE}\))?")
_FOLDER_NAME = re.compile(r"[^\x00-\x1f\x7f/\\:*?\"<>|]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST = 100
_MARKS = re.compile(r"[\\`*|]|<(?=[A-Za-z/!?])|\](?=[(\[:])")


def printable(text: object) -> str:
    r"""Return a text or path in letters that every file and terminal takes; others become escapes.

    >>> printable("a\x1b[2Jb\nc")
    'a\\x1b[2Jb\\nc'
    """
    # Not ascii(): most of the world's letters can be printed.
    plain = str(text)
    if plain.isprintable():
        return plain
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in plain)


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte of a file's name that is no UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def shown(text: object, longest: int = _LONGEST) -> str:
    """Return a text as a name in a table, figure or page: :func:`printable`, and not too long to be drawn.

    Args:
        text: A name from a file.
        longest: Letters; of a longer text the beginning and a digest of the whole are kept, so that two
            texts stay two.

    >>> shown("mal"), shown("w" * 5000, longest=12)
    ('mal', 'www~4d3ce487')
    """
    name = printable(text)
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: longest - len(digest) - 1]}~{digest}"


def markdown(text: str) -> str:
    r"""Return a text as it may stand in Markdown, in a cell of a table too: it is no mark, tag or link.

    >>> print(markdown("a|b <b>[x](y) 0.5 [0.4, 0.6]"))
    a\|b \<b>[x\](y) 0.5 [0.4, 0.6]
    """
    return _MARKS.sub(r"\\\g<0>", printable(text))


def cell(text: str) -> str:
    """Return a text as it may stand in a table: no spreadsheet takes it for a formula.

    A quote is put before it, as OWASP recommends; numbers, with a spread or an interval too, stay as they
    are.

    >>> cell("=cmd|' /C calc'!A0"), cell("-0.5"), cell("baseline")
    ("'=cmd|' /C calc'!A0", '-0.5', 'baseline')
    """
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def from_cell(text: str) -> str:
    """Return what :func:`cell` was given, so that names in our own tables are found again.

    >>> from_cell(cell("@home.jpg")), from_cell("'quoted'")
    ('@home.jpg', "'quoted'")
    """
    return text[1:] if text[:1] == "'" and cell(text[1:]) == text else text


def check_folder_name(name: str) -> str:
    """Return a name that is to become a folder's, as it is.

    >>> check_folder_name("dual_domain P")
    'dual_domain P'

    Raises:
        ValueError: If it could lead to another folder or cannot be a folder's name on every system.
    """
    problem = (
        "it is no text"
        if not isinstance(name, str)
        else "it is empty"
        if not name.strip()
        else f"it is longer than {_LONGEST} letters"
        if len(name) > _LONGEST
        else "it begins with a dot, or begins or ends with a space"
        if name != name.strip() or name.startswith(".") or name.endswith(".")
        else "it holds a letter that no folder's name can hold"
        if not _FOLDER_NAME.fullmatch(name) or not name.isprintable()
        else "Windows keeps it for a device"
        if _RESERVED.fullmatch(name)
        else ""
    )
    if problem:
        raise ValueError(f"{printable(name)!r} cannot be the name of a folder: {problem}; choose another")
    return name
