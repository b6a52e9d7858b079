"""Turn a data set's layout into a prepared store: detect, landmark, align, write; parallel and resumable."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from metafacs.data.datasets import find_reader
from metafacs.data.datasets.reading import DatasetError, Reading, Sample, Skipped, find_twin
from metafacs.data.shards import StoreError, shard_schema
from metafacs.data.store import STORE_FILE, Store
from metafacs.data.videos import Video, VideoError
from metafacs.faces.alignment import AlignmentSpec, align, turned_pose
from metafacs.faces.landmarks import spread_to_68
from metafacs.faces.pictures import PictureError, read_picture
from metafacs.faces.pipeline import find_faces, landmarks_of_aligned
from metafacs.files import write_json, written_whole
from metafacs.processes import run_jobs, use_one_thread
from metafacs.progress import progress_bar
from metafacs.version import __version__

PLAN_FILE = "plan.json"
SKIPPED_KEY = b"skipped"
_SHARD = 128
_JPEG_QUALITY = 95


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
        out: Folder of the store; new, empty, or an unfinished store of the same plan.
        options: The reader's own, e.g. ``{"threshold": 1}`` for DISFA.
        size: Side of the square crops in pixels.
        alignment: How faces are cut out; the same cut prediction will use.
        workers: Processes; None = one per core, 1 = in this process.
        progress: Show a progress bar.

    Returns:
        The opened store.

    Raises:
        PluginError: If there is no such reader.
        DatasetError: If the folder is not what the reader expects, or no face was found.
        StoreError: If ``out`` holds something else.
    """
    reading = read_dataset(dataset, root, options)
    return prepare_store(reading, out, size=size, alignment=alignment, workers=workers, progress=progress)


def read_dataset(dataset: str, root: Path | str, options: Mapping[str, Any] | None = None) -> Reading:
    """Return what the reader of a data set finds below a folder, the arguments of :func:`prepare`.

    A twin is marked as one even if the reader, such as one of your own, did not look for it.
    """
    reading = find_reader(dataset)(root, **(options or {}))
    if reading.twin is None:
        reading.twin = find_twin(Path(root))
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

    Work that was finished before a kill is kept: every shard is written to a temporary name and renamed,
    and a second call renders only what is missing. A picture that cannot be read or shows no face is
    noted in ``store.json`` with its file and never stops the rest. Landmarks that a sample brings along cut
    its crop; elsewhere the face is found. Frames of a video are decoded one after the other, one decoder per
    shard.

    Args:
        reading: What a reader found.
        out: Folder of the store; new, empty, or an unfinished store of the same plan.
        size: Side of the square crops in pixels.
        alignment: Geometry of the crop; the same one prediction will use.
        workers: Processes; None = one per core, 1 = in this process.
        progress: Show a progress bar.

    Returns:
        The opened store.

    Raises:
        DatasetError: If the reading holds no samples or no face was found in any of them.
        StoreError: If ``out`` holds something else.
    """
    out = Path(out)
    alignment = alignment or AlignmentSpec()
    if not reading.samples:
        raise DatasetError(f"{reading.root} holds no usable picture of {reading.dataset}:\n{reading}")
    plan = _plan(reading, size, alignment)
    _claim(out, plan)
    chunks = [reading.samples[i : i + _SHARD] for i in range(0, len(reading.samples), _SHARD)]
    names = [f"shard-{i:05d}.arrow" for i in range(len(chunks))]
    todo = [
        (out / name, chunk) for name, chunk in zip(names, chunks, strict=True) if not (out / name).exists()
    ]
    work = partial(
        write_shard,
        aus=reading.aus,
        expressions=reading.expressions,
        size=size,
        alignment=alignment,
        pre_aligned=reading.pre_aligned,
    )
    with progress_bar(progress) as bar:
        task = bar.add_task(f"preparing {reading.dataset}", total=len(reading.samples))
        bar.advance(task, len(reading.samples) - sum(len(chunk) for _, chunk in todo))
        for count in run_jobs(work, todo, workers, initialise=use_one_thread):
            bar.advance(task, count)
    return _finish(out, reading, plan, names)


def write_shard(
    job: tuple[Path, list[Sample]],
    *,
    aus: tuple[int, ...],
    expressions: tuple[str, ...],
    size: int,
    alignment: AlignmentSpec,
    pre_aligned: bool,
) -> int:
    """Crop the faces of some samples and write them as one Arrow file; return how many were looked at."""
    path, samples = job
    rows: list[dict[str, object]] = []
    skipped: list[Skipped] = []
    for sample, picture in _pictures(samples):
        if isinstance(picture, str):
            skipped.append(Skipped(str(sample.picture), None, picture))
            continue
        landmarks = _landmarks(picture, pre_aligned) if sample.landmarks is None else sample.landmarks
        if landmarks is None:
            frame = "" if sample.frame is None else f": frame number {sample.frame}"
            skipped.append(Skipped(str(sample.picture), None, f"no face found{frame}"))
            continue
        try:
            crop, matrix = align(picture, landmarks, size, alignment)
        except ValueError as error:
            skipped.append(Skipped(str(sample.picture), None, f"unusable landmarks: {error}"))
            continue
        points = landmarks @ matrix[:, :2].T + matrix[:, 2]
        rows.append(_row(sample, crop, points, turned_pose(sample.pose, matrix), aus))
    schema = shard_schema(aus, expressions)
    note = json.dumps([asdict(s) for s in skipped]).encode()
    table = pa.Table.from_pylist(rows, schema=schema).replace_schema_metadata({SKIPPED_KEY: note})
    with (
        written_whole(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        writer.write_table(table)
    return len(samples)


def _pictures(samples: list[Sample]) -> Iterator[tuple[Sample, np.ndarray | str]]:
    """Yield every sample with its picture, or with the reason why there is none."""
    for video, group in groupby(samples, lambda sample: None if sample.frame is None else sample.picture):
        if video is not None:
            yield from _frames(video, list(group))
            continue
        for sample in group:
            picture: np.ndarray | str
            try:
                picture = read_picture(sample.picture)
            except PictureError as error:
                picture = f"unreadable picture: {error}"
            yield sample, picture


def _frames(video: Path, samples: list[Sample]) -> Iterator[tuple[Sample, np.ndarray | str]]:
    ordered = sorted((sample.frame or 0, position) for position, sample in enumerate(samples))
    done = 0
    try:
        for frame in Video(video).at([number for number, _ in ordered]):
            problem = f"unreadable frame: number {frame.number} of {video}: {frame.problem}"
            yield samples[ordered[done][1]], problem if frame.image is None else frame.image
            done += 1
    except VideoError as error:
        for number, position in ordered[done:]:
            yield samples[position], f"unreadable frame: number {number}: {error}"


def _landmarks(picture: np.ndarray, pre_aligned: bool) -> np.ndarray | None:
    if pre_aligned:
        return landmarks_of_aligned(picture)
    faces = find_faces(picture)
    return faces[0].landmarks if faces else None


def _row(
    sample: Sample,
    crop: np.ndarray,
    points: np.ndarray,
    pose: tuple[float, float, float] | None,
    aus: tuple[int, ...],
) -> dict[str, object]:
    encoded = io.BytesIO()
    Image.fromarray(crop).save(encoded, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return {
        "key": sample.key,
        "picture": str(sample.picture),
        "subject": sample.subject,
        "part": sample.part,
        "image": encoded.getvalue(),
        "landmarks": spread_to_68(points).astype(np.float32).ravel(),
        "pose": pose,
        "action_units": [sample.action_units.get(au, float("nan")) for au in aus],
        "intensities": [sample.intensities.get(au, float("nan")) for au in aus],
        "expression": -1 if sample.expression is None else sample.expression,
        "votes": sample.votes,
    }


def _plan(reading: Reading, size: int, alignment: AlignmentSpec) -> dict[str, object]:
    # Labels and keys are part of the identity of a plan: a resumed store must not mix two versions of a set.
    digest = hashlib.sha256()
    for sample in reading.samples:
        labels = (sample.key, sorted(sample.action_units.items()), sample.expression)
        digest.update(repr(labels).encode())
        digest.update(repr(sorted(sample.intensities.items())).encode())
        if sample.landmarks is not None:
            digest.update(sample.landmarks.tobytes())
        if sample.pose is not None:
            digest.update(repr(sample.pose).encode())
    return {
        "dataset": reading.dataset,
        "size": size,
        "alignment": asdict(alignment),
        "aus": list(reading.aus),
        "expressions": list(reading.expressions),
        "samples": len(reading.samples),
        "labels_hash": digest.hexdigest()[:16],
        "synthetic": reading.twin is not None,
        "twin": reading.twin,
        "metafacs": __version__,
    }


def _claim(out: Path, plan: dict[str, object]) -> None:
    path = out / PLAN_FILE
    if path.exists():
        if json.loads(path.read_text(encoding="utf-8")) != json.loads(json.dumps(plan)):
            raise StoreError(
                f"{out} holds a store of other data or settings; choose another --out or delete it"
            )
        return
    if out.exists() and any(out.iterdir()):
        raise StoreError(f"{out} is not empty and not a store; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_json(path, plan)


def _finish(out: Path, reading: Reading, plan: dict[str, object], names: list[str]) -> Store:
    skipped = [asdict(s) for s in reading.skipped]
    pictures = 0
    for name in names:
        with pa.memory_map(str(out / name)) as mapped:
            file = pa.ipc.open_file(mapped)
            skipped += json.loads(file.schema.metadata[SKIPPED_KEY])
            pictures += sum(file.get_batch(i).num_rows for i in range(file.num_record_batches))
    if not pictures:
        raise DatasetError(
            f"no face was found in any of the {len(reading.samples)} pictures of {reading.root}"
        )
    write_json(out / STORE_FILE, {**plan, "shards": names, "pictures": pictures, "skipped": skipped})
    return Store(out)
