"""One shard of a prepared store: its faces found, cut out and written, and whether it has to be cut again."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metafacs.data.datasets.reading import Sample, Skipped
from metafacs.data.participants import ANOTHER, Participants, Recording, are_others, recording_of
from metafacs.data.shards import Shard, StoreError, check_crops, shard_schema, write_rows
from metafacs.data.sources import Source, is_unchanged, place_of, source_of
from metafacs.data.store import Noted
from metafacs.data.videos import Video, VideoError
from metafacs.faces.alignment import AlignmentSpec, align, turned_pose
from metafacs.faces.identity import Appearance
from metafacs.faces.landmarks import spread_to_68
from metafacs.faces.pictures import PictureError, read_picture
from metafacs.faces.pipeline import find_faces, landmarks_of_aligned
from metafacs.files import write_json
from metafacs.seals import read_sealed, sealed
from metafacs.texts import printable

_JPEG_QUALITY = 95
_DECODERS = ("pillow", "pillow-heif", "av")


@dataclass(frozen=True)
class Job:
    """A shard to be cut.

    Attributes:
        path: Of its Arrow file; its note lies beside it.
        samples: What goes into it.
        witnesses: Of every recording in it, the pictures that tell whom it is of.
    """

    path: Path
    samples: list[Sample]
    witnesses: dict[Recording, tuple[Sample, ...]]


@dataclass(frozen=True)
class Cut:
    """How crops are made, alike for all shards of a store.

    Attributes:
        plan: Name of the store's plan.
        root: Folder of the data set.
        aus: FACS numbers in the order of the columns.
        expressions: Names of the classes.
        size: Side of the crops in pixels.
        alignment: Their geometry.
        pre_aligned: The pictures are crops already.
    """

    plan: str
    root: Path
    aus: tuple[int, ...]
    expressions: tuple[str, ...]
    size: int
    alignment: AlignmentSpec
    pre_aligned: bool


@dataclass(frozen=True)
class End:
    """The recording at one end of a shard, and the face that was chosen nearest to it.

    Attributes:
        recording: The recording in words.
        key: Of the crop.
        face: See :class:`metafacs.faces.identity.Appearance`.
        colours: Likewise.
    """

    recording: str
    key: str
    face: tuple[int, ...]
    colours: tuple[int, ...]

    @property
    def looks(self) -> Appearance:
        """How the face looks."""
        return Appearance(np.array(self.face, np.int8), np.array(self.colours, np.int8))


@dataclass(frozen=True)
class ShardNote:
    """What stands beside a shard: what it was made from, and that it is whole.

    Attributes:
        plan: Name of the store's plan.
        shard: The Arrow file.
        sources: Files that were looked at.
        decoders: Versions of the libraries that read them.
        skipped: Pictures that gave no crop.
        noted: Crops that are not beyond doubt.
        first: The end where the shard begins; None where it belongs to no recording or shows no face.
        last: The other end.
    """

    plan: str
    shard: Shard
    sources: list[Source]
    decoders: dict[str, str]
    skipped: list[Skipped] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)
    first: End | None = None
    last: End | None = None


def note_path(shard: Path) -> Path:
    """Return where the note of a shard is."""
    return shard.with_suffix(".json")


def read_note(shard: Path) -> ShardNote:
    """Return the note of a shard.

    Raises:
        StoreError: If it is missing or not what was written.
    """
    return read_sealed(note_path(shard), ShardNote, StoreError)


def reason_to_cut(job: Job, cut: Cut) -> str | None:
    """Return why a shard has to be cut, or cut again; None if it is what it would become.

    Returns:
        A sentence; empty if there is no shard yet.

    Raises:
        StoreError: If the shard belongs to another store.
    """
    if not job.path.exists() and not note_path(job.path).exists():
        return ""
    try:
        note = read_note(job.path)
    except StoreError:
        return f"{note_path(job.path)} is missing or damaged"
    if note.plan != cut.plan:
        raise StoreError(
            f"{job.path} belongs to a store of other data or settings, whose plan.json is lost; choose "
            "another --out, or delete the folder to prepare it anew"
        )
    try:
        check_crops(job.path.parent, note.shard)
    except FileNotFoundError:
        return f"{job.path} is missing"
    except StoreError as error:
        return str(error)
    known = {source.file: source for source in note.sources}
    own = _places(job.samples, cut.root)
    if not own.keys() <= known.keys():
        return f"{note_path(job.path)} does not know all its pictures"
    seen = {**_places((sample for some in job.witnesses.values() for sample in some), cut.root), **own}
    for place, source in known.items():
        if place not in seen or not is_unchanged(source, seen[place]):
            return f"{place} is not what it was"
    if note.skipped and note.decoders != _decoders():
        return "pictures that could not be read before may be readable now"
    return None


def cut_shard(job: Job, cut: Cut) -> int:
    """Cut out the faces of some samples and write them with their note; return how many were looked at."""
    sources = {place: source_of(path, place) for place, path in _places(job.samples, cut.root).items()}
    participants = Participants(job.witnesses, _picture, find_faces)
    rows: list[dict[str, object]] = []
    skipped: list[Skipped] = []
    noted: list[Noted] = []
    for sample, picture in _pictures(job.samples):
        try:
            row, note = (
                (None, picture) if isinstance(picture, str) else _cut(sample, picture, cut, participants)
            )
        except (ValueError, MemoryError) as error:
            row, note = None, f"unusable picture: {error or 'it needs more memory than there is'}"
        if row is not None:
            rows.append(row)
            noted += [Noted(printable(sample.key), note)] if note else []
        else:
            skipped.append(Skipped(place_of(sample.picture, cut.root), None, printable(note)))
    for sample in participants.consulted:
        place = place_of(sample.picture, cut.root)
        sources.setdefault(place, source_of(Path(sample.picture), place))
    note_path(job.path).unlink(missing_ok=True)
    shard = write_rows(job.path, rows, shard_schema(cut.aus, cut.expressions))
    ends = [_end(job.samples[place], participants, place, cut.root) for place in (0, -1)]
    known = ShardNote(cut.plan, shard, list(sources.values()), _decoders(), skipped, noted, *ends)
    write_json(note_path(job.path), sealed(asdict(known)))
    return len(job.samples)


def changed_between(notes: Sequence[ShardNote]) -> list[Noted]:
    """Return where a recording shows another face at the beginning of a shard than at the end of the last."""
    return [
        Noted(here.first.key, ANOTHER)
        for before, here in pairwise(notes)
        if before.last is not None
        and here.first is not None
        and before.last.recording == here.first.recording
        and are_others(before.last.looks, here.first.looks)
    ]


def _end(sample: Sample, participants: Participants, place: int, root: Path) -> End | None:
    recording = recording_of(sample)
    if recording is None or recording not in participants.seen:
        return None
    view = participants.seen[recording][place]
    face, colours = (tuple(values.tolist()) for values in (view.looks.face, view.looks.colours))
    picture = Path(sample.picture)
    where = place_of(picture.parent if sample.frame is None else picture, root)
    return End(f"{printable(sample.subject)}, {where}", printable(view.key), face, colours)


def _cut(
    sample: Sample, picture: np.ndarray, cut: Cut, participants: Participants
) -> tuple[dict[str, object] | None, str]:
    """Return the row of a sample, and what to note about it; no row, and why."""
    landmarks: NDArray[np.floating] | None = sample.landmarks
    note = ""
    if landmarks is None and cut.pre_aligned:
        landmarks = landmarks_of_aligned(picture)
        note = "no face found" if landmarks is None else ""
    elif landmarks is None:
        choice = participants.choose(sample, picture)
        landmarks = None if choice.face is None else choice.face.landmarks
        note = choice.note
    if landmarks is None:
        return None, note if sample.frame is None else f"{note}: frame number {sample.frame}"
    try:
        crop, matrix = align(picture, landmarks, cut.size, cut.alignment)
    except ValueError as error:
        return None, f"unusable landmarks: {error}"
    points = landmarks @ matrix[:, :2].T + matrix[:, 2]
    return _row(sample, crop, points, turned_pose(sample.pose, matrix), cut), note


def _places(samples: Iterable[Sample], root: Path) -> dict[str, Path]:
    return {place_of(sample.picture, root): Path(sample.picture) for sample in samples}


def _decoders() -> dict[str, str]:
    found = {}
    for name in _DECODERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def _picture(sample: Sample) -> np.ndarray | None:
    _, picture = next(_pictures([sample]))
    return None if isinstance(picture, str) else picture


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


def _row(
    sample: Sample,
    crop: np.ndarray,
    points: np.ndarray,
    pose: tuple[float, float, float] | None,
    cut: Cut,
) -> dict[str, object]:
    encoded = io.BytesIO()
    Image.fromarray(crop).save(encoded, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return {
        "key": printable(sample.key),
        "picture": place_of(sample.picture, cut.root),
        "subject": None if sample.subject is None else printable(sample.subject),
        "part": None if sample.part is None else printable(sample.part),
        "image": encoded.getvalue(),
        "landmarks": spread_to_68(points).astype(np.float32).ravel(),
        "pose": pose,
        "action_units": [sample.action_units.get(au, float("nan")) for au in cut.aus],
        "intensities": [sample.intensities.get(au, float("nan")) for au in cut.aus],
        "expression": -1 if sample.expression is None else sample.expression,
        "votes": sample.votes,
    }
