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
from metafacs.data.twins.portraits import PIXELS, Album, write_album_twin
from metafacs.data.twins.provenance import write_provenance
from metafacs.data.twins.raf_faces import POOL, plan_raf_faces
from metafacs.data.twins.writer import Preset, TwinSummary, write_text

ALIGNED_FOLDER = "aligned"


def write_raf_ce(
    root: Path | str,
    *,
    preset: Preset = "small",
    seed: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> TwinSummary:
    """Write the synthetic twin of RAF-CE in RAF-CE's own layout.

    ``RAFCE_emolabel.txt`` holds the expressions, ``RAFCE_AUlabel.txt`` the action units,
    ``RAFCE_partition.txt`` the parts, ``aligned/0001_aligned.jpg`` the crops of 100 px. Beside what RAF-CE
    has: ``twin_provenance.csv``. ``metafacs build raf_ce`` makes the same from the twins of RAF-ML and
    RAF-AU of the same preset and seed with this partition.

    Per class the action units have the shares of :data:`metafacs.compounds.WILD_RATES`.

    Args:
        root: Folder of the twin: new, empty, or a stopped twin of the same preset and seed.
        preset: ``tiny`` (60 pictures), ``small`` (1,300) or ``full`` (4,549).
        seed: Seed of the generator; another seed gives other people.
        workers: Processes; None = one per core.
        progress: Show a progress bar.

    Returns:
        What was written, with the number of pictures per class and part.

    Raises:
        TwinError: If the folder holds something else or the seed is negative.
        ValueError: If the preset is unknown.
    """
    faces = tuple(face for face in plan_raf_faces(preset, seed) if face.part in PARTS)
    album = Album(POOL, seed, ALIGNED_FOLDER, PIXELS[preset], faces)
    return write_album_twin(root, "raf_ce", preset, album, finish_raf_ce, workers=workers, progress=progress)


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
