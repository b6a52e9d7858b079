"""Damage to files, as chance has it: what disks, transfers, editors and strangers do to them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any

PAGE = 4096
_ODD_NUMBERS = (
    *("9" * 5000, "1e400", "-1", "1e-400", "nan", "inf", "999999999999", "1.5", "0x1", "1_0", "1e0", "-0"),
    *("+1", "01", "\u0661", "=1", '"1', "1;", "TRUE", ""),
)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 7, 0.5, 10**12, 10**400, 1e308, float("nan"), float("inf"), "", "x", "1"),
    *([], {}, [[1]], [1, "a"], {"a": {"b": 1}}, "\ud800", "\x1b[2J", "../../x", "x" * 100_000),
)
"""Values that a field of a parsed file should hardly have."""


def damaged_bytes(content: bytes, chance: Random) -> tuple[str, bytes]:
    """Return what was done, and the content with it: a cut, turned bits, lost or foreign pages."""
    if not content:
        return "junk in an empty file", chance.randbytes(64)
    what = chance.choice(("cut", "cut", "bit", "bit", "bit", "bits", "page", "page", "junk", "more", "empty"))
    at = chance.randrange(len(content))
    changed = bytearray(content)
    if what == "cut":
        return f"cut after {at} of {len(content)} bytes", content[:at]
    if what == "bit":
        changed[at] ^= 1 << chance.randrange(8)
        return f"a bit of byte {at} turned", bytes(changed)
    if what == "bits":
        for _ in range(8):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        return "8 bits turned", bytes(changed)
    if what == "page":
        start = at // PAGE * PAGE
        size = len(content[start : start + PAGE])
        zero = chance.random() < 0.7
        changed[start : start + PAGE] = bytes(size) if zero else chance.randbytes(size)
        return f"the page at {start} {'zeroed' if zero else 'overwritten'}", bytes(changed)
    if what == "junk":
        return "all of it overwritten", chance.randbytes(min(len(content), 5000))
    if what == "more":
        return "bytes appended", content + chance.randbytes(chance.randrange(1, 200))
    return "emptied", b""


def damaged_integer(content: bytes, chance: Random, start: int, end: int) -> tuple[str, bytes]:
    """Return the content with an odd 32-bit number somewhere between two places."""
    at = chance.randrange(start, max(start + 1, end - 4)) // 4 * 4
    value = chance.choice((-1, -(2**31), 2**31 - 1, 2**30, 10**6, 2 * 10**7, 0))
    return f"the number at {at} is {value}", content[:at] + struct.pack("<i", value) + content[at + 4 :]


def paths_of(content: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of all values within parsed JSON, as keys and positions."""
    found = [before] if before else []
    if isinstance(content, dict):
        for key, value in content.items():
            found += paths_of(value, (*before, key))
    elif isinstance(content, list):
        # Lists of hundreds of numbers would drown the rest.
        for position in range(min(len(content), 3)):
            found += paths_of(content[position], (*before, position))
    return found


def damaged_values(content: Any, chance: Random) -> tuple[str, Any]:
    """Return what was done, and parsed JSON in which a value is missing, odd, or moved."""
    changed = deepcopy(content)
    path = chance.choice(paths_of(changed))
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    name = ".".join(map(str, path))[:80]
    what = chance.choice(("gone", "odd", "odd", "odd", "odd", "number", "renamed"))
    if what == "gone":
        del inner[path[-1]]
        return f"no {name}", changed
    if what == "renamed" and isinstance(inner, dict):
        inner[f"{path[-1]}x"] = inner.pop(path[-1])
        return f"{name} renamed", changed
    value = inner[path[-1]]
    if what == "number" and isinstance(value, (int, float)) and not isinstance(value, bool):
        inner[path[-1]] = chance.choice((-value - 1, value + 1, value * 1000 + 1, str(value), [value]))
    else:
        inner[path[-1]] = deepcopy(chance.choice(ODD_VALUES))
    return f"{name} is {str(inner[path[-1]])[:40]!r}", changed


def damaged_json(text: bytes, chance: Random) -> tuple[str, bytes]:
    """Return what was done, and JSON text that is damaged as text, or holds other values."""
    what = chance.randrange(10)
    if what < 4:
        return damaged_bytes(text, chance)
    if what == 4:
        return "nested deeply", b"[" * 100_000 + (b"]" * 100_000 if chance.random() < 0.5 else b"")
    if what == 5:
        other = chance.choice((b"[1]", b"null", b'"x"', b"{}", b"7", b"", b"\xff\xfe", b"NaN"))
        return f"its content is {other!r}", other
    done, values = damaged_values(json.loads(text), chance)
    return done, json.dumps(values, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


STRUCTURAL: dict[str, Callable[[list[bytes], Random], list[bytes]]] = {
    "a blank line": lambda lines, chance: _put(lines, chance, b""),
    "two blank lines": lambda lines, chance: _put(_put(lines, chance, b""), chance, b""),
    "a line emptied": lambda lines, chance: _at(lines, chance, lambda line: b""),
    "a line lost": lambda lines, chance: _without(lines, chance),
    "a line twice": lambda lines, chance: _twice(lines, chance),
    "two lines swapped": lambda lines, chance: _swapped(lines, chance),
    "the end lost": lambda lines, chance: [*lines[: chance.randrange(1, len(lines) + 1)], b""],
    "CRLF": lambda lines, chance: [line + b"\r" for line in lines[:-1]] + lines[-1:],
    "no last line end": lambda lines, chance: lines[:-1] if not lines[-1] else lines,
    "blanks at line ends": lambda lines, chance: [line + b"  " if line else line for line in lines],
    "a byte order mark": lambda lines, chance: [b"\xef\xbb\xbf" + lines[0], *lines[1:]],
    "a heading misspelt": lambda lines, chance: [_misspelt(lines[0], chance), *lines[1:]],
    "all first cells misspelt": lambda lines, chance: [
        line.replace(_separator(line), b"x" + _separator(line), 1) for line in lines
    ],
    "a line cut": lambda lines, chance: _at(lines, chance, lambda line: line[: line.rfind(_separator(line))]),
    "a cell more": lambda lines, chance: _at(lines, chance, lambda line: line + _separator(line) + b"1"),
    "5000 cells more": lambda lines, chance: _at(
        lines, chance, lambda line: line + (_separator(line) + b"1") * 5000
    ),
}
"""Damage to the lines of a table after which every value that is still read must be what it was."""


def damaged_lines(content: bytes, chance: Random) -> tuple[str, bytes]:
    """Return what was done, and a table in which lines are lost, moved, or written another way."""
    name = chance.choice(sorted(STRUCTURAL))
    return name, b"\n".join(STRUCTURAL[name](content.split(b"\n"), chance))


def damaged_cells(content: bytes, chance: Random) -> tuple[str, bytes]:
    """Return what was done, and a table with other cells or no table at all: it may say something else."""
    what = chance.choice(("number", "number", "encoding", "nul", "quote", "separator", "bytes", "bytes"))
    if what == "number":
        digit, odd = chance.choice((b"0", b"1", b"2")), chance.choice(_ODD_NUMBERS)
        times = chance.randrange(1, 4)
        return f"{digit.decode()} is {odd[:10]}", content.replace(digit, odd.encode(), times)
    if what == "encoding":
        name = chance.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"))
        text = content.decode("utf-8", "replace").encode(name) + chance.choice((b"", b"\xe9"))
        return f"written as {name}", text
    if what == "nul":
        at = chance.randrange(len(content) + 1)
        return "NUL inside", content[:at] + b"\0" * chance.randrange(1, 9) + content[at:]
    if what == "quote":
        return "quotes", content.replace(b",", b'","', chance.randrange(1, 5))
    if what == "separator":
        other = chance.choice((b";", b"\t", b", ", b"|"))
        return f"separated by {other!r}", content.replace(_separator(content), other)
    return damaged_bytes(content, chance)


def _separator(line: bytes) -> bytes:
    return b"," if b"," in line else b" "


def _misspelt(line: bytes, chance: Random) -> bytes:
    cells = line.split(_separator(line))
    i = chance.randrange(len(cells))
    return _separator(line).join([*cells[:i], cells[i] + b"x", *cells[i + 1 :]])


def _at(lines: list[bytes], chance: Random, change: Callable[[bytes], bytes]) -> list[bytes]:
    i = chance.randrange(len(lines))
    return [*lines[:i], change(lines[i]), *lines[i + 1 :]]


def _put(lines: Sequence[bytes], chance: Random, line: bytes) -> list[bytes]:
    i = chance.randrange(len(lines))
    return [*lines[:i], line, *lines[i:]]


def _without(lines: Sequence[bytes], chance: Random) -> list[bytes]:
    i = chance.randrange(len(lines))
    return [*lines[:i], *lines[i + 1 :]]


def _twice(lines: Sequence[bytes], chance: Random) -> list[bytes]:
    i = chance.randrange(len(lines))
    return [*lines[:i], lines[i], *lines[i:]]


def _swapped(lines: Sequence[bytes], chance: Random) -> list[bytes]:
    i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
    changed = list(lines)
    changed[i], changed[j] = changed[j], changed[i]
    return changed
