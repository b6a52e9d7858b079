"""Names for the results of many inputs: as short as they can be without meeting."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from metafacs.inference.inputs import Input, absolute
from metafacs.texts import printable

_LONGEST = 160
"""Bytes of a name that leave room for every ending and for the temporary file; 255 are the most."""


class NamingError(ValueError):
    """Inputs whose results would have the same name whatever is done."""


def distinct_stems(
    inputs: Sequence[Input], files_of: Callable[[Input, Path], Iterable[Path]], taken: Iterable[Path] = ()
) -> list[Path]:
    """Return a name for the results of every input, relative to their folder, whatever the inputs' order.

    It is the place of the input without the ending. Where files of two inputs would meet, both keep their
    endings; if that is not enough, the name of the folder stands before it, at last the whole path.

    Args:
        inputs: What is analysed.
        files_of: Input and name -> the files that are written.
        taken: Files that are written in any case.

    Raises:
        NamingError: If not even whole paths tell two inputs apart.
    """
    names = [_names(found) for found in inputs]
    levels = [0] * len(inputs)
    while True:
        owners: dict[str, set[int]] = defaultdict(set)
        for path in taken:
            owners[_key(path)].add(-1)
        for i, found in enumerate(inputs):
            for path in files_of(found, names[i][levels[i]]):
                owners[_key(path)].add(i)
        meeting = sorted({i for group in owners.values() if len(group) > 1 for i in group if i >= 0})
        if not meeting:
            return [names[i][levels[i]] for i in range(len(inputs))]
        for i in meeting:
            levels[i] += 1
            if levels[i] == len(names[i]):
                raise NamingError(
                    f"the results of {inputs[i].name} and of another input would have the same name; analyse "
                    "them one after the other, with --out for each"
                )


def _names(found: Input) -> list[Path]:
    """Return the names that an input's results may have, the shortest first."""
    place = found.place
    if found.kind == "camera":
        return [_safe(place)]
    whole = absolute(found.path)
    root = whole.parents[len(place.parts) - 1].name
    bare = place if found.kind == "frames" else place.with_suffix("")
    candidates = [bare, place, root / bare, root / place, whole.relative_to(whole.anchor)]
    return [_safe(candidate) for candidate in dict.fromkeys(candidates)]


def _safe(place: Path) -> Path:
    """Return a place in letters that every system prints, none of its parts too long."""
    return Path(*(_shortened(printable(part).replace("\\", "~")) for part in place.parts))


def _shortened(name: str) -> str:
    if len(name.encode()) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: _LONGEST - 9].decode(errors='ignore')}~{digest}"


def _key(path: Path) -> str:
    """Return what is the same for two paths that some system takes for one file."""
    return unicodedata.normalize("NFC", os.fspath(path)).casefold()
