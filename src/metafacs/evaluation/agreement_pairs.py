"""Which table is compared with which coding: files two by two, two folders, or a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from metafacs.data.codings import READABLE, CodingError
from metafacs.data.codings.delimited import read_delimited
from metafacs.data.parts import holds_parts, videos_of_parts

_NOT_READ = (".xlsx", ".xls", ".ods", ".anvil", ".textgrid")
"""Endings of tables and codings of other programs."""

_COLUMNS = ("left", "right", "subject", "person")


@dataclass(frozen=True)
class FilePair:
    """Two files of one video.

    Attributes:
        left: Table or coding.
        right: Table or coding that it is compared with.
        video: Name of the video.
        subject: Who is in it, where the same person is in several videos; None where that is not told.
        person: Which person of the video is compared; None where that is clear.
        left_input: Which video of ``left``, where that is a folder of parts of many.
    """

    left: Path
    right: Path
    video: str
    subject: str | None = None
    person: str | None = None
    left_input: str | None = None


def pair_files(paths: Sequence[Path], pairs: Path | None = None) -> tuple[list[FilePair], list[str]]:
    """Return the pairs and sentences on files without a partner.

    Args:
        paths: Files, left and right in turn; or two folders whose files have the same names but for their
            endings. A folder of parts, see :mod:`metafacs.data.parts`, stands for the tables of its videos.
        pairs: A table with the columns ``left``, ``right`` and, if wanted, ``subject`` and ``person``; paths
            in it start from its folder.

    Raises:
        CodingError: If the paths do not go into pairs, or two files are a pair twice.
    """
    found, warnings = _pairs_of(paths, pairs)
    _refuse_twice(found)
    return found, warnings


def _pairs_of(paths: Sequence[Path], pairs: Path | None) -> tuple[list[FilePair], list[str]]:
    if pairs is not None:
        if paths:
            raise CodingError(f"give either files or --pairs {pairs}, not both")
        return _listed(pairs), []
    if len(paths) == 2 and all(path.is_dir() for path in paths):
        return _in_folders(paths[0], paths[1])
    if len(paths) == 2 and paths[1].is_file() and holds_parts(paths[0]):
        left, right = paths
        videos = _by_stem(left)
        found = videos.get(right.stem) or (next(iter(videos.values())) if len(videos) == 1 else None)
        if found is None:
            raise CodingError(f"{left} holds no video with the name of {right.name} but for the ending")
        return [FilePair(left, right, right.stem, left_input=found.input)], []
    if folder := next((path for path in paths if path.is_dir()), None):
        raise CodingError(f"{folder} is a folder; give two folders, or files only")
    if len(paths) < 2 or len(paths) % 2:
        raise CodingError(
            f"{len(paths)} files do not go into pairs; give a table and its coding, and so on in turn"
        )
    return _named([(paths[i], paths[i + 1]) for i in range(0, len(paths), 2)]), []


def _named(found: Sequence[tuple[Path, Path]], people: Sequence[str] | None = None) -> list[FilePair]:
    """Return pairs named by the left file; by both, or the folder too, where names would be the same.

    Args:
        found: Two files each.
        people: Whom of the left file each pair is about, empty where nobody says.
    """
    names = [left.stem for left, _ in found]
    if len(set(names)) < len(names):
        names = [f"{left.parent.name}_{left.stem}" for left, _ in found]
    if len(set(names)) < len(names):
        names = [f"{left.stem}_{right.stem}" for left, right in found]
    if len(set(names)) < len(names):
        names = [f"{i + 1}_{left.stem}" for i, (left, _) in enumerate(found)]
    # A person of a video coded by several people is no several people, two of one video are.
    coded = list(zip((left for left, _ in found), people or [""] * len(found), strict=True))
    times = Counter(coded)
    return [
        FilePair(
            left,
            right,
            name,
            (f"{left.stem}, person {who[1]}" if who[1] else left.stem) if times[who] > 1 else None,
            who[1] or None,
        )
        for (left, right), name, who in zip(found, names, coded, strict=True)
    ]


def _refuse_twice(pairs: Sequence[FilePair]) -> None:
    """Refuse to count the same two files twice, or a file as agreeing with itself."""
    seen = set()
    for pair in pairs:
        key = pair.left.resolve(), pair.right.resolve(), pair.person
        if key[0] == key[1]:
            raise CodingError(f"{pair.left} would be compared with itself; give another file")
        if key in seen:
            raise CodingError(f"{pair.left} and {pair.right} are given twice; leave them out once")
        seen.add(key)


def _in_folders(left: Path, right: Path) -> tuple[list[FilePair], list[str]]:
    ours, theirs = _by_stem(left), _by_stem(right)
    shared = sorted(ours.keys() & theirs.keys())
    if not shared:
        raise CodingError(
            f"no file of {left} has the name of one of {right} but for the ending; they are called "
            f"{', '.join(sorted(ours)[:3]) or 'nothing'} and {', '.join(sorted(theirs)[:3]) or 'nothing'}"
        )
    warnings = [*_unread(left), *_unread(right)]
    for folder, alone in ((left, ours.keys() - theirs.keys()), (right, theirs.keys() - ours.keys())):
        if alone:
            some = ", ".join(sorted(alone)[:5]) + (" ..." if len(alone) > 5 else "")
            warnings.append(f"{len(alone)} files of {folder} have no partner and are not compared: {some}")
    return [
        FilePair(ours[stem].path, theirs[stem].path, stem, left_input=ours[stem].input) for stem in shared
    ], warnings


def _unread(folder: Path) -> list[str]:
    """Return a sentence on files that may be codings in a format that is not read."""
    found = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in _NOT_READ)
    if not found:
        return []
    some = ", ".join(found[:5]) + (" ..." if len(found) > 5 else "")
    return [f"{len(found)} files of {folder} are not read; save them as {', '.join(READABLE)}: {some}"]


@dataclass(frozen=True)
class _Found:
    path: Path
    input: str | None = None


def _by_stem(folder: Path) -> dict[str, _Found]:
    """Return name without ending -> the file of a folder, or the video of a folder of parts."""
    found: dict[str, _Found] = {}
    for path, video in _tables_of(folder):
        name = Path(video or path.name).name
        stem = Path(name).stem
        if stem in found and video is not None:
            raise CodingError(
                f"{folder} holds {found[stem].input} and {video}, which no name of a coding tells apart; "
                "write the table of each with 'metafacs predict' without --shard, and compare these"
            )
        if stem in found:
            raise CodingError(
                f"{folder} holds {found[stem].path.name} and {name}; keep one of them, or give --pairs"
            )
        found[stem] = _Found(path, video)
    return found


def _tables_of(folder: Path) -> Iterator[tuple[Path, str | None]]:
    if holds_parts(folder):
        yield from ((folder, video) for video in videos_of_parts(folder))
        return
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(".") and path.suffix.lower() in READABLE and path.is_file():
            yield path, None


def _listed(path: Path) -> list[FilePair]:
    table = read_delimited(path, lambda header: range(len(header)))
    names = [name.lower() for name in table.header]
    if unknown := [name for name in names if name and name not in _COLUMNS]:
        raise CodingError(f"{path}:1: column '{unknown[0]}' is unknown; expected {', '.join(_COLUMNS)}")
    if not {"left", "right"} <= set(names):
        raise CodingError(f"{path}:1: the columns 'left' and 'right' name the files of each pair")
    cells = {name: table.columns[i] for i, name in enumerate(names) if name}
    rows = len(table.lines)
    empty = [""] * rows
    for row in range(rows):
        if not cells["left"][row] or not cells["right"][row]:
            raise table.error(row, "a pair lacks a file")
    if not rows:
        raise CodingError(f"{path} lists no pair")
    left, right = ([path.parent / name for name in cells[side]] for side in ("left", "right"))
    named = _named(list(zip(left, right, strict=True)), cells.get("person", empty))
    return [
        replace(pair, subject=subject or pair.subject)
        for pair, subject in zip(named, cells.get("subject", empty), strict=True)
    ]
