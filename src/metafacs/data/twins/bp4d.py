"""The synthetic twin of BP4D: 41 people, eight tasks, frames with occurrence and intensity codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from metafacs.data.twins.task_programmes import TASK_PROGRAMMES, Person, sample_person, sample_session
from metafacs.data.twins.writer import (
    Preset,
    Record,
    TwinPlan,
    TwinSummary,
    chunk_generator,
    size_of,
    write_jpeg,
    write_text,
    write_twin,
)
from metafacs.facs import BP4D_AUS
from metafacs.synthesis.activations import (
    RENDERED_AUS,
    Activation,
    intensity_level,
    is_present,
    resolve_conflicts,
)
from metafacs.synthesis.camera import LAB, photograph
from metafacs.synthesis.expressions import sample_asymmetry
from metafacs.synthesis.identities import Identity, sample_identity
from metafacs.synthesis.renderer import Subject
from metafacs.synthesis.scenes import Studio, lab_scene, sample_studio

SUBJECTS: tuple[str, ...] = (
    *(f"F{number:03d}" for number in range(1, 24)),
    *(f"M{number:03d}" for number in range(1, 19)),
)
"""The 41 people of BP4D; the letter tells the sex."""

TINY_SUBJECTS: tuple[str, ...] = ("F001", "M001", "F003", "M002", "F004", "M003")
"""A woman and a man of each of the three published parts."""

HEADER: tuple[int, ...] = tuple(range(28))
"""Columns of a label file: 0 = frame number, k = AU k."""

CODED_AUS: tuple[int, ...] = tuple(au for au in HEADER if au in RENDERED_AUS)
"""AUs with codes 0 and 1; the other columns hold 9 throughout, because the renderer has no shape for them."""

INTENSITY_AUS: tuple[int, ...] = (6, 10, 12, 14, 17)
"""AUs with intensity files."""

THREE_DIGIT_SEQUENCE = ("M001", "T2")
"""The sequence whose frames have three digits in their names, as some of the real set have."""

_UNKNOWN = 9
_UNKNOWN_SHARE = 0.004
_OLDEST = 0.3
_FIRST_FRAME = 2440
_LONGEST, _SHORTEST, _MEAN_LENGTH, _LENGTH_DEVIATION = 768, 90, 448, 130


@dataclass(frozen=True)
class _Size:
    subjects: tuple[str, ...]
    frames: int | None
    pixels: int


_SIZES: dict[Preset, _Size] = {
    "tiny": _Size(TINY_SUBJECTS, 2, 128),
    "small": _Size(SUBJECTS, 12, 160),
    "full": _Size(SUBJECTS, None, 224),
}


@dataclass(frozen=True)
class _Sequence:
    """One task of one person: the unit of rendering.

    Attributes:
        seed: Seed of the twin.
        subject: E.g. ``F001``.
        task: E.g. ``T1``.
        length: Frames of the coded segment.
        first: Number of its first frame.
        rendered: Positions within the segment of the frames that are rendered.
        pixels: Side of the pictures.
    """

    seed: int
    subject: str
    task: str
    length: int
    first: int
    rendered: tuple[int, ...]
    pixels: int


def write_bp4d(
    root: Path | str,
    *,
    preset: Preset = "small",
    seed: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> TwinSummary:
    """Write the synthetic twin of BP4D in BP4D's own layout.

    ``AUCoding/AU_OCC/F001_T1.csv`` holds the occurrence codes (level B and above = 1, unknown = 9),
    ``AUCoding/AU_INT/AU06/F001_T1_AU06.csv`` the intensities 0 to 5 of five AUs,
    ``Sequences(2D+3D)/F001/T1/2440.jpg`` the frames, ``TWIN.json`` what it is and how it was made.

    Args:
        root: Folder of the twin: new, empty, or a stopped twin of the same preset and seed.
        preset: ``tiny`` (6 people, 96 frames of 128 px), ``small`` (41 people, 12 frames of each task,
            160 px) or ``full`` (41 people, every frame of the coded segments, 224 px).
        seed: Seed of the generator; another seed gives other people.
        workers: Processes; None = one per core.
        progress: Show a progress bar.

    Returns:
        What was written, with the share of positive codes per AU.

    Raises:
        TwinError: If the folder holds something else or the seed is negative.
        ValueError: If the preset is unknown.
    """
    size = size_of(preset, _SIZES)
    sequences = {
        f"{subject}_{task}": _plan_sequence(seed, subject, task, size)
        for subject in size.subjects
        for task in TASK_PROGRAMMES
    }
    plan = TwinPlan(
        twin="bp4d",
        preset=preset,
        seed=seed,
        chunks=sequences,
        pictures={name: len(sequence.rendered) for name, sequence in sequences.items()},
        render=_render_sequence,
        finish=_count,
    )
    return write_twin(root, plan, workers=workers, progress=progress)


def _plan_sequence(seed: int, subject: str, task: str, size: _Size) -> _Sequence:
    rng = chunk_generator("bp4d", seed, "plan", subject, task)
    length = int(np.clip(rng.normal(_MEAN_LENGTH, _LENGTH_DEVIATION), _SHORTEST, _LONGEST))
    first = int(rng.integers(40, 2600))
    if (subject, task) == THREE_DIGIT_SEQUENCE:
        length, first = min(length, 700), int(rng.integers(40, 250))
    elif (subject, task) == ("F001", "T1"):
        first = _FIRST_FRAME
    rendered: Sequence[int] = range(length)
    if size.frames is not None:
        spread = (np.arange(size.frames) + rng.uniform(0.1, 0.9, size.frames)) / size.frames
        rendered = [int(position * length) for position in spread]
        if (subject, task) == ("F001", "T1"):
            rendered[0] = 0
    return _Sequence(seed, subject, task, length, first, tuple(rendered), size.pixels)


@lru_cache(maxsize=2)
def _person(seed: int, subject: str) -> tuple[Subject, Person, Studio]:
    """Return face, temper and recording room of one person."""
    rng = chunk_generator("bp4d", seed, "person", subject)
    return Subject(_young_identity(seed, subject)), sample_person(rng), sample_studio(rng, variation=0.5)


def _young_identity(seed: int, subject: str) -> Identity:
    """Return the first identity of this subject's own range that is as young as BP4D's students."""
    sex: Literal["female", "male"] = "female" if subject.startswith("F") else "male"
    number = SUBJECTS.index(subject) * 1000
    while True:
        identity = sample_identity(number, pool=f"bp4d-{seed}", sex=sex)
        if identity.age <= _OLDEST:
            return identity
        number += 1


def _render_sequence(root: Path, sequence: _Sequence) -> Record:
    """Write frames and label files of one sequence."""
    subject, person, studio = _person(sequence.seed, sequence.subject)
    name = f"{sequence.subject}_{sequence.task}"
    rng = chunk_generator("bp4d", sequence.seed, "session", sequence.subject, sequence.task)
    session = sample_session(rng, TASK_PROGRAMMES[sequence.task], person, sequence.length)
    sided = sample_asymmetry(rng, dict.fromkeys(session.intensities, 1.0))
    digits = 3 if (sequence.subject, sequence.task) == THREE_DIGIT_SEQUENCE else 4
    folder = Path("Sequences(2D+3D)") / sequence.subject / sequence.task
    files: list[str] = []
    shown: dict[int, Mapping[int, float]] = {}
    for position in sequence.rendered:
        # Each frame has its own generator, so a frame is the same in every preset of equal size.
        frame_rng = chunk_generator("bp4d", sequence.seed, "frame", sequence.subject, sequence.task, position)
        wanted = {au: float(course[position]) for au, course in session.intensities.items()}
        visible = resolve_conflicts({au: x for au, x in wanted.items() if x > 0.02}, frame_rng)
        yaw, pitch, roll = (float(angle) for angle in session.pose[position])
        horizontal, vertical = (float(angle) for angle in session.gaze[position])
        activation = Activation(
            visible, {au: sides for au, sides in sided.items() if au in visible}, (horizontal, vertical)
        )
        scene = lab_scene(frame_rng, sequence.pixels, studio, (yaw, pitch, roll))
        rendering = photograph(subject, activation, scene, LAB, frame_rng)
        number = sequence.first + position
        file = folder / f"{number:0{digits}d}.jpg"
        write_jpeg(root / file, rendering.image)
        files.append(file.as_posix())
        shown[number] = rendering.action_units
    hidden = _unknown_cells(rng, len(shown))
    files.append(_write_occurrences(root, name, shown, hidden))
    files.extend(_write_intensities(root, name, au, shown, hidden) for au in INTENSITY_AUS)
    positives = Counter(
        au for units in shown.values() for au in CODED_AUS if is_present(float(units.get(au, 0.0)))
    )
    return {"files": files, "positives": {str(au): count for au, count in positives.items()}}


def _unknown_cells(rng: np.random.Generator, rows: int) -> set[tuple[int, int]]:
    """Return the (row, AU) cells that the coders left open."""
    drawn = rng.random((rows, len(CODED_AUS))) < _UNKNOWN_SHARE
    return {(int(row), CODED_AUS[column]) for row, column in zip(*np.nonzero(drawn), strict=True)}


def _write_occurrences(
    root: Path, name: str, shown: Mapping[int, Mapping[int, float]], hidden: set[tuple[int, int]]
) -> str:
    """Write the occurrence codes of a sequence and return the file's path below the root."""
    lines = [",".join(str(column) for column in HEADER)]
    for row, (number, units) in enumerate(shown.items()):
        cells = [number]
        for au in HEADER[1:]:
            known = au in CODED_AUS and (row, au) not in hidden
            cells.append(int(is_present(float(units.get(au, 0.0)))) if known else _UNKNOWN)
        lines.append(",".join(str(cell) for cell in cells))
    file = f"AUCoding/AU_OCC/{name}.csv"
    write_text(root / file, "\n".join(lines) + "\n")
    return file


def _write_intensities(
    root: Path, name: str, au: int, shown: Mapping[int, Mapping[int, float]], hidden: set[tuple[int, int]]
) -> str:
    """Write the intensities 0 to 5 of one AU of a sequence and return the file's path below the root."""
    lines = [
        f"{number},{_UNKNOWN if (row, au) in hidden else intensity_level(float(units.get(au, 0.0)))}"
        for row, (number, units) in enumerate(shown.items())
    ]
    file = f"AUCoding/AU_INT/AU{au:02d}/{name}_AU{au:02d}.csv"
    write_text(root / file, "\n".join(lines) + "\n")
    return file


def _count(root: Path, records: Sequence[Record]) -> dict[str, Any]:
    """Return how many people and sequences there are and how often each evaluated AU is present."""
    frames = sum(sum(file.endswith(".jpg") for file in record["files"]) for record in records)
    positives = {au: sum(record["positives"].get(str(au), 0) for record in records) for au in CODED_AUS}
    return {
        "subjects": sum(1 for entry in (root / "Sequences(2D+3D)").iterdir() if entry.is_dir()),
        "sequences": len(records),
        "presence_rule": "FACS level B or above",
        "au_rates": {str(au): round(positives[au] / frames, 4) for au in BP4D_AUS},
    }
