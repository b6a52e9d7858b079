"""What is true of each rendered picture, in a file beside the labels that no licensed set has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from metafacs.data.datasets.reading import PROVENANCE_FILE
from metafacs.data.twins.writer import write_text
from metafacs.synthesis.activations import Activation, is_present
from metafacs.synthesis.renderer import Rendering


def provenance_of(rendering: Rendering, activation: Activation, occluder: str | None) -> dict[str, str]:
    """Return what every twin tells of a picture: occluder, action units, intensities, head pose and gaze.

    Action units that are present are joined by ``+``, as are all intensities, ``12:0.55+25:0.31``; ``null``
    stands for none. Pose is in radians, gaze in units of the full turn.
    """
    present = (str(au) for au, x in rendering.action_units.items() if is_present(x))
    intensities = (f"{au}:{x:.2f}" for au, x in rendering.action_units.items())
    angles = dict(
        zip(("yaw", "pitch", "roll", "gaze_x", "gaze_y"), (*rendering.pose, *activation.gaze), strict=True)
    )
    return {
        "occluder": occluder or "none",
        "action_units": "+".join(present) or "null",
        "intensities": "+".join(intensities) or "null",
        **{name: str(round(angle, 4)) for name, angle in angles.items()},
    }


def write_provenance(folder: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write ``twin_provenance.csv``, one line per picture; no cell may hold a comma.

    Args:
        folder: Where the label lists of the twin lie.
        rows: Column -> cell, the same columns for every picture.
    """
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    write_text(folder / PROVENANCE_FILE, "\n".join(lines) + "\n")
