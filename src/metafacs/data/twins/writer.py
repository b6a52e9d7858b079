"""What every twin shares: parallel rendering, progress, resuming, atomic files, refusal of foreign folders.

A twin is cut into chunks. A chunk's pictures depend on nothing but the twin's seed and the chunk itself, so
the bytes are the same whatever the number of processes and however often the rendering was stopped.
"""

from __future__ import annotations

import io
import json
import os
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metafacs import files
from metafacs.data.datasets.reading import TWIN_FILE
from metafacs.data.twins.chunks import (
    MANIFESTS,
    Record,
    finished_record,
    holds_manifests_of,
    other_files,
    write_manifest,
)
from metafacs.data.videos import VIDEO_SUFFIXES
from metafacs.files import make_durable
from metafacs.locks import OWN_FILES, claimed
from metafacs.parsing import FileError, read_json
from metafacs.processes import run_jobs, worker_count
from metafacs.progress import progress_bar
from metafacs.version import __version__

Preset = Literal["tiny", "demo", "small", "full"]
"""Sizes of twins; ``demo``, which only the two sets of the demo have, is a third of ``small``."""
SizeT = TypeVar("SizeT")

FORMAT = 2
"""Number of the generator's output; raised whenever the same seed gives other bytes."""

_JPEG_QUALITY = 93


class TwinError(ValueError):
    """A twin cannot be written here; the message says why and what to do."""


@dataclass(frozen=True)
class TwinSummary:
    """What a rendering wrote.

    Attributes:
        twin: Name of the data set.
        root: Its folder.
        preset: Size.
        seed: Seed of the generator.
        pictures: Number of pictures in the twin.
        rendered: How many of them this call rendered; the others were there already.
        seconds: Wall-clock time of this call.
        counts: Further numbers of the twin, e.g. subjects and label rates.
    """

    twin: str
    root: Path
    preset: str
    seed: int
    pictures: int
    rendered: int
    seconds: float
    counts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return one line for people."""
        return (
            f"synthetic twin of {self.twin} ({self.preset}, seed {self.seed}) in {self.root}: "
            f"{self.pictures} pictures, {self.rendered} rendered now in {self.seconds:.0f} s"
        )


ChunkT = TypeVar("ChunkT")


@dataclass(frozen=True)
class TwinPlan(Generic[ChunkT]):
    """What is to be written.

    Attributes:
        twin: Name of the data set, e.g. ``bp4d``.
        preset: Size.
        seed: Seed of the generator.
        chunks: Unique name of each chunk -> the chunk, in the order of the label files.
        pictures: Number of labelled pictures of each chunk, by name.
        render: Writes a chunk's files below the root and returns its record: JSON-serialisable, with the
            relative paths of all files under ``"files"``. Must be importable by other processes.
        finish: Writes what depends on all chunks, given their records in order, and returns the counts.
        files_per_picture: JPEG files that belong to one labelled picture.
        videos: The pictures of each chunk are the frames of one video, not JPEG files.
    """

    twin: str
    preset: Preset
    seed: int
    chunks: Mapping[str, ChunkT]
    pictures: Mapping[str, int]
    render: Callable[[Path, ChunkT], Record]
    finish: Callable[[Path, Sequence[Record]], Mapping[str, Any]]
    files_per_picture: int = 1
    videos: bool = False


def size_of(preset: Preset, sizes: Mapping[Preset, SizeT]) -> SizeT:
    """Return a twin's size for a preset.

    Raises:
        ValueError: If the preset is unknown.
    """
    if preset not in sizes:
        raise ValueError(f"unknown preset {preset!r}; choose one of {', '.join(sizes)}")
    return sizes[preset]


def write_twin(
    root: Path | str, plan: TwinPlan[ChunkT], *, workers: int | None = None, progress: bool = True
) -> TwinSummary:
    """Write a twin, or take up one that was stopped or damaged.

    Whatever of it is there as it was written stays; the rest is rendered again, to the same bytes.

    Args:
        root: Folder of the twin: new, empty, or holding a twin of the same plan.
        plan: What to write.
        workers: Processes; None = one per core that this process may use, 1 = in this process.
        progress: Show a progress bar.

    Returns:
        What was written.

    Raises:
        TwinError: If the folder holds anything else, or the twin is damaged beyond repair.
        FolderInUseError: If another process is writing the folder.
        WorkerError: If a rendering process dies.
    """
    start = time.monotonic()
    root = Path(root)
    processes = worker_count(workers)
    check_seed(plan.seed)
    _described(root, plan)  # Before anything is written: a foreign folder is left as it is.
    with claimed(root, f"rendering the twin of {plan.twin}", below=True):
        described = _described(root, plan)
        if described.get("complete") is True and not (root / MANIFESTS).is_dir():
            # Written before manifests were kept.
            _check_complete(root, plan)
            return _summary(root, plan, described, 0, start)
        return _write(root, plan, described, processes, progress, start)


def _write(
    root: Path,
    plan: TwinPlan[ChunkT],
    described: Mapping[str, Any],
    processes: int,
    progress: bool,
    start: float,
) -> TwinSummary:
    identity, total = _identity(plan), sum(plan.pictures.values())
    if described.get("complete") is not True:
        _write_described(root, described)
    records = {name: finished_record(root, name, identity) for name in plan.chunks}
    missing = [name for name, record in records.items() if record is None]
    with progress_bar(progress) as bar:
        task = bar.add_task(f"twin of {plan.twin}", total=total)
        bar.advance(task, total - sum(plan.pictures[name] for name in missing))
        jobs = [(name, plan.chunks[name]) for name in missing]
        for name in run_jobs(partial(_render_chunk, root, identity, plan.render), jobs, processes):
            records[name] = finished_record(root, name, identity)
            bar.advance(task, plan.pictures[name])
    known = [record for record in records.values() if record is not None]
    if len(known) < len(records):
        raise TwinError(f"files of {root} changed while it was rendered; start the same command again")
    counts = dict(plan.finish(root, known))
    make_durable(other_files(root, known))
    finished = {**identity, "complete": True, "pictures": total, **counts}
    if finished != described:
        _write_described(root, finished)
    return _summary(root, plan, finished, sum(plan.pictures[name] for name in missing), start)


def check_seed(seed: int) -> None:
    """Refuse a seed that no twin can have.

    Raises:
        TwinError: If it is negative or has more than 63 bits.
    """
    if not 0 <= seed < 1 << 63:
        raise TwinError(f"the seed of a twin is {seed}; give 0 or more, below 2 to the power of 63")


def chunk_generator(twin: str, seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the random generator of one part of a twin, independent of all other parts.

    Args:
        twin: Name of the data set.
        seed: Seed of the twin.
        purpose: What it is for: names and numbers.

    Raises:
        TwinError: If the seed is negative.
    """
    check_seed(seed)
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in (twin, *purpose)]
    return np.random.default_rng([seed, *words])


def write_text(path: Path, text: str) -> None:
    """Write a text file as :func:`write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def write_jpeg(path: Path, image: NDArray[np.uint8], quality: int = _JPEG_QUALITY) -> None:
    """Write a picture of shape (height, width, 3) as JPEG in one step."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    write_bytes(path, buffer.getvalue())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, without waiting for the disk: manifests and ``TWIN.json`` do.

    A file that has this content already stays as it is, with the time of its last change.
    """
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return
    files.write_bytes(path, content, durable=False)


def _identity(plan: TwinPlan[Any]) -> dict[str, Any]:
    return {
        "twin": plan.twin,
        "synthetic": True,
        "generator": "metafacs",
        "generator_version": __version__,
        "format": FORMAT,
        "preset": plan.preset,
        "seed": plan.seed,
    }


def _described(root: Path, plan: TwinPlan[Any]) -> dict[str, Any]:
    """Return the content of ``TWIN.json``, what it is to be where the folder is new; refuse what is not ours.

    A ``TWIN.json`` that is damaged is written anew if the manifests of the chunks say the same, or if there
    is nothing else.
    """
    identity, path = _identity(plan), root / TWIN_FILE
    if root.exists() and not root.is_dir():
        raise TwinError(f"{root} is a file; give a folder for the twin")
    problem = f"is not empty and holds no {TWIN_FILE}"
    if path.exists():
        try:
            found = read_json(path, dict[str, Any])
        except FileError as error:
            problem = f"holds a damaged twin ({error})"
        else:
            _refuse_another(root, found, identity)
            return found
    here = {entry.name for entry in root.iterdir()} - OWN_FILES if root.exists() else set()
    if here - {TWIN_FILE, MANIFESTS} and not holds_manifests_of(root, identity):
        raise TwinError(
            f"{root} {problem}; a twin is only written to a folder of its own: choose another, or delete "
            "this one if it can be rendered again"
        )
    return {**identity, "complete": False}


def _refuse_another(root: Path, found: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    differences = [key for key in identity if found.get(key) != identity[key]]
    if differences:
        detail = ", ".join(f"{key} {found.get(key)!r} instead of {identity[key]!r}" for key in differences)
        raise TwinError(f"{root} holds another twin: {detail}; choose another folder or delete this one")


def _write_described(root: Path, content: Mapping[str, Any]) -> None:
    files.write_text(root / TWIN_FILE, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _check_complete(root: Path, plan: TwinPlan[Any]) -> None:
    """Refuse a twin that says it is complete but lost some of its pictures or videos."""
    wanted = len(plan.chunks) if plan.videos else sum(plan.pictures.values()) * plan.files_per_picture
    kind, endings = ("video", VIDEO_SUFFIXES) if plan.videos else ("JPEG", (".jpg",))
    found = sum(file.endswith(endings) for _, _, files in os.walk(root) for file in files)
    if found < wanted:
        raise TwinError(
            f"{root} was complete with {wanted} {kind} files but {found} are left; delete it and render it "
            "again"
        )


def _render_chunk(
    root: Path, identity: Mapping[str, Any], render: Callable[[Path, ChunkT], Record], job: tuple[str, ChunkT]
) -> str:
    """Render one chunk; its manifest is written last, so it vouches for everything else."""
    name, chunk = job
    write_manifest(root, name, identity, render(root, chunk))
    return name


def _summary(
    root: Path, plan: TwinPlan[Any], described: Mapping[str, Any], rendered: int, start: float
) -> TwinSummary:
    identity = (
        "twin",
        "synthetic",
        "generator",
        "generator_version",
        "format",
        "preset",
        "seed",
        "complete",
        "pictures",
    )
    counts = {key: value for key, value in described.items() if key not in identity}
    pictures, seconds = int(described["pictures"]), time.monotonic() - start
    return TwinSummary(plan.twin, root, plan.preset, plan.seed, pictures, rendered, seconds, counts)
