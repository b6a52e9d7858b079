"""How each action unit moves the mesh: recipes over face units, and a few shapes of our own.

A recipe at weight 1 shows FACS level E. `Shape` keeps the subject's left and right sides apart so that an
action unit can be asymmetric.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.activations import Activation
from metafacs.synthesis.face_model import FaceModel, load_face_model
from metafacs.synthesis.texture_space import smoothstep

Floats = NDArray[np.float32]


class Shape(NamedTuple):
    """Displacements of the vertices, each (vertex, 3), of the subject's left and right half of the face."""

    left: Floats
    right: Floats


SIDED_UNITS: dict[int, dict[str, float]] = {
    2: {"browOuterUp": 1.5},
    4: {"browDown": 1.15},
    5: {"eyeWide": 1.0},
    6: {"cheekSquint": 1.5, "eyeSquint": 0.40},
    7: {"eyeSquint": 1.1, "eyeBlink": 0.10},
    9: {"noseSneer": 1.6, "browDown": 0.3},
    10: {"mouthUpperUp": 1.0},
    11: {"mouthUpperUp": 0.22, "noseSneer": 0.25},
    12: {"mouthSmile": 0.95},
    14: {"mouthDimple": 1.5, "mouthSmile": 0.12, "mouthStretch": 0.25},
    15: {"mouthFrown": 1.2},
    16: {"mouthLowerDown": 1.0},
    20: {"mouthStretch": 1.2},
    24: {"mouthPress": 0.9, "mouthStretch": -0.55, "mouthSmile": -0.18},
    43: {"eyeBlink": 1.0},
}
"""AU -> weights of face units that exist for either side (``...Left``, ``...Right``)."""

WHOLE_UNITS: dict[int, dict[str, float]] = {
    1: {"browInnerUp": 2.2},
    17: {"mouthShrugLower": 1.5},
    18: {"mouthPucker": 0.9},
    22: {"mouthFunnel": 0.8},
    23: {"mouthRollUpper": 0.55, "mouthRollLower": 0.55, "mouthPucker": 0.35},
    24: {"mouthRollUpper": 0.30, "mouthRollLower": 0.30, "mouthPucker": 0.12},
    25: {"jawOpen": 0.06},
    26: {"jawOpen": 0.34},
    27: {"jawOpen": 0.85},
    28: {"mouthRollUpper": 1.0, "mouthRollLower": 1.0},
    34: {"cheekPuff": 1.0},
}
"""AU -> weights of face units that move both sides; they are split at the midline."""

LID_UP_FROM_SQUINT = 0.6
"""Share of the squint that AU7 loses at full AU5 (see :func:`pose`)."""


@cache
def action_unit_shapes() -> dict[int, Shape]:
    """Return the shape of every rendered action unit at intensity 1."""
    model = load_face_model()
    shapes: dict[int, Shape] = {}
    for au in sorted(set(SIDED_UNITS) | set(WHOLE_UNITS)):
        left, right = np.zeros_like(model.vertices), np.zeros_like(model.vertices)
        for unit, weight in SIDED_UNITS.get(au, {}).items():
            left += np.float32(weight) * model.units[f"{unit}Left"]
            right += np.float32(weight) * model.units[f"{unit}Right"]
        whole = _own_displacement(au, model)
        for unit, weight in WHOLE_UNITS.get(au, {}).items():
            whole = whole + np.float32(weight) * model.units[unit]
        on_left = left_share(model)
        shapes[au] = Shape(left + whole * on_left, right + whole * (1 - on_left))
    shapes[45] = shapes[43]
    return shapes


def pose(resting: Floats, activation: Activation, gains: Mapping[int, float]) -> Floats:
    """Return the mesh of a person who shows a facial display.

    Args:
        resting: The person's mesh at rest, shape (vertex, 3).
        activation: Action units, asymmetry and gaze.
        gains: AU -> how far this person's face moves at intensity 1, about 0.8 to 1.2.

    Returns:
        Vertices, shape (vertex, 3).
    """
    vertices = resting.copy()
    shapes = action_unit_shapes()
    for au, intensity in activation.intensities.items():
        if intensity <= 0:
            continue
        weight = intensity * gains.get(au, 1.0)
        left, right = activation.asymmetry.get(au, (1.0, 1.0))
        vertices += np.float32(weight * left) * shapes[au].left
        vertices += np.float32(weight * right) * shapes[au].right
    units = load_face_model().units
    for direction, weight in _gaze_weights(*activation.gaze).items():
        if weight > 0:
            vertices += np.float32(weight) * units[f"eyeLook{direction}"]
    return vertices


def left_share(model: FaceModel) -> Floats:
    """Return the share of the subject's left side at each vertex, 0..1, blending at the midline, (vertex, 1)."""
    return smoothstep(-0.06, 0.06, model.neutral[:, 0])[:, None]


def lip_parting(model: FaceModel) -> Floats:
    """Return the displacement (vertex, 3) that opens the lips in the middle and leaves the corners alone.

    Unlike raising the upper lip (AU10) and lowering the lower (AU16) it moves only the red of the lips: the
    relaxed, lens-shaped opening of AU25.
    """
    x, y, z = model.neutral.T
    lower = smoothstep(0.03, 0.12, -model.units["jawOpen"][:, 1])
    lens = np.clip(1 - (x / 0.215) ** 2, 0, 1) * smoothstep(0.95, 1.18, z) * model.skin_vertices
    upper = (1 - lower) * np.exp(-(((y - 6.70) / 0.075) ** 2)) * lens
    lower = lower * np.exp(-(((y - 6.66) / 0.085) ** 2)) * lens
    return np.stack([0 * x, 0.030 * upper - 0.060 * lower, 0.010 * (upper + lower)], 1).astype(np.float32)


def _own_displacement(au: int, model: FaceModel) -> Floats:
    if au == 4:  # the corrugator draws the brows together, which the face units leave out
        return _push(model, (0.13, 7.52), (0.10, 0.09), (-0.030, -0.020, 0.0))
    if au == 11:  # the triangle beside the nostril bulges and the lip rises below its wing
        return (
            _push(model, (0.25, 6.99), (0.075, 0.085), (0.012, 0.045, 0.050))
            + _push(model, (0.205, 6.93), (0.030, 0.080), (0.0, 0.020, -0.028))
            + _push(model, (0.13, 6.79), (0.06, 0.07), (0.010, 0.030, 0.008))
        )
    if au == 14:
        return _push(model, (0.275, 6.69), (0.045, 0.06), (0.010, 0.0, -0.060))
    if au == 17:
        return _push(model, (0.0, 6.45), (0.14, 0.08), (0.0, 0.020, 0.020))
    if au == 25:
        return lip_parting(model)
    return np.zeros_like(model.vertices)


def _push(
    model: FaceModel,
    centre: tuple[float, float],
    radius: tuple[float, float],
    by: tuple[float, float, float],
) -> Floats:
    """Return a Gaussian displacement on both sides; ``by`` is (outward, up, forward)."""
    x, y, z = model.neutral.T
    share = np.exp(-(((np.abs(x) - centre[0]) / radius[0]) ** 2) - ((y - centre[1]) / radius[1]) ** 2)
    share = share * (model.skin_vertices & (z > 0.3))
    return np.stack([by[0] * np.sign(x) * share, by[1] * share, by[2] * share], 1).astype(np.float32)


def _gaze_weights(horizontal: float, vertical: float) -> dict[str, float]:
    return {
        "OutLeft": horizontal,
        "InRight": horizontal,
        "InLeft": -horizontal,
        "OutRight": -horizontal,
        "UpLeft": vertical,
        "UpRight": vertical,
        "DownLeft": -vertical,
        "DownRight": -vertical,
    }
