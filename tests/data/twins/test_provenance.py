from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from metafacs.data.twins.provenance import PROVENANCE_FILE, provenance_of, write_provenance
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.renderer import Rendering


def rendering(shown: dict[int, float]) -> Rendering:
    points = np.zeros((68, 2), np.float32)
    return Rendering(
        np.zeros((4, 4, 3), np.uint8), points, (0.1, -0.25, 0.0), shown, (0, 0, 1, 1), points[:2], points[0]
    )


def test_cells_tell_what_is_present_and_every_intensity(tmp_path: Path) -> None:
    activation = Activation({}, gaze=(0.5, -0.125))
    rows = [
        {"name": "0001.jpg", **provenance_of(rendering({4: 0.19, 12: 0.55, 25: 0.2}), activation, "hand")},
        {"name": "0002.jpg", **provenance_of(rendering({}), activation, None)},
    ]
    write_provenance(tmp_path, rows)
    with (tmp_path / PROVENANCE_FILE).open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["action_units"], first["intensities"]) == ("12+25", "4:0.19+12:0.55+25:0.20")
    assert (second["action_units"], second["intensities"]) == ("null", "null")
    assert (first["occluder"], second["occluder"]) == ("hand", "none")
    assert [float(first[name]) for name in ("yaw", "pitch", "roll", "gaze_x", "gaze_y")] == [
        *(0.1, -0.25, 0.0),
        *(0.5, -0.125),
    ]
