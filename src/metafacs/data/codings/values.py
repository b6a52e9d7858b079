"""Words of codings: names of action units, of people, and the codes of presence and intensity."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from metafacs.facs import HIGHEST_INTENSITY
from metafacs.texts import shown

UNKNOWN_CODES = frozenset({"9", "999", "-1", "?", "na", "n/a", "nan", "none", "null", "unknown"})
"""Codes that stand for an AU that was not or could not be coded; an empty cell does too."""

LETTERS = {letter: float(level) for level, letter in enumerate("ABCDE", start=1)}
"""Letter of the FACS manual -> intensity."""

_OTHER_CODES = frozenset({40, *range(50, 75), *range(80, 86), 91, 92, 97, 98})

_WORDS = {"present": 1.0, "yes": 1.0, "true": 1.0, "x": 1.0, "absent": 0.0, "no": 0.0, "false": 0.0}

_AU_NAME = re.compile(
    r"(?:(?P<before>.*?)[\s_.:-]+)??au[\s_-]?0*(?P<number>[0-9]{1,3})(?:[\s_.:@-]*(?P<after>[a-z].*)?)?",
    re.IGNORECASE,
)
_PERSON = re.compile(r"(?:person|face|subject|participant|p)[\s_-]*0*(?P<number>[0-9]+)", re.IGNORECASE)
_SIDES = {"l": "L", "left": "L", "r": "R", "right": "R", "t": "T", "top": "T", "b": "B", "bottom": "B"}
_TOKEN = re.compile(
    r"(?P<side>[LRTB])?(?P<prefix>AU[\s_-]?)?0*(?P<number>[0-9]{1,3})(?P<level>[A-E])?", re.IGNORECASE
)


class AuName(NamedTuple):
    """What the name of a column or tier says.

    Attributes:
        au: FACS number, whether it exists or not.
        before: What stands before the AU, e.g. ``person0``; empty if nothing does.
        after: What stands behind it, e.g. ``r`` or ``intensity``, in lower case.
    """

    au: int
    before: str
    after: str


class AuCode(NamedTuple):
    """One action unit of a text such as ``L12B+25``: number, level 1 to 5 or NaN, part of the face."""

    au: int
    level: float
    side: str


def parse_au_name(name: str) -> AuName | None:
    """Return what the name of a column or tier says, or None if it names no AU.

    >>> parse_au_name("AU06_c")
    AuName(au=6, before='', after='c')
    >>> parse_au_name("person0_AU 12"), parse_au_name("audio")
    (AuName(au=12, before='person0', after=''), None)
    """
    match = _AU_NAME.fullmatch(name.strip())
    if match is None:
        return None
    return AuName(int(match["number"]), (match["before"] or "").strip(), (match["after"] or "").lower())


def looks_like_au(name: str) -> bool:
    """Return whether a name was probably meant to name an AU, e.g. ``AUU12`` or ``A12``.

    >>> [looks_like_au(name) for name in ("AU1x2", "A12", "AUU 4", "audio", "notes")]
    [True, True, True, False, False]
    """
    return bool(re.fullmatch(r"\W*(?:a+u*|u+a*)[\s_-]*\S*\d\S*", name.strip(), re.IGNORECASE))


def parse_person(name: str) -> str:
    """Return a person's name in one form: ``person0``, ``Person_0``, ``face 0``, ``0`` and ``0.0`` are one.

    >>> [parse_person(name) for name in ("person0", "Person_1", "2", "2.0", "Anna", "")]
    ['0', '1', '2', '2', 'Anna', '']
    """
    name = name.strip()
    if match := _PERSON.fullmatch(name):
        return match["number"]
    if match := re.fullmatch(r"0*([0-9]+)(?:\.0*)?", name):
        return match[1]
    return name


def parse_side(word: str) -> str | None:
    """Return ``L``, ``R``, ``T`` or ``B`` for the name of a part of the face, or None for another word."""
    return _SIDES.get(word.strip().lower())


def parse_number(text: str) -> float:
    """Return the number that a text writes in the usual digits; NaN for anything else.

    >>> parse_number("2.5e1"), parse_number("1_0"), parse_number("\u0661")
    (25.0, nan, nan)
    """
    # Python takes more for numbers than other programs do: digits of all scripts, and underscores.
    if not text.isascii() or "_" in text:
        return math.nan
    try:
        return float(text)
    except ValueError:
        return math.nan


def parse_code(code: str) -> float:
    """Return what one cell says: a number 0 to 5 as it is, a letter as its level, NaN for unknown.

    Whether 1 means *present* or *level A* depends on what else the file says.

    Raises:
        ValueError: For anything else.

    >>> parse_code("1"), parse_code("c"), parse_code("2.5"), parse_code("999")
    (1.0, 3.0, 2.5, nan)
    """
    text = code.strip()
    if not text or text.lower() in UNKNOWN_CODES:
        return math.nan
    if text.upper() in LETTERS:
        return LETTERS[text.upper()]
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    value = parse_number(text)
    if value in (9, 999, -1):
        return math.nan
    if not 0 <= value <= HIGHEST_INTENSITY:
        raise ValueError(
            f"'{shown(code)}' is no code of an action unit; expected 0 or 1, an intensity 0 to 5, a "
            "letter A to E, "
            "or 9, 999, -1 or nothing for unknown"
        )
    return value


def says_letter(code: str) -> bool:
    """Return whether a code is a letter of intensity."""
    return code.strip().upper() in LETTERS


def parse_au_codes(text: str, *, prefixed: bool) -> list[AuCode] | None:
    """Return the AUs that a text such as ``AU6 + L12B`` names, or None if it is no list of codes.

    Args:
        text: Codes joined by ``+``, a comma, a semicolon or blanks.
        prefixed: Whether at least the first code must say ``AU``; elsewhere numbers could mean anything.

    >>> parse_au_codes("AU6+L12B", prefixed=True)
    [AuCode(au=6, level=nan, side=''), AuCode(au=12, level=2.0, side='L')]
    >>> parse_au_codes("hello", prefixed=True) is parse_au_codes("12", prefixed=True) is None
    True
    """
    tokens = [token for token in re.split(r"\s*[+,;/]\s*|\s+(?=[LRTB]?(?:AU)?\d)", text.strip()) if token]
    # "AU 12" was cut in two at its blank.
    joined: list[str] = []
    for token in tokens:
        if joined and re.fullmatch(r"[LRTB]?AU", joined[-1], re.IGNORECASE):
            joined[-1] += token
        else:
            joined.append(token)
    matches = [_TOKEN.fullmatch(token) for token in joined]
    if not matches or any(match is None for match in matches):
        return None
    known = [match for match in matches if match is not None]
    if prefixed and not known[0]["prefix"]:
        return None
    return [
        AuCode(
            int(match["number"]),
            LETTERS[match["level"].upper()] if match["level"] else math.nan,
            (match["side"] or "").upper(),
        )
        for match in known
    ]


def other_facs_code(number: int) -> bool:
    """Return whether FACS has a code of this number that metafacs does not know: head, eyes, visibility."""
    return number in _OTHER_CODES
