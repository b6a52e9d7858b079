"""The synthetic twin of RAF-AU: action unit codes of the pictures of RAF-ML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metafacs.data.datasets.action_unit_codes import NO_ACTION_UNIT, parse_action_units
from metafacs.data.datasets.raf_au import LABEL_FILE
from metafacs.data.twins.portraits import PIXELS, Album, plan_album
from metafacs.data.twins.provenance import write_provenance
from metafacs.data.twins.raf_faces import POOL, UNCODED, plan_raf_faces
from metafacs.data.twins.writer import Preset, TwinPlan, write_text


def plan_raf_au(preset: Preset, seed: int) -> TwinPlan[Album]:
    """Return what the twin of RAF-AU holds, in RAF-AU's own layout.

    ``RAFAU_label.txt`` holds the codes, ``aligned/0001_aligned.jpg`` the crops of 100 px. Beside what RAF-AU
    has: ``twin_provenance.csv``, and ``TWIN.json`` with the number of pictures per AU. A name stands for the
    same picture in the twins of RAF-ML and RAF-CE of the same preset and seed; some pictures of RAF-ML have
    no codes.

    Presets: ``tiny`` (65 pictures), ``small`` (1,315), ``full`` (4,601).
    """
    faces = tuple(face for face in plan_raf_faces(preset, seed) if face.part != UNCODED)
    return plan_album("raf_au", preset, Album(POOL, seed, "aligned", PIXELS[preset], faces), _finish)


def _finish(root: Path, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    # The real list has a blank at the end of its lines.
    write_text(root / LABEL_FILE, "".join(f"{row['name']}.jpg {row['codes']} \n" for row in rows))
    write_provenance(root, [row["provenance"] for row in rows])
    present = Counter(au for row in rows for au in parse_action_units(row["codes"]))
    return {
        NO_ACTION_UNIT: sum(row["codes"] == NO_ACTION_UNIT for row in rows),
        "au_pictures": {str(au): present[au] for au in sorted(present)},
    }
