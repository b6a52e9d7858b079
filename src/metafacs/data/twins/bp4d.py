"""The synthetic twin of BP4D: 41 people, eight tasks, frames with occurrence and intensity codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from metafacs.data.facts import BP4D
from metafacs.data.twins.chunks import Record
from metafacs.data.twins.recordings import (
    Frame,
    Recording,
    Sitter,
    film,
    finish_recordings,
    record_of,
    spread_positions,
    unknown_cells,
)
from metafacs.data.twins.sessions import Person, sample_person, sample_session
from metafacs.data.twins.task_programmes import TASK_PROGRAMMES
from metafacs.data.twins.writer import (
    Preset,
    TwinPlan,
    chunk_generator,
    size_of,
    write_jpeg,
    write_text,
)
from metafacs.faces.landmarks import landmarks_49
from metafacs.synthesis.activations import RENDERED_AUS, intensity_level, is_present
from metafacs.synthesis.camera import LAB
from metafacs.synthesis.identities import Identity, find_identity
from metafacs.synthesis.renderer import Subject
from metafacs.synthesis.scenes import sample_studio

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
_AGES = (-0.25, 0.3)
_SEQUENCES = "Sequences(2D+3D)"
_FIRST_FRAME = 2440
_LONGEST, _SHORTEST, _MEAN_LENGTH, _LENGTH_DEVIATION = 768, 90, 448, 130


@dataclass(frozen=True)
class _Size:
    subjects: tuple[str, ...]
    frames: int | None
    pixels: int


_SIZES: dict[Preset, _Size] = {
    "tiny": _Size(TINY_SUBJECTS, 2, 128),
    "demo": _Size(SUBJECTS, 4, 160),
    "small": _Size(SUBJECTS, 12, 160),
    "full": _Size(SUBJECTS, None, 192),
}


def plan_bp4d(preset: Preset, seed: int) -> TwinPlan[Recording]:
    """Return what the twin of BP4D holds, in BP4D's own layout.

    ``AUCoding/AU_OCC/F001_T1.csv`` holds the occurrence codes (level B and above = 1, unknown = 9),
    ``AUCoding/AU_INT/AU06/F001_T1_AU06.csv`` the intensities 0 to 5 of five AUs,
    ``Sequences(2D+3D)/F001/T1/2440.jpg`` the frames, ``Landmarks/BP4D_part1_path.txt`` and
    ``Landmarks/BP4D_part1_land.txt`` the 49 points of each frame of a published part. Beside what BP4D has:
    ``twin_provenance.csv``, all that is true of each frame, and ``TWIN.json`` with the share of positive
    codes per AU.

    Presets: ``tiny`` (6 people, 96 frames of 128 px), ``demo`` (41 people, 4 frames of each task, 160 px),
    ``small`` (41 people, 12 frames of each task, 160 px),
    ``full`` (41 people, every frame of the coded segments, 192 px).
    """
    size = size_of(preset, _SIZES)
    sequences = {
        f"{subject}_{task}": _plan_recording(seed, subject, task, size)
        for subject in size.subjects
        for task in TASK_PROGRAMMES
    }
    return TwinPlan(
        twin="bp4d",
        preset=preset,
        seed=seed,
        chunks=sequences,
        pictures={name: len(sequence.rendered) for name, sequence in sequences.items()},
        render=_render,
        finish=_finish,
    )


def _plan_recording(seed: int, subject: str, task: str, size: _Size) -> Recording:
    rng = chunk_generator("bp4d", seed, "plan", subject, task)
    length = int(np.clip(rng.normal(_MEAN_LENGTH, _LENGTH_DEVIATION), _SHORTEST, _LONGEST))
    first = int(rng.integers(40, 2600))
    if (subject, task) == THREE_DIGIT_SEQUENCE:
        length, first = min(length, 700), int(rng.integers(40, 250))
    elif (subject, task) == ("F001", "T1"):
        first = _FIRST_FRAME
    rendered: Sequence[int] = range(length)
    if size.frames is not None:
        rendered = spread_positions(rng, length, size.frames)
        if (subject, task) == ("F001", "T1"):
            rendered[0] = 0
    return Recording("bp4d", seed, subject, task, length, tuple(rendered), first, size.pixels)


@lru_cache(maxsize=2)
def _sitter(seed: int, subject: str) -> tuple[Sitter, Person]:
    """Return face, recording room and temper of one person."""
    rng = chunk_generator("bp4d", seed, "person", subject)
    person = sample_person(rng, {au for programme in TASK_PROGRAMMES.values() for au in programme.rates})
    return Sitter(Subject(_young_identity(seed, subject)), sample_studio(rng, variation=0.5)), person


def _young_identity(seed: int, subject: str) -> Identity:
    """Return the first identity of this subject's own range that is as young as BP4D's students."""
    sex: Literal["female", "male"] = "female" if subject.startswith("F") else "male"
    return find_identity(SUBJECTS.index(subject) * 1000, pool=f"bp4d-{seed}", sex=sex, ages=_AGES)


def _render(root: Path, recording: Recording) -> Record:
    """Write frames and label files of one sequence."""
    sitter, person = _sitter(recording.seed, recording.subject)
    name = f"{recording.subject}_{recording.session}"
    rng = recording.generator("session")
    session = sample_session(rng, TASK_PROGRAMMES[recording.session], person, recording.length)
    digits = 3 if (recording.subject, recording.session) == THREE_DIGIT_SEQUENCE else 4
    pictures: list[str] = []
    frames: list[Frame] = []
    for picture, frame in film(recording, sitter, session, LAB):
        pictures.append(f"{recording.subject}/{recording.session}/{frame.number:0{digits}d}.jpg")
        write_jpeg(root / _SEQUENCES / pictures[-1], picture)
        frames.append(frame)
    hidden = unknown_cells(rng, len(frames), CODED_AUS, _UNKNOWN_SHARE)
    files = [f"{_SEQUENCES}/{picture}" for picture in pictures]
    files.append(_write_occurrences(root, name, frames, hidden))
    files.extend(_write_intensities(root, name, au, frames, hidden) for au in INTENSITY_AUS)
    return {
        **record_of(
            recording.subject, f"{recording.subject}/{recording.session}/{{:04d}}", frames, CODED_AUS
        ),
        "files": files,
        "pictures": pictures,
        "landmarks": [_landmark_line(frame) for frame in frames],
    }


def _write_occurrences(root: Path, name: str, frames: Sequence[Frame], hidden: set[tuple[int, int]]) -> str:
    """Write the occurrence codes of a sequence and return the file's path below the root."""
    lines = [",".join(str(column) for column in HEADER)]
    for row, frame in enumerate(frames):
        cells = [frame.number]
        for au in HEADER[1:]:
            known = au in CODED_AUS and (row, au) not in hidden
            cells.append(int(is_present(frame.action_units.get(au, 0.0))) if known else _UNKNOWN)
        lines.append(",".join(str(cell) for cell in cells))
    file = f"AUCoding/AU_OCC/{name}.csv"
    write_text(root / file, "\n".join(lines) + "\n")
    return file


def _write_intensities(
    root: Path, name: str, au: int, frames: Sequence[Frame], hidden: set[tuple[int, int]]
) -> str:
    """Write the intensities 0 to 5 of one AU of a sequence and return the file's path below the root."""
    levels = [
        _UNKNOWN if (row, au) in hidden else intensity_level(frame.action_units.get(au, 0.0))
        for row, frame in enumerate(frames)
    ]
    lines = [f"{frame.number},{level}" for frame, level in zip(frames, levels, strict=True)]
    file = f"AUCoding/AU_INT/AU{au:02d}/{name}_AU{au:02d}.csv"
    write_text(root / file, "\n".join(lines) + "\n")
    return file


def _landmark_line(frame: Frame) -> str:
    """Return the 49 points of a frame as JAA-Net's lists have them: ``x1 y1 x2 y2 ...``, pixels from 1."""
    return "\t".join(f"{value + 1:.2f}" for value in landmarks_49(frame.landmarks).ravel())


def _finish(root: Path, records: Sequence[Record]) -> dict[str, Any]:
    """Write landmarks and provenance; return who is there and how often each AU is present."""
    for number, people in enumerate(BP4D.published_parts, start=1):
        part = [record for record in records if record["subject"] in people]
        for kind, key in (("path", "pictures"), ("land", "landmarks")):
            lines = [line for record in part for line in record[key]]
            write_text(root / "Landmarks" / f"BP4D_part{number}_{kind}.txt", "\n".join(lines) + "\n")
    return {
        "subjects": len({record["subject"] for record in records}),
        "sequences": len(records),
        "presence_rule": "FACS level B or above",
        "au_rates": finish_recordings(root, records, BP4D.evaluated_aus),
    }
