"""Sets of many rendered people with a few pictures each, every picture in a room and a light of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.data.datasets.crowds import PICTURES, TRAINING
from metafacs.data.twins.chunks import Record
from metafacs.data.twins.writer import Preset, TwinPlan, chunk_generator, write_jpeg, write_text
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.camera import LAB, WILD, photograph
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.occluders import sample_occluder
from metafacs.synthesis.renderer import Rendering, Subject
from metafacs.synthesis.scenes import lab_scene, sample_studio, wild_scene

Cells = list[str | float]

_PEOPLE_PER_CHUNK = 10
_PERSON, _PART = 1, 2


@dataclass(frozen=True)
class CrowdSize:
    """How large a set is: people, pictures of each, and the side of a picture in pixels."""

    people: int
    pictures: int
    pixels: int


@dataclass(frozen=True)
class Group:
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


@dataclass(frozen=True)
class Crowd:
    """A set of rendered people and its list, one line per picture.

    Attributes:
        name: Name of the set; its people are drawn from the pool ``<name>-<seed>``.
        list_file: Name of the list.
        columns: Its header: the picture's name, the person, the part, and what ``photograph`` tells.
        held_out: Last digit of a person's number -> part; everybody else is in the part ``train``.
        photograph: Takes a random generator, a person and the side of the picture in pixels; returns the
            picture and the other cells of its line. Must be importable by other processes.
    """

    name: str
    list_file: str
    columns: Sequence[str]
    held_out: Mapping[int, str]
    photograph: Callable[[np.random.Generator, Subject, int], tuple[Rendering, Cells]]

    def plan(self, preset: Preset, seed: int, size: CrowdSize) -> TwinPlan[Group]:
        """Return what the set of a preset and a seed holds."""
        starts = range(0, size.people, _PEOPLE_PER_CHUNK)
        chunks = {
            _person(start): Group(
                seed, tuple(range(start, start + _PEOPLE_PER_CHUNK)), size.pictures, size.pixels
            )
            for start in starts
        }
        return TwinPlan(
            twin=self.name,
            preset=preset,
            seed=seed,
            chunks=chunks,
            pictures={name: len(chunk.numbers) * chunk.pictures for name, chunk in chunks.items()},
            render=self.render,
            finish=self.finish,
        )

    def render(self, root: Path, group: Group) -> Record:
        """Write the pictures of a few people; return their lines."""
        files: list[str] = []
        rows: list[Cells] = []
        for number in group.numbers:
            subject = Subject(sample_identity(number, pool=f"{self.name}-{group.seed}"))
            person, part = _person(number), self.held_out.get(number % 10, TRAINING)
            for picture in range(group.pictures):
                rng = chunk_generator(self.name, group.seed, "picture", number, picture)
                rendering, cells = self.photograph(rng, subject, group.pixels)
                name = f"{person}_{picture}.jpg"
                write_jpeg(root / PICTURES / name, rendering.image)
                files.append(f"{PICTURES}/{name}")
                rows.append([name, person, part, *cells])
        return {"files": files, "rows": rows}

    def finish(self, root: Path, records: Sequence[Record]) -> dict[str, Any]:
        """Write the list and return how many people there are."""
        rows = rows_of(records)
        lines = [",".join(self.columns), *(",".join(str(cell) for cell in row) for row in rows)]
        write_text(root / self.list_file, "\n".join(lines) + "\n")
        people = {row[_PERSON]: row[_PART] for row in rows}
        held_out = sum(part != TRAINING for part in people.values())
        return {"subjects": len(people), "held_out_subjects": held_out}


def photograph_anywhere(
    rng: np.random.Generator,
    subject: Subject,
    display: Activation,
    pixels: int,
    *,
    lab_share: float,
    lab_pose: tuple[float, float, float],
) -> Rendering:
    """Return a picture from a laboratory or from the wild, in a room and a light of its own.

    Args:
        rng: Decides everything but person and display.
        subject: Who.
        display: What the face does.
        pixels: Side of the picture.
        lab_share: Share of the pictures from laboratories.
        lab_pose: Standard deviations of yaw, pitch and roll in laboratories, in radians.
    """
    if rng.random() < lab_share:
        yaw, pitch, roll = (float(rng.normal(0, deviation)) for deviation in lab_pose)
        scene = lab_scene(rng, pixels, sample_studio(rng), (yaw, pitch, roll))
        return photograph(subject, display, scene, LAB, rng)
    scene = wild_scene(rng, pixels)
    return photograph(subject, display, scene, WILD, rng, sample_occluder(rng, WILD.occluders))


def rows_of(records: Sequence[Record]) -> list[Cells]:
    """Return the lines of all groups, in order."""
    return [row for record in records for row in record["rows"]]


def pose_cells(rendering: Rendering) -> Cells:
    """Return yaw, pitch and roll in radians."""
    return [round(angle, 4) for angle in rendering.pose]


def point_cells(rendering: Rendering) -> Cells:
    """Return the 68 landmarks in pixels, x before y."""
    return [round(float(value), 2) for value in rendering.landmarks.ravel()]


def _person(number: int) -> str:
    return f"P{number:05d}"
