"""The synthetic twin of RAF-DB's basic part: many people, any pose and light, labels by annotators' vote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metafacs.data.twins.aligned_pictures import align_picture
from metafacs.data.twins.annotators import ANNOTATORS, sample_votes
from metafacs.data.twins.carriers import CARRIERS, Display, sample_display
from metafacs.data.twins.chunks import Record
from metafacs.data.twins.provenance import provenance_of, write_provenance
from metafacs.data.twins.quotas import PICTURES_PER_PERSON, class_counts
from metafacs.data.twins.writer import (
    Preset,
    TwinPlan,
    chunk_generator,
    size_of,
    write_jpeg,
    write_text,
)
from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.camera import WILD, photograph
from metafacs.synthesis.identities import Identity, sample_identity
from metafacs.synthesis.occluders import sample_occluder
from metafacs.synthesis.renderer import Rendering, Subject
from metafacs.synthesis.scenes import wild_scene

TRAIN_COUNTS: tuple[int, ...] = (1290, 281, 717, 4772, 1982, 705, 2524)
"""Pictures per class of the real training set, in the order of ``EXPRESSIONS``."""

TEST_COUNTS: tuple[int, ...] = (329, 74, 160, 1185, 478, 162, 680)
"""Pictures per class of the real test set."""

_PEOPLE_PER_CHUNK = 8


@dataclass(frozen=True)
class _Size:
    train: int
    test: int
    pixels: int


_SIZES: dict[Preset, _Size] = {
    "tiny": _Size(60, 24, 128),
    "demo": _Size(1000, 160, 160),
    "small": _Size(2400, 400, 160),
    "full": _Size(sum(TRAIN_COUNTS), sum(TEST_COUNTS), 200),
}


@dataclass(frozen=True)
class _People:
    """A few people with their pictures: the unit of rendering.

    Attributes:
        seed: Seed of the twin.
        names: Names of the pictures without extension, e.g. ``train_00001``.
        labels: Class index of each picture.
        people: Number of the person in each picture.
        pixels: Side of the original pictures.
    """

    seed: int
    names: tuple[str, ...]
    labels: tuple[int, ...]
    people: tuple[int, ...]
    pixels: int


def plan_raf_db(preset: Preset, seed: int) -> TwinPlan[_People]:
    """Return what the twin of RAF-DB basic holds, in RAF-DB's own layout, below ``basic``.

    ``EmoLabel/list_patition_label.txt`` holds the labels (codes 1 to 7), ``Image/aligned`` the crops of
    100 px, ``Image/original`` the pictures, ``Annotation/manual`` five points, sex, ancestry and age.
    Beside what RAF-DB has: ``EmoLabel/vote_distribution.txt``, the shares of 40 simulated annotators in
    the order of the codes, and ``EmoLabel/twin_provenance.csv``, the true action units, the person and
    what carries the expression.

    Presets: ``tiny`` (60 + 24 pictures), ``demo`` (1,000 + 160), ``small`` (2,400 + 400), ``full`` (12,271 +
    3,068).
    """
    size = size_of(preset, _SIZES)
    train = _plan_part("train", 5, class_counts(TRAIN_COUNTS, size.train), seed, size.pixels, first_person=0)
    people = sum(len(set(chunk.people)) for chunk in train)
    test = _plan_part("test", 4, class_counts(TEST_COUNTS, size.test), seed, size.pixels, first_person=people)
    chunks = {chunk.names[0]: chunk for chunk in (*train, *test)}
    return TwinPlan(
        twin="raf_db",
        preset=preset,
        seed=seed,
        chunks=chunks,
        pictures={name: len(chunk.names) for name, chunk in chunks.items()},
        render=_render_people,
        finish=_write_lists,
        files_per_picture=2,  # the original and the aligned crop
    )


def _plan_part(
    part: str, digits: int, counts: Sequence[int], seed: int, pixels: int, first_person: int
) -> list[_People]:
    """Return the chunks of one partition: labels in random order, four pictures in a row per person."""
    labels = np.repeat(np.arange(len(counts)), counts)
    labels = chunk_generator("raf_db", seed, "labels", part).permutation(labels)
    names = [f"{part}_{number:0{digits}d}" for number in range(1, len(labels) + 1)]
    length = _PEOPLE_PER_CHUNK * PICTURES_PER_PERSON
    return [
        _People(
            seed,
            tuple(names[start : start + length]),
            tuple(int(label) for label in labels[start : start + length]),
            tuple(
                first_person + (start + offset) // PICTURES_PER_PERSON
                for offset in range(len(names[start : start + length]))
            ),
            pixels,
        )
        for start in range(0, len(names), length)
    ]


def _render_people(root: Path, chunk: _People) -> Record:
    """Write originals, aligned crops and attributes of a few people."""
    files: list[str] = []
    rows: list[dict[str, Any]] = []
    subject: Subject | None = None
    current = -1
    for name, label, person in zip(chunk.names, chunk.labels, chunk.people, strict=True):
        if subject is None or person != current:
            subject, current = Subject(sample_identity(person, pool=f"raf_db-{chunk.seed}")), person
        rng = chunk_generator("raf_db", chunk.seed, "picture", name)
        display = sample_display(rng, label)
        scene = wild_scene(rng, chunk.pixels, pose=display.pose)
        occluder = sample_occluder(rng, WILD.occluders)
        rendering = photograph(subject, display.activation, scene, WILD, rng, occluder)
        votes = sample_votes(
            rng,
            label,
            rendering.action_units,
            hint=None if display.hint_weight == 0 else label,
            hint_weight=display.hint_weight,
            context_weight=display.context_weight,
        )
        aligned = align_picture(rendering.image, rendering)
        original_file, aligned_file = (
            f"basic/Image/original/{name}.jpg",
            f"basic/Image/aligned/{name}_aligned.jpg",
        )
        attributes_file = f"basic/Annotation/manual/{name}_manu_attri.txt"
        write_jpeg(root / original_file, rendering.image)
        write_jpeg(root / aligned_file, aligned)
        write_text(root / attributes_file, _attributes(rendering, subject.identity))
        files += [original_file, aligned_file, attributes_file]
        rows.append(_row(name, label, person, display, occluder, rendering, votes))
    return {"files": files, "rows": rows}


def _row(
    name: str,
    label: int,
    person: int,
    display: Display,
    occluder: str | None,
    rendering: Rendering,
    votes: NDArray[np.int64],
) -> dict[str, Any]:
    """Return everything the label files say about one picture."""
    return {
        "name": name,
        "code": label + 1,
        "votes": [int(count) for count in votes],
        "provenance": {
            "name": f"{name}.jpg",
            "subject": f"P{person:05d}",
            "carrier": display.carrier,
            "strength": str(round(display.strength, 3)),
            **provenance_of(rendering, display.activation, occluder),
        },
    }


def _attributes(rendering: Rendering, identity: Identity) -> str:
    """Return five points, sex, ancestry and age in RAF-DB's codes."""
    eyes = sorted(rendering.eye_centres, key=lambda point: float(point[0]))
    corners = sorted(rendering.landmarks[[48, 54]], key=lambda point: float(point[0]))
    points = (*eyes, rendering.landmarks[30], *corners)
    lines = [f"{float(x):.3f}\t{float(y):.3f}" for x, y in points]
    ambiguous = abs(identity.masculinity - 0.5) < 0.08
    sex = 2 if ambiguous else int(identity.masculinity < 0.5)
    african, asian, european = identity.ancestry
    ancestry = int(np.argmax([european, african, asian]))
    age = 1 + int(np.searchsorted([-0.15, 0.3, 0.75], identity.age))
    return "\n".join([*lines, str(sex), str(ancestry), str(age)]) + "\n"


def _write_lists(root: Path, records: Sequence[Record]) -> dict[str, Any]:
    """Write labels, votes and provenance of all pictures and return the counts."""
    rows = [row for record in records for row in record["rows"]]
    labels = root / "basic" / "EmoLabel"
    write_text(
        labels / "list_patition_label.txt", "".join(f"{row['name']}.jpg {row['code']}\n" for row in rows)
    )
    write_text(
        labels / "vote_distribution.txt",
        "".join(
            f"{row['name']}.jpg {' '.join(f'{count / ANNOTATORS:.3f}' for count in row['votes'])}\n"
            for row in rows
        ),
    )
    write_provenance(labels, [row["provenance"] for row in rows])
    classes = Counter((row["name"].split("_")[0], EXPRESSIONS[row["code"] - 1]) for row in rows)
    neutral = EXPRESSIONS.index("neutral") + 1
    consistency = {
        carrier: [
            max(row["votes"]) / ANNOTATORS
            for row in rows
            if row["provenance"]["carrier"] == carrier and row["code"] != neutral
        ]
        for carrier in CARRIERS
    }
    consistency["neutral"] = [max(row["votes"]) / ANNOTATORS for row in rows if row["code"] == neutral]
    return {
        "subjects": len({row["provenance"]["subject"] for row in rows}),
        "annotators": ANNOTATORS,
        "classes": {
            part: {expression: classes[part, expression] for expression in EXPRESSIONS}
            for part in ("train", "test")
        },
        "carriers": {carrier: len(shares) for carrier, shares in consistency.items()},
        "mean_consistency": {
            carrier: round(float(np.mean(shares)), 4) for carrier, shares in consistency.items() if shares
        },
    }
