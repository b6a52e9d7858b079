"""The plan of a run over many files: their list, and how it is cut into parts. Nothing is opened for it.

The first worker writes the plan; all others, on whatever machine, read it. Parts follow the list: a fixed
number of pictures, or of videos, each. A part is named after its place and a digest of what it is of (the
files with size and time of change, model, options, version), so that the same part has the same name
wherever it is made.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from metafacs.data.parts import part_files
from metafacs.files import digest_of_file, write_json, written_whole
from metafacs.inference.inputs import Input, Kind
from metafacs.seals import read_sealed, sealed

PLAN, LIST, PARTS, WORK, FAILED = "plan.json", "list.parquet", "parts", "work", "failed.csv"
"""What lies in the folder of the results: the plan, the list, the parts, what is in work, what failed."""

USUAL_FILES = {"picture": 1000, "video": 10}
"""Pictures in a part, and videos."""

MOST_PARTS = 100_000

_FORM = 1
_REMEDY = "give another folder with --out"
_SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("path", pa.binary()),  # names need not be text
        ("kind", pa.string()),
        ("size", pa.int64()),
        ("changed_ns", pa.int64()),
        ("input", pa.string()),
    ]
)


class PlanError(ValueError):
    """A plan that cannot be made or followed; the message says why and what to do."""


@dataclass(frozen=True)
class Part:
    """Files whose rows are one Parquet file.

    Attributes:
        number: Its place, from 0.
        name: Of its file.
        kind: ``picture``, or ``video``, which stands for folders of frames too.
        first: Number of its first file in the list.
        files: How many there are.
    """

    number: int
    name: str
    kind: Literal["picture", "video"]
    first: int
    files: int


@dataclass(frozen=True)
class ListedFile:
    """One file of the list.

    Attributes:
        number: Its place in the list, from 0.
        input: What is analysed; its path does not depend on the current folder.
        name: What results call it: the path as it was given.
        size: In bytes when it was listed; -1 if it could not be reached. Of folders that of all files.
        changed_ns: When it was changed, in nanoseconds.
    """

    number: int
    input: Input
    name: str
    size: int
    changed_ns: int


@dataclass(frozen=True)
class PartPlan:
    """Which files are analysed, how, and in which parts.

    Attributes:
        out: Folder of the results.
        run: What tells the run from others, plain data.
        folder: Where relative paths of the list start.
        files: How many are listed.
        parts: In the order of the list.
    """

    out: Path
    run: Mapping[str, Any]
    folder: str
    files: int
    parts: tuple[Part, ...]

    def finished(self) -> set[str]:
        """Return the names of the parts that are there."""
        known = {part.name for part in self.parts}
        return {path.name for path in part_files(self.out / PARTS)} & known


def listed_files(out: Path, folder: str, part: Part) -> list[ListedFile]:
    """Return the files of a part; nothing else of the list is read.

    Args:
        out: Folder of the results.
        folder: Where relative paths of the list start.
        part: Which part.

    Raises:
        PlanError: If the list is not that of the plan.
    """
    try:
        with pq.ParquetFile(out / LIST) as file:
            rows = file.read_row_group(part.number).to_pylist()
    except (OSError, pa.ArrowException, IndexError) as error:
        raise PlanError(f"{out / LIST} cannot be read ({error}); {_REMEDY}") from error
    if [row["number"] for row in rows] != list(range(part.first, part.first + part.files)):
        raise PlanError(f"{out / LIST} is not the list of the plan beside it; {_REMEDY}")
    return [
        ListedFile(
            row["number"],
            _input(os.path.join(folder, os.fsdecode(row["path"])), row["kind"]),
            row["input"],
            row["size"],
            row["changed_ns"],
        )
        for row in rows
    ]


def state_of(found: Input) -> tuple[int, int]:
    """Return size in bytes and time of change in nanoseconds of an input; -1 and 0 if it cannot be reached.

    Of a folder of frames these are the sizes together and the last time.
    """
    try:
        if found.kind != "frames":
            status = os.stat(found.path)
            return status.st_size, status.st_mtime_ns
        states = [entry.stat() for entry in os.scandir(found.path) if entry.is_file()]
    except OSError:
        return -1, 0
    return sum(one.st_size for one in states), max((one.st_mtime_ns for one in states), default=0)


def write_plan(
    out: Path,
    inputs: Iterable[Input],
    run: Mapping[str, object],
    folder: str,
    *,
    files_per_part: int | None = None,
) -> None:
    """List the inputs and write how they are cut into parts; the caller has claimed the folder.

    The list is written as it is read: memory does not grow with it.

    Args:
        out: Folder of the results.
        inputs: What is analysed, in the order of the list.
        run: What tells the run from others, plain data.
        folder: Where relative paths start.
        files_per_part: Files in a part; None for :data:`USUAL_FILES`.

    Raises:
        PlanError: If there would be too many parts.
        OSError: If it cannot be written.
    """
    parts: list[Part] = []
    plain = json.loads(json.dumps(dict(run)))
    with written_whole(out / LIST) as temporary, pq.ParquetWriter(temporary, _SCHEMA) as writer:
        first = 0
        for kind, group in _groups(inputs, files_per_part):
            if len(parts) == MOST_PARTS:
                raise PlanError(
                    f"there would be more than {MOST_PARTS:,} parts; give a larger number with "
                    "--files_per_part"
                )
            rows = [_row(first + i, found) for i, found in enumerate(group)]
            writer.write_table(pa.Table.from_pylist(rows, _SCHEMA), row_group_size=len(rows))
            number = len(parts)
            parts.append(Part(number, _name(number, plain, rows), kind, first, len(rows)))
            first += len(rows)
    content = {
        "plan": _FORM,
        "run": plain,
        "folder": folder,
        "files": first,
        "list": digest_of_file(out / LIST),
        "parts": [asdict(part) for part in parts],
    }
    write_json(out / PLAN, sealed(content))


def read_plan(out: Path) -> PartPlan:
    """Return the plan of a folder of results.

    Raises:
        PlanError: If there is none, or it or the list beside it was damaged.
    """
    if not (out / PLAN).is_file():
        raise PlanError(f"{out} holds no plan of parts; name the --out of a 'metafacs predict' with --shard")
    content = read_sealed(out / PLAN, _Content, PlanError, _REMEDY)
    if content.plan != _FORM:
        raise PlanError(
            f"{out / PLAN} was written by another version of metafacs (form {content.plan}, here {_FORM}); "
            "go on "
            "with that version, or give another folder with --out"
        )
    if not (out / LIST).is_file() or digest_of_file(out / LIST) != content.list:
        raise PlanError(f"{out / LIST} is missing or damaged; {_REMEDY}")
    return PartPlan(out, content.run, content.folder, content.files, content.parts)


def differences(plan: PartPlan, run: Mapping[str, object]) -> list[str]:
    """Return what is otherwise in the run of a plan, as clauses; empty if it is the same."""
    theirs, ours = plan.run, json.loads(json.dumps(dict(run)))
    return [
        f"{name} was {theirs.get(name)!r} and is {ours.get(name)!r}"
        for name in sorted({*theirs, *ours})
        if theirs.get(name) != ours.get(name)
    ]


@dataclass(frozen=True)
class _Content:
    plan: int
    run: dict[str, Any]
    folder: str
    files: int
    list: str
    parts: tuple[Part, ...]


def _groups(
    inputs: Iterable[Input], size: int | None
) -> Iterator[tuple[Literal["picture", "video"], list[Input]]]:
    """Yield the inputs of every part: pictures, or videos and folders of frames, never both."""
    waiting: dict[Literal["picture", "video"], list[Input]] = {"picture": [], "video": []}
    for found in inputs:
        kind: Literal["picture", "video"] = "picture" if found.kind == "picture" else "video"
        waiting[kind].append(found)
        if len(waiting[kind]) == (size or USUAL_FILES[kind]):
            yield kind, waiting[kind]
            waiting[kind] = []
    for kind, group in waiting.items():
        if group:
            yield kind, group


def _row(number: int, found: Input) -> dict[str, object]:
    size, changed = state_of(found)
    path = os.fsencode(found.path)
    return dict(zip(_SCHEMA.names, (number, path, found.kind, size, changed, found.name), strict=True))


def _name(number: int, run: Mapping[str, object], rows: list[dict[str, object]]) -> str:
    known = [[row["number"], row["input"], row["kind"], row["size"], row["changed_ns"]] for row in rows]
    digest = hashlib.sha256(json.dumps([run, known], sort_keys=True).encode()).hexdigest()
    return f"{number:06d}-{digest[:16]}.parquet"


def _input(path: str, kind: Kind) -> Input:
    return Input(Path(path), kind, Path(os.path.basename(path)))
