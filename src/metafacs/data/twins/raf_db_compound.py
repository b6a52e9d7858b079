"""The synthetic twin of RAF-DB's compound part: eleven compound expressions, one label per picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metafacs.compounds import COMPOUND_EXPRESSIONS, RAF_DB_COMPOUNDS
from metafacs.data.twins.compound_faces import Face, assign_people, plan_parts
from metafacs.data.twins.portraits import PIXELS, Album, plan_album
from metafacs.data.twins.provenance import write_provenance
from metafacs.data.twins.quotas import PICTURES_PER_PERSON, class_counts
from metafacs.data.twins.raf_faces import BLANK_SHARE, TEST_COUNTS
from metafacs.data.twins.writer import Preset, TwinPlan, size_of, write_text

POOL = "raf_db_compound"

_SIZES: dict[Preset, dict[str, int]] = {
    "tiny": {"train": 22, "test": 11},
    "small": {"train": 800, "test": 200},
    "full": {"train": 3162, "test": 792},
}


def plan_raf_db_compound(preset: Preset, seed: int) -> TwinPlan[Album]:
    """Return what the twin of RAF-DB's compound part holds, in its own layout, below ``compound``.

    ``EmoLabel/list_patition_label.txt`` holds the labels (codes 1 to 11), ``Image/aligned`` the crops of 100
    px. Original pictures and annotations of points are not written. The faces are made like those of
    RAF-CE's twin and are other people. Beside what RAF-DB has: ``EmoLabel/twin_provenance.csv``, and
    ``TWIN.json`` with the number of pictures per class and part.

    Presets: ``tiny`` (22 + 11 pictures), ``small`` (800 + 200), ``full`` (3,162 + 792).
    """
    faces = tuple(plan_compound_faces(preset, seed))
    album = Album(POOL, seed, "compound/Image/aligned", PIXELS[preset], faces)
    return plan_album("raf_db_compound", preset, album, _finish)


def plan_compound_faces(preset: Preset, seed: int) -> list[Face]:
    """Return every picture of a preset and seed; classes in the proportions of RAF-CE's test part.

    Raises:
        TwinError: If the seed is negative.
        ValueError: If the preset is unknown.
    """
    reference = [TEST_COUNTS[COMPOUND_EXPRESSIONS.index(name)] for name in RAF_DB_COMPOUNDS]
    counts = {part: class_counts(reference, total) for part, total in size_of(preset, _SIZES).items()}
    faces: list[Face] = []
    person = 0
    for part, plans in plan_parts(POOL, seed, RAF_DB_COMPOUNDS, counts, BLANK_SHARE).items():
        names = [f"{part}_{number:04d}" for number in range(1, len(plans) + 1)]
        faces += assign_people(names, plans, part, person)
        person += -(-len(plans) // PICTURES_PER_PERSON)
    return faces


def _finish(root: Path, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    labels = root / "compound" / "EmoLabel"
    lines = (f"{row['name']}.jpg {RAF_DB_COMPOUNDS.index(row['compound']) + 1}\n" for row in rows)
    write_text(labels / "list_patition_label.txt", "".join(lines))
    write_provenance(labels, [row["provenance"] for row in rows])
    classes = Counter((row["part"], row["compound"]) for row in rows)
    parts = sorted({row["part"] for row in rows})
    return {"classes": {part: {name: classes[part, name] for name in RAF_DB_COMPOUNDS} for part in parts}}
