"""Turn a data set's layout into a prepared store: detect, landmark, align, write; parallel and resumable."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from metafacs.data.cutting import (
    Cut,
    Job,
    ShardNote,
    changed_between,
    cut_shard,
    read_note,
    reason_to_cut,
)
from metafacs.data.datasets import find_reader
from metafacs.data.datasets.reading import DatasetError, Reading, find_twin
from metafacs.data.datasets.soundness import check_reading
from metafacs.data.participants import recording_of, witnesses
from metafacs.data.store import STORE_FILE, Store
from metafacs.data.store_plan import check_folder, name_of, plan_of, write_plan
from metafacs.faces.alignment import LARGEST_CROP, SMALLEST_CROP, AlignmentSpec
from metafacs.files import make_durable, write_json
from metafacs.locks import claimed
from metafacs.parsing import FileError, check_number, read_json
from metafacs.processes import run_jobs, use_one_thread
from metafacs.progress import progress_bar
from metafacs.seals import sealed
from metafacs.texts import printable

_SHARD = 128


def prepare(
    dataset: str,
    root: Path | str,
    out: Path | str,
    *,
    options: Mapping[str, Any] | None = None,
    size: int = 256,
    alignment: AlignmentSpec | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Store:
    """Read a data set, cut out the aligned faces and write the prepared store; goes on where it was stopped.

    Args:
        dataset: Name of the data set, see ``metafacs prepare --help``; ``module:function`` of a reader of
            your own.
        root: Folder of the data set or of its twin.
        out: Folder of the store; new, empty, or a store of the same data and settings.
        options: The reader's own, e.g. ``{"threshold": 1}`` for DISFA.
        size: Side of the square crops in pixels.
        alignment: How faces are cut out; the same cut prediction will use.
        workers: Processes; None = one per core, 1 = in this process.
        progress: Show a progress bar.

    Returns:
        The opened store.

    Raises:
        PluginError: If there is no such reader.
        DatasetError: If the folder is not what the reader expects, a label is none, or no face was found.
        StoreError: If ``out`` holds something else.
    """
    reading = read_dataset(dataset, root, options)
    return prepare_store(reading, out, size=size, alignment=alignment, workers=workers, progress=progress)


def read_dataset(dataset: str, root: Path | str, options: Mapping[str, Any] | None = None) -> Reading:
    """Return what the reader of a data set finds below a folder, the arguments of :func:`prepare`.

    A twin is marked as one even if the reader, such as one of your own, did not look for it.
    """
    reader = find_reader(dataset)
    reading = reader(root, **(options or {}))
    if reading.twin is None:
        reading.twin = find_twin(Path(root))
    reading.reader = f"{reader.__module__}:{getattr(reader, '__qualname__', type(reader).__qualname__)}"
    reading.options = _complete(reader, root, options or {})
    return reading


def prepare_store(
    reading: Reading,
    out: Path | str,
    *,
    size: int = 256,
    alignment: AlignmentSpec | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Store:
    """Cut the aligned face out of every picture of a data set and write the prepared store.

    Work that was finished before a kill is kept, and a second call makes only what is missing, damaged, or
    cut from a picture or video that has changed since; what is made again is told on standard error. A
    picture that cannot be read or shows no face is noted in ``store.json`` with its file and never stops the
    rest. Landmarks that a sample brings along cut its crop; elsewhere the face is found, and among several
    that of the person whom the recording is of, see :class:`metafacs.data.participants.Participants`. Frames
    of a video are decoded one after the other, one decoder per shard.

    Args:
        reading: What a reader found.
        out: Folder of the store; new, empty, or a store of the same data and settings.
        size: Side of the square crops in pixels.
        alignment: Geometry of the crop; the same one prediction will use.
        workers: Processes; None = one per core, 1 = in this process.
        progress: Show a progress bar.

    Returns:
        The opened store.

    Raises:
        DatasetError: If the reading holds no samples, or a label that is none, see
            :func:`metafacs.data.datasets.soundness.check_reading`; if no face was found.
        StoreError: If ``out`` holds something else; the message names the difference.
        FolderInUseError: If another process is writing the store.
        ValueError: If crops of that size cannot be made.
    """
    out = Path(out)
    alignment = alignment or AlignmentSpec()
    check_number("size", size, SMALLEST_CROP, LARGEST_CROP)
    if not reading.samples:
        raise DatasetError(f"{reading.root} holds no usable picture of {reading.dataset}:\n{reading}")
    check_reading(reading)
    plan = plan_of(reading, size, alignment, _SHARD)
    check_folder(out, plan)
    with claimed(out, f"preparing {reading.dataset}"):
        # Another process may have begun a store here before this one had the folder to itself.
        check_folder(out, plan)
        jobs = _jobs(reading, out)
        cut = Cut(
            name_of(plan),
            reading.root,
            reading.aus,
            reading.expressions,
            size,
            alignment,
            reading.pre_aligned,
        )
        reasons = [reason_to_cut(job, cut) for job in jobs]
        todo = [job for job, reason in zip(jobs, reasons, strict=True) if reason is not None]
        write_plan(out, plan)
        if todo:
            # It vouches for the shards: without it nobody reads a store of which half is new.
            (out / STORE_FILE).unlink(missing_ok=True)
            make_durable([out / STORE_FILE])
        with progress_bar(progress) as bar:
            for job, reason in zip(jobs, reasons, strict=True):
                if reason:
                    print(f"{job.path.name} is made again: {reason}", file=sys.stderr)
            task = bar.add_task(f"preparing {reading.dataset}", total=len(reading.samples))
            bar.advance(task, len(reading.samples) - sum(len(job.samples) for job in todo))
            for count in run_jobs(partial(cut_shard, cut=cut), todo, workers, initialise=use_one_thread):
                bar.advance(task, count)
        return _finish(out, reading, plan, [read_note(job.path) for job in jobs])


def _jobs(reading: Reading, out: Path) -> list[Job]:
    known = witnesses(reading.samples)
    jobs = []
    for number, start in enumerate(range(0, len(reading.samples), _SHARD)):
        samples = reading.samples[start : start + _SHARD]
        recordings = {recording for sample in samples if (recording := recording_of(sample)) is not None}
        own = {recording: known[recording] for recording in sorted(recordings)}
        jobs.append(Job(out / f"shard-{number:05d}.arrow", samples, own))
    return jobs


def _complete(
    reader: Callable[..., Reading], root: Path | str, options: Mapping[str, Any]
) -> dict[str, object]:
    """Return the options of a reader as plain data, with the defaults of those that were not given."""
    given = inspect.signature(reader).bind(root, **options)
    given.apply_defaults()
    plain: dict[str, object] = json.loads(json.dumps(dict(list(given.arguments.items())[1:]), default=str))
    return plain


def _finish(out: Path, reading: Reading, plan: dict[str, Any], notes: list[ShardNote]) -> Store:
    pictures = sum(note.shard.rows for note in notes)
    if not pictures:
        raise DatasetError(
            f"no face was found in any of the {len(reading.samples)} pictures of {reading.root}"
        )
    skipped = [replace(entry, file=printable(entry.file)) for entry in reading.skipped]
    content = sealed(
        {
            **plan,
            "pictures": pictures,
            "shards": [asdict(note.shard) for note in notes],
            "skipped": [asdict(entry) for entry in (*skipped, *(e for note in notes for e in note.skipped))],
            "noted": [
                asdict(entry)
                for entry in (*(e for note in notes for e in note.noted), *changed_between(notes))
            ],
        }
    )
    try:
        known = read_json(out / STORE_FILE, dict[str, Any])
    except FileError:
        known = {}
    if known != content:
        write_json(out / STORE_FILE, content)
    return Store(out)
