"""The synthetic twin of RAF-CE: compound expressions and action units of the same faces, in three parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.data.datasets.action_unit_codes import NO_ACTION_UNIT
from metafacs.data.datasets.raf_ce import PARTS
from metafacs.data.raf_ce_construction import BuiltPicture, raf_ce_lists
from metafacs.data.twins.portraits import PIXELS, Album, plan_album
from metafacs.data.twins.provenance import write_provenance
from metafacs.data.twins.raf_faces import POOL, plan_raf_faces
from metafacs.data.twins.writer import Preset, TwinPlan, write_text

ALIGNED_FOLDER = "aligned"


def plan_raf_ce(preset: Preset, seed: int) -> TwinPlan[Album]:
    """Return what the twin of RAF-CE holds, in RAF-CE's own layout.

    ``RAFCE_emolabel.txt`` holds the expressions, ``RAFCE_AUlabel.txt`` the action units,
    ``RAFCE_partition.txt`` the parts, ``aligned/0001_aligned.jpg`` the crops of 100 px. Beside what RAF-CE
    has: ``twin_provenance.csv``, and ``TWIN.json`` with the number of pictures per class and part.
    ``metafacs build raf_ce`` makes the same from the twins of RAF-ML and RAF-AU of the same preset and seed
    with this partition.

    Per class the action units have the shares of :data:`metafacs.compounds.WILD_RATES`.

    Presets: ``tiny`` (60 pictures), ``small`` (1,300), ``full`` (4,549).
    """
    faces = tuple(face for face in plan_raf_faces(preset, seed) if face.part in PARTS)
    return plan_album(
        "raf_ce", preset, Album(POOL, seed, ALIGNED_FOLDER, PIXELS[preset], faces), finish_raf_ce
    )


def finish_raf_ce(root: Path, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Write RAF-CE's lists and the provenance, and return the counts."""
    pictures = [
        BuiltPicture(
            row["name"],
            root / ALIGNED_FOLDER / f"{row['name']}_aligned.jpg",
            COMPOUND_EXPRESSIONS.index(row["compound"]),
            row["codes"],
            row["part"],
        )
        for row in rows
    ]
    for name, text in raf_ce_lists(pictures).items():
        write_text(root / name, text)
    write_provenance(root, [row["provenance"] for row in rows])
    parts = Counter(picture.part for picture in pictures)
    classes = Counter(picture.expression for picture in pictures)
    return {
        "parts": {part: parts[part] for part in PARTS},
        "classes": {name: classes[index] for index, name in enumerate(COMPOUND_EXPRESSIONS)},
        NO_ACTION_UNIT: sum(picture.codes == NO_ACTION_UNIT for picture in pictures),
    }
