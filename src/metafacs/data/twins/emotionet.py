"""The synthetic twin of EmotioNet: pictures from the web, AU codes for two parts of three, landmark lists."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.data.twins.chunks import Record
from metafacs.data.twins.provenance import provenance_of, write_provenance
from metafacs.data.twins.web_displays import sample_web_display
from metafacs.data.twins.writer import (
    Preset,
    TwinPlan,
    chunk_generator,
    size_of,
    write_jpeg,
    write_text,
)
from metafacs.faces.landmarks import landmarks_49
from metafacs.synthesis.activations import is_present
from metafacs.synthesis.camera import WILD, photograph
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.occluders import sample_occluder
from metafacs.synthesis.renderer import Subject
from metafacs.synthesis.scenes import SNAPSHOTS, wild_scene

PARTS: tuple[str, ...] = ("train", "validation", "test")
"""The parts in the order of rendering; ``train`` has no AU codes."""

CODED_AUS: tuple[int, ...] = (1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26, 43)
"""AUs with codes 0 and 1; the other columns hold 999 throughout."""

COLUMNS: tuple[int, ...] = tuple(range(1, 61))
"""AUs with a column in the table."""

TABLE_FILE = "EmotioNet_FACS_aws_2020_24600.csv"

ROWS_PER_PICTURE = 24_600 / (2 * 10_544)
"""Rows of the real table for each picture that the dual-domain paper could use; the others lead nowhere."""

CAMERA = replace(
    WILD,
    noise=(1.0, 7.0),
    reduction=(0.3, 0.7),
    reduction_share=0.35,
    jpeg=(18.0, 80.0),
    jpeg_share=0.92,
    saturation=(0.8, 1.3),
    grey_share=0.04,
    occluders={"glasses": 0.14, "hand": 0.09, "object": 0.07, "hair": 0.07, "sunglasses": 0.04},
)
"""Harder compressed, more often enlarged and more often covered than the pictures of the twin of RAF-DB."""

SURROUNDINGS = replace(
    SNAPSHOTS,
    pose_deviation=(0.40, 0.20, 0.16),
    pose_limit=(0.95, 0.50, 0.45),
    enlargement=(1.25, 1.95),
    key=(0.35, 1.5),
    warmth=0.16,
    backgrounds=(0.30, 0.20, 0.20, 0.10, 0.20),
)
"""Heads turned further; more studio paper and evening light behind them than in the twin of RAF-DB."""

_UNKNOWN = 999
_UNKNOWN_SHARE = 0.01
_FEWEST_PICTURES, _MOST_PICTURES = 2, 5
_PICTURES_PER_CHUNK = 32
_ADDRESSES_PER_FOLDER = 100


@dataclass(frozen=True)
class _Size:
    train: int
    labelled: int
    pixels: int


_SIZES: dict[Preset, _Size] = {
    "tiny": _Size(24, 12, 128),
    "small": _Size(2_400, 600, 160),
    "full": _Size(20_000, 10_544, 200),
}


@dataclass(frozen=True)
class _Snapshots:
    """A few pictures in a row, mostly several of each person: the unit of rendering.

    Attributes:
        seed: Seed of the twin.
        part: One of :data:`PARTS`.
        names: Paths of the pictures below the root.
        people: Number of the person in each picture.
        pixels: Side of the pictures.
    """

    seed: int
    part: str
    names: tuple[str, ...]
    people: tuple[int, ...]
    pixels: int


def plan_emotionet(preset: Preset, seed: int) -> TwinPlan[_Snapshots]:
    """Return what the twin of EmotioNet holds, in EmotioNet's own layout, divided as ADLD divides it.

    ``EmotioNet_FACS_aws_2020_24600.csv`` holds addresses and codes (present = level B and above, 999 = not
    coded) of the validation and test pictures and of addresses without a picture;
    ``optimization_set/N_0000000001/N_0000000001_00003.jpg`` those pictures, ``training_set`` the ones
    without labels; ``train.txt``, ``validation.txt`` and ``test.txt`` the three parts, and ``train_land.txt``
    etc. line by line their 49 landmarks, ``x1 y1 x2 y2 ...`` with the centre of the first pixel at (1, 1).
    Beside what EmotioNet has: ``twin_provenance.csv`` with the person, the true action units, head pose,
    gaze and occluder of every picture, and ``TWIN.json`` with the share of positive codes per AU.

    Presets: ``tiny`` (24 + 12 + 12 pictures), ``small`` (2,400 + 600 + 600), ``full`` (20,000 + 10,544 +
    10,544: the paper's 200,000 training pictures are scaled down).
    """
    snapshots, dead = _plan_snapshots(seed, size_of(preset, _SIZES))
    chunks = {f"{chunk.part}-{Path(chunk.names[0]).stem}": chunk for chunk in snapshots}
    return TwinPlan(
        twin="emotionet",
        preset=preset,
        seed=seed,
        chunks=chunks,
        pictures={name: len(chunk.names) for name, chunk in chunks.items()},
        render=_render_snapshots,
        finish=lambda folder, records: _write_lists(folder, records, seed, dead),
    )


def _plan_snapshots(seed: int, size: _Size) -> tuple[list[_Snapshots], list[str]]:
    """Return the chunks, and the labelled addresses that lead to no picture."""
    labelled = 2 * size.labelled
    addresses = round(labelled * ROWS_PER_PICTURE)
    order = chunk_generator("emotionet", seed, "addresses").permutation(addresses)
    alive, dead = sorted(order[:labelled].tolist()), sorted(order[labelled:].tolist())
    first = -(-addresses // _ADDRESSES_PER_FOLDER) * _ADDRESSES_PER_FOLDER
    places = {
        "train": [_address("training_set", first + number) for number in range(size.train)],
        "validation": [_address("optimization_set", number) for number in alive[: size.labelled]],
        "test": [_address("optimization_set", number) for number in alive[size.labelled :]],
    }
    chunks: list[_Snapshots] = []
    person = 0
    for part in PARTS:
        names = places[part]
        people = _people(chunk_generator("emotionet", seed, "people", part), len(names), person)
        person = people[-1] + 1
        for start in range(0, len(names), _PICTURES_PER_CHUNK):
            chosen = slice(start, start + _PICTURES_PER_CHUNK)
            chunks.append(_Snapshots(seed, part, tuple(names[chosen]), tuple(people[chosen]), size.pixels))
    return chunks, [_address("optimization_set", number) for number in dead]


def _address(folder: str, number: int) -> str:
    group, place = divmod(number, _ADDRESSES_PER_FOLDER)
    name = f"N_{group + 1:010d}"
    return f"{folder}/{name}/{name}_{place + 1:05d}.jpg"


def _people(rng: np.random.Generator, pictures: int, first: int) -> list[int]:
    """Return the person of each picture: numbers from ``first`` on, a few pictures in a row for each."""
    people: list[int] = []
    while len(people) < pictures:
        people += [first] * int(rng.integers(_FEWEST_PICTURES, _MOST_PICTURES, endpoint=True))
        first += 1
    return people[:pictures]


def _render_snapshots(root: Path, chunk: _Snapshots) -> Record:
    """Write the pictures of a chunk and return what the lists say about them."""
    rows: list[dict[str, Any]] = []
    subject: Subject | None = None
    current = -1
    for name, person in zip(chunk.names, chunk.people, strict=True):
        if subject is None or person != current:
            subject, current = Subject(sample_identity(person, pool=f"emotionet-{chunk.seed}")), person
        rng = chunk_generator("emotionet", chunk.seed, "picture", name)
        display = sample_web_display(rng)
        scene = wild_scene(rng, chunk.pixels, SURROUNDINGS)
        occluder = sample_occluder(rng, CAMERA.occluders)
        rendering = photograph(subject, display.activation, scene, CAMERA, rng, occluder)
        write_jpeg(root / name, rendering.image)
        rows.append(
            {
                "part": chunk.part,
                "name": name,
                "codes": _codes(rng, rendering.action_units),
                "landmarks": "\t".join(f"{x:.4f}" for x in landmarks_49(rendering.landmarks).ravel() + 1),
                "provenance": {
                    "name": name,
                    "part": chunk.part,
                    "subject": f"P{person:05d}",
                    "display": display.kind,
                    "strength": str(round(display.strength, 3)),
                    **provenance_of(rendering, display.activation, occluder),
                },
            }
        )
    return {"files": list(chunk.names), "rows": rows}


def _codes(rng: np.random.Generator, action_units: Mapping[int, float]) -> list[int]:
    """Return the cells of one row: 0 and 1 where coded, 999 elsewhere and where the coders left one open."""
    skipped = rng.random(len(COLUMNS)) < _UNKNOWN_SHARE
    return [
        int(is_present(action_units.get(au, 0.0))) if au in CODED_AUS and not unknown else _UNKNOWN
        for au, unknown in zip(COLUMNS, skipped, strict=True)
    ]


def _write_lists(root: Path, records: Sequence[Record], seed: int, dead: Sequence[str]) -> dict[str, Any]:
    """Write the table, the lists and the provenance of all pictures and return the counts."""
    rows = [row for record in records for row in record["rows"]]
    for part in PARTS:
        inside = [row for row in rows if row["part"] == part]
        write_text(root / f"{part}.txt", "".join(f"{row['name']}\n" for row in inside))
        write_text(root / f"{part}_land.txt", "".join(f"{row['landmarks']}\n" for row in inside))
    labelled = {row["name"]: row["codes"] for row in rows if row["part"] != "train"}
    _write_table(root / TABLE_FILE, {**labelled, **_dead_rows(seed, dead)})
    write_provenance(root, [row["provenance"] for row in rows])
    codes = np.array(list(labelled.values()))
    return {
        "subjects": len({row["provenance"]["subject"] for row in rows}),
        "parts": {part: sum(row["part"] == part for row in rows) for part in PARTS},
        "addresses_without_picture": len(dead),
        "presence_rule": "FACS level B or above",
        "au_rates": {
            str(au): round(float((column == 1).sum() / max((column != _UNKNOWN).sum(), 1)), 4)
            for au, column in zip(COLUMNS, codes.T, strict=True)
            if au in CODED_AUS
        },
    }


def _dead_rows(seed: int, names: Sequence[str]) -> dict[str, list[int]]:
    """Return made-up codes for addresses without a picture: nobody can tell what they would have shown."""
    rows = {}
    for name in names:
        rng = chunk_generator("emotionet", seed, "dead", name)
        rows[name] = _codes(rng, sample_web_display(rng).activation.intensities)
    return rows


def _write_table(path: Path, rows: Mapping[str, Sequence[int]]) -> None:
    """Write the table; addresses and AU headers stand in single quotes, as in the real one."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["URL", "URL orig", *(f"'AU {au}'" for au in COLUMNS)])
    for name in sorted(rows):
        original = f"http://example.org/found/{Path(name).name}"
        writer.writerow([f"'http://example.org/{name}'", f"'{original}'", *rows[name]])
    write_text(path, table.getvalue())
