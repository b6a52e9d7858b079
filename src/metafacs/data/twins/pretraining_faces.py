"""Rendered faces to pre-train on: many people, who is who, where the landmarks are, how the head is turned.

Not the twin of a licensed set but a set of its own. The faces show action units and expressions like any
other, but nothing of that is written down: what is pre-trained here has never read such a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.data.datasets.pretraining_faces import COLUMNS, HELD_OUT, LIST_FILE, PICTURES, TRAINING
from metafacs.data.twins.writer import (
    Preset,
    Record,
    TwinPlan,
    chunk_generator,
    size_of,
    write_jpeg,
    write_text,
)
from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.activations import RENDERED_AUS, Activation
from metafacs.synthesis.camera import LAB, WILD, photograph
from metafacs.synthesis.expressions import sample_action_units, sample_expression
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.occluders import sample_occluder
from metafacs.synthesis.renderer import Rendering, Subject
from metafacs.synthesis.scenes import lab_scene, sample_studio, wild_scene

HELD_OUT_EVERY = 10
"""Every tenth person is in no training picture."""

_PEOPLE_PER_CHUNK = 10
_LAB_SHARE = 0.4
_LAB_POSE_DEVIATION = (0.20, 0.10, 0.06)
_FREE_SHARE = 0.5
_FREE_RATE = 0.10
_GAZE_DEVIATION = (0.25, 0.18)


@dataclass(frozen=True)
class _Size:
    people: int
    pictures: int
    pixels: int


_SIZES: dict[Preset, _Size] = {
    "tiny": _Size(20, 3, 96),
    "small": _Size(400, 6, 112),
    "full": _Size(2400, 6, 112),
}


@dataclass(frozen=True)
class _People:
    """A few people: the unit of rendering.

    Attributes:
        seed: Seed of the set.
        numbers: Numbers of the people.
        pictures: Pictures of each.
        pixels: Side of the pictures.
    """

    seed: int
    numbers: tuple[int, ...]
    pictures: int
    pixels: int


def plan_pretraining_faces(preset: Preset, seed: int) -> TwinPlan[_People]:
    """Return what the set holds that the shipped initial weights are trained on.

    ``faces.csv`` holds one line per picture (name, person, part, yaw, pitch and roll in radians, 68 points in
    pixels), ``pictures/*.jpg`` the pictures: two of five from a laboratory, the others in the wild, each in a
    room and a light of its own, so that nothing but face and hair tells who it is. Every tenth person is in
    the part ``validation``.

    Presets: ``tiny`` (20 people, 3 pictures each of 96 px), ``small`` (400, 6 of 112 px), ``full`` (2,400, 6
    of 112 px).
    """
    size = size_of(preset, _SIZES)
    groups = [range(k, k + _PEOPLE_PER_CHUNK) for k in range(0, size.people, _PEOPLE_PER_CHUNK)]
    chunks = {f"P{g[0]:05d}": _People(seed, tuple(g), size.pictures, size.pixels) for g in groups}
    return TwinPlan(
        twin="pretraining_faces",
        preset=preset,
        seed=seed,
        chunks=chunks,
        pictures={name: len(chunk.numbers) * chunk.pictures for name, chunk in chunks.items()},
        render=_render_people,
        finish=_write_list,
    )


def _render_people(root: Path, chunk: _People) -> Record:
    """Write the pictures of a few people."""
    files: list[str] = []
    rows: list[list[str | float]] = []
    for number in chunk.numbers:
        subject = Subject(sample_identity(number, pool=f"pretraining_faces-{chunk.seed}"))
        part = HELD_OUT if number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 else TRAINING
        for picture in range(chunk.pictures):
            rng = chunk_generator("pretraining_faces", chunk.seed, "picture", number, picture)
            rendering = _photograph(rng, subject, chunk.pixels)
            name = f"P{number:05d}_{picture}.jpg"
            write_jpeg(root / PICTURES / name, rendering.image)
            files.append(f"{PICTURES}/{name}")
            angles = (round(angle, 4) for angle in rendering.pose)
            points = (round(float(value), 2) for value in rendering.landmarks.ravel())
            rows.append([name, f"P{number:05d}", part, *angles, *points])
    return {"files": files, "rows": rows}


def _photograph(rng: np.random.Generator, subject: Subject, pixels: int) -> Rendering:
    display = _sample_display(rng)
    if rng.random() < _LAB_SHARE:
        yaw, pitch, roll = (float(rng.normal(0, deviation)) for deviation in _LAB_POSE_DEVIATION)
        scene = lab_scene(rng, pixels, sample_studio(rng), (yaw, pitch, roll))
        return photograph(subject, display, scene, LAB, rng)
    scene = wild_scene(rng, pixels)
    return photograph(subject, display, scene, WILD, rng, sample_occluder(rng, WILD.occluders))


def _sample_display(rng: np.random.Generator) -> Activation:
    """Return what the face does: a basic expression of any strength, or any mixture of AUs."""
    if rng.random() < _FREE_SHARE:
        rates = dict.fromkeys(RENDERED_AUS, _FREE_RATE)
        return sample_action_units(rng, rates, gaze_deviation=_GAZE_DEVIATION)
    expression = EXPRESSIONS[int(rng.integers(len(EXPRESSIONS)))]
    return sample_expression(rng, expression, float(rng.random()), gaze_deviation=_GAZE_DEVIATION)


def _write_list(root: Path, records: Sequence[Record]) -> dict[str, Any]:
    """Write ``faces.csv`` and return the counts."""
    rows = [row for record in records for row in record["rows"]]
    lines = [",".join(COLUMNS), *(",".join(str(cell) for cell in row) for row in rows)]
    write_text(root / LIST_FILE, "\n".join(lines) + "\n")
    people = {part: len({row[1] for row in rows if row[2] == part}) for part in (TRAINING, HELD_OUT)}
    return {"subjects": people[TRAINING] + people[HELD_OUT], "held_out_subjects": people[HELD_OUT]}
