"""What is true of a picture: the action units a coder would find, given what was asked for.

Action units interact: raising the upper lip also parts the lips, a closed eye shows no lid tension. The label
of a rendered face is therefore not the request but its closure under the rules below.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.action_unit_shapes import WHOLE_UNITS, lower_lip_share, pose
from metafacs.synthesis.activations import LEVEL_THRESHOLDS, Activation
from metafacs.synthesis.face_model import load_face_model
from metafacs.synthesis.identities import Identity

Floats = NDArray[np.float32]

LIP_GAPS: tuple[float, ...] = (0.0, 0.009, 0.085)
"""Lip gap (face units) at AU25 absent, at level B and at level E.

At level B one dark line is seen in a face picture of 112 pixels; level E is what AU25 alone opens.
"""

JAW_STRETCH = 0.40
"""Jaw opening (weight of the face unit) from which a dropped jaw (AU26) is coded as stretched (AU27)."""

CLOSED_EYES = 0.5
"""Intensity of AU43 or AU45 from which the eyes count as shut."""

_LIP_GAP_LEVELS = (0.0, LEVEL_THRESHOLDS[1], 1.0)
_PRESENT = LEVEL_THRESHOLDS[1]
_COLUMNS = (-0.09, -0.045, 0.0, 0.045, 0.09)


def lip_gap(vertices: Floats) -> float:
    """Return the vertical opening between the lips as seen from the front, in face units.

    In five columns about the middle, the lowest point of the upper lip is compared with the highest of the
    lower, along the head's vertical axis; a column where they overlap counts as closed. A plain 3D distance
    of two points would also grow when AU17 pushes the lower lip forward.

    Args:
        vertices: Shape (vertex, 3), the posed head before it is rotated.
    """
    height = vertices[:, 1]
    gaps = [height[upper].min() - height[lower].max() for upper, lower in _lip_columns()]
    return float(np.clip(gaps, 0.0, None).mean())


@cache
def _lip_columns() -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]:
    model = load_face_model()
    x, y, z = model.neutral.T
    lips = model.skin_vertices & (z > 1.1) & (np.abs(y - 6.68) < 0.11)
    lower = lower_lip_share(model) > 0.5
    columns = [lips & (np.abs(x - middle) < 0.024) for middle in _COLUMNS]
    return tuple((np.flatnonzero(column & ~lower), np.flatnonzero(column & lower)) for column in columns)


def true_action_units(activation: Activation, gap: float) -> dict[int, float]:
    """Return what is true of the picture of a facial display.

    The rules, in order:

    1. An AU counts with its stronger side; one that acts on neither side is absent.
    2. AU26 and AU27 are degrees of one movement, so the opening of the jaw decides which of them it is.
    3. AU25 is read off the lips: 10, 12, 16, 22, 26 and 27 part them too, 17 can shut them again.
    4. AU24 (press) and AU28 (suck) need touching lips and vanish when these are parted.
    5. Shut eyes (AU43, AU45) show neither the upper lid's raise (AU5) nor the lids' tension (AU7).
       AU6 stays: cheek and crow's feet show it.

    Args:
        activation: What was asked for.
        gap: Opening between the lips of the posed head in face units, see :func:`lip_gap`.

    Returns:
        AU number -> intensity 0..1, without zeros.
    """
    labels = {
        au: intensity * max(activation.asymmetry.get(au, (1.0, 1.0)))
        for au, intensity in activation.intensities.items()
    }
    labels.update(_jaw_labels(labels.pop(26, 0.0), labels.pop(27, 0.0)))
    labels[25] = float(np.interp(gap, LIP_GAPS, _LIP_GAP_LEVELS))
    if labels[25] >= _PRESENT:
        labels[24] = labels[28] = 0.0
    if max(labels.get(43, 0.0), labels.get(45, 0.0)) >= CLOSED_EYES:
        labels[5] = labels[7] = 0.0
    return {au: labels[au] for au in sorted(labels) if labels[au] > 0}


def foreseen_action_units(identity: Identity, resting: Floats, activation: Activation) -> dict[int, float]:
    """Return what will be true of a person's picture, without rendering it: the head is posed, not shaded.

    Takes about a hundredth of the time of a picture.

    Args:
        identity: Who shows the display.
        resting: The person's head at rest, shape (vertex, 3).
        activation: What the face does.

    Returns:
        AU number -> intensity 0..1, without zeros: the rendering's ``action_units``.
    """
    return true_action_units(activation, lip_gap(pose(resting, activation, identity.gains, identity.resting)))


def _jaw_labels(drop: float, stretch: float) -> dict[int, float]:
    full_drop, full_stretch = WHOLE_UNITS[26]["jawOpen"], WHOLE_UNITS[27]["jawOpen"]
    jaw = drop * full_drop + stretch * full_stretch
    if jaw >= JAW_STRETCH:
        return {27: min(jaw / full_stretch, 1.0)}
    return {26: min(jaw / full_drop, 1.0)}
