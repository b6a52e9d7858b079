"""The truth about a twin's pictures beside what the data set itself would tell: ``twin_provenance.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from metafacs.data.datasets.reading import PROVENANCE_FILE
from metafacs.data.twins.writer import write_text
from metafacs.synthesis.activations import Activation, is_present
from metafacs.synthesis.renderer import Rendering

Provenance = dict[str, str | float]


def provenance(rendering: Rendering, activation: Activation) -> Provenance:
    """Return what is true of a picture: action units present, all intensities, head pose and gaze.

    Args:
        rendering: The picture.
        activation: What the face was asked to do; gives the gaze.

    Returns:
        Column -> cell; angles of the head in radians, gaze in shares of the full turn.
    """
    present = [au for au, x in rendering.action_units.items() if is_present(x)]
    yaw, pitch, roll = (round(angle, 4) for angle in rendering.pose)
    gaze_x, gaze_y = (round(angle, 4) for angle in activation.gaze)
    return {
        "action_units": "+".join(str(au) for au in present) or "null",
        "intensities": "+".join(f"{au}:{x:.2f}" for au, x in rendering.action_units.items()) or "null",
        **{"yaw": yaw, "pitch": pitch, "roll": roll, "gaze_x": gaze_x, "gaze_y": gaze_y},
    }


def write_provenance(folder: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write ``twin_provenance.csv`` into a folder; all rows have the same columns, at least one row."""
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / PROVENANCE_FILE, table.getvalue())
