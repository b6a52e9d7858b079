"""What lies in the folders of a data set: each file once; what is passed over is counted by kind."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from metafacs.data.datasets.reading import PROVENANCE_FILE, TWIN_FILE, Reading
from metafacs.data.own_results import OwnResults

_SIDE_FILES = (TWIN_FILE, PROVENANCE_FILE)


def find_files(
    reading: Reading,
    folder: Path,
    endings: Collection[str],
    *,
    below: bool = False,
    known: Collection[str] | None = None,
) -> list[Path]:
    """Return the files with some endings in a folder, sorted; what is passed over is noted by kind.

    Hidden files and folders, among them the ``._`` files in which macOS keeps what other disks cannot hold,
    are passed over, and so are broken links, pipes and devices, and what metafacs itself predicted and drew
    there. Links to folders are followed; a folder that is reached twice is read once, at its own place if
    that lies in the tree.

    Args:
        reading: Takes up what is passed over: one note per kind, with the first file and the number.
        folder: The folder; a missing one holds nothing.
        endings: Lower case, with the dot; the case of a file's ending does not matter.
        below: Look into the folders below it too. If not, a folder with such an ending counts as a file,
            that its reader names it.
        known: Endings of files that may lie there too and are not worth a note; None = those of all.
    """
    found: list[Path] = []
    passed: dict[str, list[Path]] = {}
    results = OwnResults()
    if below:
        results.look_above(folder)
    for path, problem in _entries(folder, endings, below, results):
        ending = path.suffix.lower()
        if problem:
            passed.setdefault(problem, []).append(path)
        elif ending in endings and path in results:
            passed.setdefault("result of an earlier run of metafacs is not read", []).append(path)
        elif ending in endings:
            found.append(path)
        elif known is not None and ending not in known and path.name not in _SIDE_FILES:
            passed.setdefault(_not_read(ending), []).append(path)
    _note(reading, passed)
    return sorted(found)


def find_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted, links to folders too; hidden ones are passed over."""
    entries = [entry for entry in _scan(folder) if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(Path(entry.path) for entry in entries)


def note_files(reading: Reading, paths: Iterable[Path], reason: str) -> None:
    """Note files of one kind that are left out, together: the first by name, and how many there are."""
    first = min(paths := list(paths), default=None)
    if first is not None:
        reading.skip(first, None, reason, len(paths))


def _note(reading: Reading, passed: dict[str, list[Path]]) -> None:
    for reason, paths in sorted(passed.items()):
        note_files(reading, paths, reason)


def _entries(
    folder: Path, endings: Collection[str], below: bool, results: OwnResults
) -> Iterator[tuple[Path, str]]:
    """Yield every file, or folder that is not entered, and why it is passed over; empty if it is not.

    Of every folder, results are known before what lies in it.
    """
    waiting, visited = [folder], set()
    links: list[Path] = []
    while waiting or links:
        # Links last: a folder that lies in the tree is read at its own place.
        current = waiting.pop() if waiting else links.pop(0)
        try:
            identity = os.stat(current)
            entries = _scan(current)
        except OSError:
            if current != folder:
                yield current, "folder cannot be read"
            continue
        place = (identity.st_dev, identity.st_ino)
        if place in visited:
            yield current, "linked folder is read at its own place"
            continue
        visited.add(place)
        results.look_into(current, [entry.name for entry in entries])
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                if _hides(path, endings, below):
                    yield path, _hidden(entry)
            elif entry.is_dir():
                if below:
                    (links if entry.is_symlink() else waiting).append(path)
                elif path.suffix.lower() in endings:
                    yield path, ""
            elif entry.is_file():
                yield path, ""
            else:
                yield path, "broken link" if entry.is_symlink() else "pipe or device is not read"


def _hides(path: Path, endings: Collection[str], below: bool) -> bool:
    """Return whether a hidden file or folder is or holds what is looked for: others are nobody's loss."""
    if not path.is_dir():
        return path.suffix.lower() in endings
    return below and any(
        os.path.splitext(name)[1].lower() in endings for _, _, names in os.walk(path) for name in names
    )


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: os.fsencode(entry.name))


def _hidden(entry: os.DirEntry[str]) -> str:
    if entry.name.startswith("._"):
        return "file ._* of macOS is no picture and no label"
    return "hidden folder is not read" if entry.is_dir() else "hidden file is not read"


def _not_read(ending: str) -> str:
    return f"file ending in {ending} is not read" if ending else "file without an ending is not read"
