"""How each action unit moves the mesh: recipes over face units, and a few shapes of our own.

A recipe at weight 1 shows FACS level E. The subject's left and right sides are kept apart so that an action
unit can be asymmetric.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.activations import Activation
from metafacs.synthesis.face_model import FaceModel, load_face_model
from metafacs.synthesis.texture_space import smoothstep

Floats = NDArray[np.float32]


SIDED_UNITS: dict[int, dict[str, float]] = {
    2: {"browOuterUp": 1.9},
    4: {"browDown": 1.15},
    5: {"eyeWide": 1.0},
    6: {"cheekSquint": 1.5, "eyeSquint": 0.30},
    7: {"eyeSquint": 1.2},
    9: {"noseSneer": 1.6, "browDown": 0.3},
    10: {"mouthUpperUp": 1.0},
    11: {"mouthUpperUp": 0.22, "noseSneer": 0.25},
    12: {"mouthSmile": 0.95},
    14: {"mouthDimple": 1.1, "mouthStretch": 0.35},
    15: {"mouthFrown": 1.45},
    16: {"mouthLowerDown": 1.0},
    20: {"mouthStretch": 1.2},
    24: {"mouthPress": 0.55, "mouthStretch": -0.35},
    43: {"eyeBlink": 1.0},
    45: {"eyeBlink": 1.0},
}
"""AU -> weights of face units that exist for either side (``...Left``, ``...Right``)."""

WHOLE_UNITS: dict[int, dict[str, float]] = {
    1: {"browInnerUp": 2.2},
    17: {"mouthShrugLower": 1.5},
    18: {"mouthPucker": 1.15},
    22: {"mouthFunnel": 0.8},
    23: {"mouthRollUpper": 0.55, "mouthRollLower": 0.55, "mouthPucker": 0.35},
    24: {"mouthRollUpper": 0.5, "mouthRollLower": 0.5},
    25: {"jawOpen": 0.06},
    26: {"jawOpen": 0.34},
    27: {"jawOpen": 0.85},
    28: {"mouthRollUpper": 1.4, "mouthRollLower": 1.4},
    34: {"cheekPuff": 1.0},
}
"""AU -> weights of face units that move both sides; they are split at the midline."""

MOST: dict[str, float] = {
    **{"eyeBlink": 1.0, "eyeSquint": 1.0, "cheekSquint": 1.5, "browDown": 1.4, "jawOpen": 0.95},
    **{"mouthRollUpper": 1.4, "mouthRollLower": 1.4, "mouthUpperUp": 1.3, "mouthPucker": 1.3},
}
"""Face unit -> greatest weight that several action units may add up to; beyond it the mesh folds."""


def pose(
    resting: Floats, activation: Activation, gains: Mapping[int, float], at_rest: Mapping[str, float]
) -> Floats:
    """Return the mesh of a person who shows a facial display.

    Args:
        resting: The person's mesh at rest, shape (vertex, 3).
        activation: Action units, asymmetry and gaze.
        gains: AU -> how far this person's face moves at intensity 1, about 0.8 to 1.2.
        at_rest: Face unit -> weight that ``resting`` already contains.

    Returns:
        Vertices, shape (vertex, 3).
    """
    model = load_face_model()
    vertices = resting.copy()
    for name, (left, right) in unit_weights(activation, gains, at_rest).items():
        if f"{name}Left" in model.units:
            _move(vertices, left, model.units[f"{name}Left"])
            _move(vertices, right, model.units[f"{name}Right"])
        elif left == right:
            _move(vertices, left, model.units[name])
        else:
            on_left = left_share(model)
            vertices += model.units[name] * (np.float32(left) * on_left + np.float32(right) * (1 - on_left))
    for au, displacement in own_displacements().items():
        intensity = activation.intensities.get(au, 0.0) * gains.get(au, 1.0)
        if intensity > 0:
            left, right = (intensity * side for side in activation.asymmetry.get(au, (1.0, 1.0)))
            on_left = left_share(model)
            vertices += displacement * (np.float32(left) * on_left + np.float32(right) * (1 - on_left))
    for direction, weight in _gaze_weights(*activation.gaze).items():
        _move(vertices, max(weight, 0.0), model.units[f"eyeLook{direction}"])
    return vertices


def unit_weights(
    activation: Activation, gains: Mapping[int, float], at_rest: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """Return the weight of each face unit on the subject's left and right side.

    Action units that share a face unit add up to at most :data:`MOST`, counting what the face shows at rest,
    and closed lids leave nothing to squint.

    Args:
        activation: Action units and asymmetry.
        gains: AU -> how far this person's face moves at intensity 1.
        at_rest: Face unit (with ``Left`` or ``Right`` where it is sided) -> weight at rest.

    Returns:
        Face unit without side -> (left, right).
    """
    weights: dict[str, list[float]] = {}
    for au, intensity in activation.intensities.items():
        sides = activation.asymmetry.get(au, (1.0, 1.0))
        for recipe in (SIDED_UNITS, WHOLE_UNITS):
            for unit, weight in recipe.get(au, {}).items():
                total = weights.setdefault(unit, [0.0, 0.0])
                for k in range(2):
                    total[k] += weight * intensity * gains.get(au, 1.0) * sides[k]
    for unit, total in weights.items():
        if unit in MOST:
            for k, side in enumerate(("Left", "Right")):
                already = at_rest.get(unit, at_rest.get(unit + side, 0.0))
                if unit == "eyeSquint":  # drooping lids leave less to squint
                    already += 2 * at_rest.get("eyeBlink" + side, 0.0)
                total[k] = min(total[k], MOST[unit] - already)
    if "eyeBlink" in weights and "eyeSquint" in weights:
        for k in range(2):
            weights["eyeSquint"][k] *= 1 - min(weights["eyeBlink"][k], 1.0)
    return {unit: (left, right) for unit, (left, right) in weights.items()}


def _move(vertices: Floats, weight: float, displacement: Floats) -> None:
    if weight != 0:
        vertices += np.float32(weight) * displacement


def left_share(model: FaceModel) -> Floats:
    """Return 1 on the subject's left, 0 on the right, blending at the midline, shape (vertex, 1)."""
    return smoothstep(-0.06, 0.06, model.neutral[:, 0])[:, None]


def lower_lip_share(model: FaceModel) -> Floats:
    """Return 1 for vertices that follow the jaw and 0 for those that stay, shape (vertex,)."""
    return smoothstep(0.03, 0.12, -model.units["jawOpen"][:, 1])


def corner_sealing(model: FaceModel) -> Floats:
    """Return the displacement (vertex, 3) that lifts the lower lip beside the corners.

    The unit ``mouthPress`` opens the lips there, where a pressed mouth is shut.
    """
    x, y, z = model.neutral.T
    beside = np.exp(-(((np.abs(x) - 0.175) / 0.045) ** 2) - ((y - 6.66) / 0.06) ** 2)
    lift = 0.026 * beside * lower_lip_share(model) * smoothstep(0.9, 1.1, z) * model.skin_vertices
    return np.stack([0 * x, lift, 0 * x], 1).astype(np.float32)


def lip_parting(model: FaceModel) -> Floats:
    """Return the displacement (vertex, 3) that opens the lips in the middle and leaves the corners alone.

    Unlike raising the upper lip (AU10) and lowering the lower (AU16) it moves only the red of the lips: the
    relaxed, lens-shaped opening of AU25.
    """
    x, y, z = model.neutral.T
    lower = lower_lip_share(model)
    lens = np.clip(1 - (x / 0.215) ** 2, 0, 1) * smoothstep(0.95, 1.18, z) * model.skin_vertices
    upper = (1 - lower) * np.exp(-(((y - 6.70) / 0.075) ** 2)) * lens
    lower = lower * np.exp(-(((y - 6.66) / 0.085) ** 2)) * lens
    return np.stack([0 * x, 0.033 * upper - 0.066 * lower, 0.010 * (upper + lower)], 1).astype(np.float32)


@cache
def own_displacements() -> dict[int, Floats]:
    """Return the displacements (vertex, 3) of the AUs for which the face units do not suffice."""
    model = load_face_model()
    return {
        # the corrugator draws the brows together, which the face units leave out
        4: _push(model, (0.13, 7.52), (0.10, 0.09), (-0.030, -0.020, 0.0)),
        # the lower lid rises and bulges over the eyeball, more than the squint of the face units
        7: _push(model, (0.29, 7.275), (0.12, 0.028), (0.0, 0.016, 0.020)),
        # the triangle beside the nostril bulges, the furrow sinks and the lip rises below its wing
        11: _push(model, (0.25, 6.99), (0.075, 0.085), (0.014, 0.052, 0.070))
        + _push(model, (0.205, 6.93), (0.030, 0.080), (0.0, 0.020, -0.028))
        + _push(model, (0.13, 6.79), (0.06, 0.07), (0.012, 0.038, 0.010)),
        # the corner is pulled inward and the cheek swells around it; it does not rise as in a smile
        14: _push(model, (0.275, 6.69), (0.045, 0.06), (0.006, -0.022, -0.048)),
        17: _push(model, (0.0, 6.45), (0.14, 0.08), (0.0, 0.020, 0.020)),
        # pressing lifts the corners in the face unit, not in a face
        24: corner_sealing(model) + _push(model, (0.22, 6.69), (0.08, 0.06), (-0.008, -0.022, 0.0)),
        25: lip_parting(model),
    }


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
