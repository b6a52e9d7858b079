"""From planned faces to aligned pictures and what the label files say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metafacs.compounds import BASIC_EXPRESSIONS
from metafacs.data.datasets.action_unit_codes import NO_ACTION_UNIT
from metafacs.data.twins.aligned_pictures import align_picture
from metafacs.data.twins.annotators import sample_blend
from metafacs.data.twins.chunks import Record
from metafacs.data.twins.compound_faces import Face
from metafacs.data.twins.provenance import provenance_of
from metafacs.data.twins.writer import (
    Preset,
    TwinPlan,
    chunk_generator,
    write_jpeg,
)
from metafacs.synthesis.activations import Activation, is_present
from metafacs.synthesis.camera import LAB, WILD, photograph
from metafacs.synthesis.displays import sample_exact_display
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.occluders import sample_occluder
from metafacs.synthesis.renderer import Rendering, Subject
from metafacs.synthesis.scenes import lab_scene, sample_studio, wild_scene

PIXELS: dict[Preset, int] = {"tiny": 112, "small": 160, "full": 160}
"""Side of a picture before it is aligned; at 160 a face is about as large as in the crop."""

_PEOPLE_PER_CHUNK = 8
_ONE_SIDED = 0.12
_UNSORTED, _REPEATED = 0.04, 0.02


@dataclass(frozen=True)
class Album:
    """The pictures of a few people: the unit of rendering.

    Attributes:
        pool: Pool of the people; with the seed and the name it fixes a picture's randomness.
        seed: Seed of the twin.
        folder: Folder of the aligned pictures below the twin's root.
        pixels: Side of a picture before it is aligned.
        faces: What is to be shown, the pictures of a person in a row.
        laboratory: People pose before a plain wall; else they are met anywhere.
    """

    pool: str
    seed: int
    folder: str
    pixels: int
    faces: tuple[Face, ...]
    laboratory: bool = False


@dataclass(frozen=True)
class Portrait:
    """A finished picture: the aligned crop, what is true of it, and how it came about."""

    aligned: NDArray[np.uint8]
    rendering: Rendering
    activation: Activation
    occluder: str | None
    votes: tuple[int, ...]


def plan_album(
    twin: str,
    preset: Preset,
    album: Album,
    finish: Callable[[Path, Sequence[Mapping[str, Any]]], Mapping[str, Any]],
) -> TwinPlan[Album]:
    """Return the plan of a twin of aligned pictures.

    Args:
        twin: Name of the data set.
        preset: Size.
        album: All its pictures.
        finish: Writes the label files below the root, given a row per picture in the order of the names,
            see :func:`render_album`, and returns the counts of ``TWIN.json``.
    """

    def finish_sorted(root: Path, records: Sequence[Record]) -> Mapping[str, Any]:
        rows = sorted((row for record in records for row in record["rows"]), key=lambda row: row["name"])
        people = len({row["provenance"]["subject"] for row in rows})
        return {"subjects": people, **finish(root, rows)}

    chunks = {part.faces[0].name: part for part in _split(album)}
    pictures = {name: len(part.faces) for name, part in chunks.items()}
    return TwinPlan(twin, preset, album.seed, chunks, pictures, render_album, finish_sorted)


def render_album(root: Path, album: Album) -> Record:
    """Write the aligned pictures of an album.

    Args:
        root: Folder of the twin.
        album: What to render.

    Returns:
        The record of a chunk; its ``rows`` tell of each picture the ``name``, the planned ``compound``
        (None = no compound) and ``part``, the ``codes`` in RAF-AU's notation, the ``votes`` on the six basic
        expressions (none in a laboratory), and the cells of its ``provenance``.
    """
    files: list[str] = []
    rows: list[dict[str, Any]] = []
    for person, faces in groupby(album.faces, key=lambda face: face.person):
        subject = Subject(sample_identity(person, pool=f"{album.pool}-{album.seed}"))
        for face in faces:
            portrait = take_portrait(subject, face, album)
            file = f"{album.folder}/{face.name}_aligned.jpg"
            write_jpeg(root / file, portrait.aligned)
            files.append(file)
            rows.append(_row(face, portrait, album))
    return {"files": files, "rows": rows}


def take_portrait(subject: Subject, face: Face, album: Album) -> Portrait:
    """Render one face; the picture depends on nothing but the arguments and the album's pool and seed."""
    rng = chunk_generator(album.pool, album.seed, "picture", face.name)
    identity, resting = subject.identity, subject.mesh
    occluder: str | None = None
    votes: tuple[int, ...] = ()
    if album.laboratory:
        activation = sample_exact_display(rng, face.action_units, identity, resting, strength=(0.5, 1.0))
        room = sample_studio(identity.generator("studio"))
        rendering = photograph(subject, activation, lab_scene(rng, album.pixels, room), LAB, rng)
    else:
        activation = sample_exact_display(
            rng, face.action_units, identity, resting, gaze_deviation=(0.25, 0.18), one_sided=_ONE_SIDED
        )
        scene = wild_scene(rng, album.pixels)
        occluder = sample_occluder(rng, WILD.occluders)
        rendering = photograph(subject, activation, scene, WILD, rng, occluder)
        winners = [BASIC_EXPRESSIONS.index(name) for name in face.winners]
        votes = tuple(map(int, sample_blend(rng, winners, rendering.action_units)))
    return Portrait(align_picture(rendering.image, rendering), rendering, activation, occluder, votes)


def write_codes(rng: np.random.Generator, action_units: Iterable[int], activation: Activation) -> str:
    """Return present action units in RAF-AU's notation, e.g. ``1+L12+25`` or ``null``.

    ``L`` and ``R`` mark what only the subject's left or right side shows at level B or above. As in the real
    list a few lines are not sorted, and a few repeat a token.

    Args:
        rng: Decides which lines are.
        action_units: FACS numbers.
        activation: Which sides they were asked of.
    """
    tokens = [_side(au, activation) + str(au) for au in sorted(action_units)]
    if len(tokens) > 1 and rng.random() < _UNSORTED:
        tokens.append(tokens.pop(int(rng.integers(len(tokens) - 1))))
    if tokens and rng.random() < _REPEATED:
        tokens.append(tokens[-1])
    return "+".join(tokens) or NO_ACTION_UNIT


def _side(au: int, activation: Activation) -> str:
    if au not in activation.asymmetry:
        return ""
    left, right = (is_present(activation.intensities[au] * side) for side in activation.asymmetry[au])
    return "" if left == right else "L" if left else "R"


def _split(album: Album) -> Iterable[Album]:
    """Yield the albums of a few people each."""
    for _, faces in groupby(album.faces, key=lambda face: face.person // _PEOPLE_PER_CHUNK):
        yield replace(album, faces=tuple(faces))


def _row(face: Face, portrait: Portrait, album: Album) -> dict[str, Any]:
    rng = chunk_generator(album.pool, album.seed, "codes", face.name)
    present = [au for au, x in portrait.rendering.action_units.items() if is_present(x)]
    return {
        "name": face.name,
        "compound": face.compound,
        "part": face.part,
        "codes": write_codes(rng, present, portrait.activation),
        "votes": list(portrait.votes),
        "provenance": {
            "name": f"{face.name}.jpg",
            "subject": f"P{face.person:05d}",
            "votes": "+".join(map(str, portrait.votes)) or "none",
            **provenance_of(portrait.rendering, portrait.activation, portrait.occluder),
        },
    }
