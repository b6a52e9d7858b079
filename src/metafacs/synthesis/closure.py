"""What is true of a picture: the action units a coder would find, given what was asked for.

Action units interact: raising the upper lip also parts the lips, a closed eye shows no lid tension. The label of
a rendered face is therefore not the request but its closure under the rules below.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.action_unit_shapes import WHOLE_UNITS
from metafacs.synthesis.activations import LEVEL_THRESHOLDS, Activation
from metafacs.synthesis.face_model import load_face_model

Floats = NDArray[np.float32]

FULL_LIP_GAP = 0.090
"""Opening of the lips (face units) that counts as AU25 at intensity 1."""

JAW_STRETCH = 0.40
"""Jaw opening (weight of the face unit) from which a dropped jaw (AU26) is coded as stretched (AU27)."""

CLOSED_EYES = 0.5
"""Intensity of AU43 or AU45 from which the eyes count as shut."""

_UPPER_LIP, _LOWER_LIP = (61, 62, 63), (67, 66, 65)
_PRESENT = LEVEL_THRESHOLDS[1]


def lip_gap(vertices: Floats) -> float:
    """Return the signed vertical distance between the lips, in face units; negative where they press.

    It is the mean over three pairs of landmarks on the inner lips, along the head's own vertical axis. A plain
    3D distance would also grow when AU17 pushes the lower lip forward.

    Args:
        vertices: Shape (vertex, 3), the posed head before it is rotated.
    """
    landmarks = load_face_model().landmarks
    upper = vertices[landmarks[list(_UPPER_LIP)], 1]
    lower = vertices[landmarks[list(_LOWER_LIP)], 1]
    return float((upper - lower).mean())


def true_action_units(activation: Activation, opening: float) -> dict[int, float]:
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
        opening: Lip gap of the posed head less the gap of the same person at rest, in face units.

    Returns:
        AU number -> intensity 0..1, without zeros.
    """
    labels = {
        au: intensity * max(activation.asymmetry.get(au, (1.0, 1.0)))
        for au, intensity in activation.intensities.items()
    }
    labels.update(_jaw_labels(labels.pop(26, 0.0), labels.pop(27, 0.0)))
    labels[25] = float(np.clip(opening / FULL_LIP_GAP, 0.0, 1.0))
    if labels[25] >= _PRESENT:
        labels[24] = labels[28] = 0.0
    if max(labels.get(43, 0.0), labels.get(45, 0.0)) >= CLOSED_EYES:
        labels[5] = labels[7] = 0.0
    return {au: labels[au] for au in sorted(labels) if labels[au] > 0}


def _jaw_labels(drop: float, stretch: float) -> dict[int, float]:
    full_drop, full_stretch = WHOLE_UNITS[26]["jawOpen"], WHOLE_UNITS[27]["jawOpen"]
    jaw = drop * full_drop + stretch * full_stretch
    if jaw >= JAW_STRETCH:
        return {27: min(jaw / full_stretch, 1.0)}
    return {26: min(jaw / full_drop, 1.0)}
