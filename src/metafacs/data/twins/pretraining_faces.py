"""Rendered faces to pre-train on: many people, who is who, where the landmarks are, how the head is turned.

Not the twin of a licensed set but a set of its own. The faces show action units and expressions like any
other, but nothing of that is written down: what is pre-trained here has never read such a label.
"""

from __future__ import annotations

import numpy as np

from metafacs.data.datasets.pretraining_faces import COLUMNS, HELD_OUT, LIST_FILE
from metafacs.data.twins.crowds import (
    Cells,
    Crowd,
    CrowdSize,
    Group,
    photograph_anywhere,
    point_cells,
    pose_cells,
)
from metafacs.data.twins.writer import Preset, TwinPlan, size_of
from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.activations import RENDERED_AUS, Activation
from metafacs.synthesis.expressions import sample_action_units, sample_expression
from metafacs.synthesis.renderer import Rendering, Subject

_LAB_SHARE = 0.4
_LAB_POSE_DEVIATION = (0.20, 0.10, 0.06)
_FREE_SHARE = 0.5
_FREE_RATE = 0.10
_GAZE_DEVIATION = (0.25, 0.18)

_SIZES: dict[Preset, CrowdSize] = {
    "tiny": CrowdSize(20, 3, 96),
    "small": CrowdSize(400, 6, 112),
    "full": CrowdSize(2400, 6, 112),
}


def plan_pretraining_faces(preset: Preset, seed: int) -> TwinPlan[Group]:
    """Return what the set holds that the shipped initial weights are trained on.

    ``faces.csv`` holds one line per picture (name, person, part, yaw, pitch and roll in radians, 68 points in
    pixels), ``pictures/*.jpg`` the pictures: two of five from a laboratory, the others in the wild, each in a
    room and a light of its own, so that nothing but face and hair tells who it is. Every tenth person is in
    the part ``validation``.

    Presets: ``tiny`` (20 people, 3 pictures each of 96 px), ``small`` (400, 6 of 112 px), ``full`` (2,400, 6
    of 112 px).
    """
    crowd = Crowd("pretraining_faces", LIST_FILE, COLUMNS, {9: HELD_OUT}, _photograph)
    return crowd.plan(preset, seed, size_of(preset, _SIZES))


def _photograph(rng: np.random.Generator, subject: Subject, pixels: int) -> tuple[Rendering, Cells]:
    rendering = _take_picture(rng, subject, pixels)
    return rendering, [*pose_cells(rendering), *point_cells(rendering)]


def _take_picture(rng: np.random.Generator, subject: Subject, pixels: int) -> Rendering:
    display = _sample_display(rng)
    return photograph_anywhere(
        rng, subject, display, pixels, lab_share=_LAB_SHARE, lab_pose=_LAB_POSE_DEVIATION
    )


def _sample_display(rng: np.random.Generator) -> Activation:
    """Return what the face does: a basic expression of any strength, or any mixture of AUs."""
    if rng.random() < _FREE_SHARE:
        rates = dict.fromkeys(RENDERED_AUS, _FREE_RATE)
        return sample_action_units(rng, rates, gaze_deviation=_GAZE_DEVIATION)
    expression = EXPRESSIONS[int(rng.integers(len(EXPRESSIONS)))]
    return sample_expression(rng, expression, float(rng.random()), gaze_deviation=_GAZE_DEVIATION)
