"""Rendered people to learn action units from: what faces do by themselves, and any mixture, anywhere.

Not the twin of a licensed set but a set of its own, which need not look like any: as many people as can be,
few pictures of each, every action unit of the renderer, and how strong each is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.data.datasets.people import COLUMNS, LIST_FILE, PEOPLE_AUS, TEST, VALIDATION
from metafacs.data.twins.chunks import Record
from metafacs.data.twins.crowds import (
    Cells,
    Crowd,
    CrowdSize,
    Group,
    photograph_anywhere,
    point_cells,
    pose_cells,
    rows_of,
)
from metafacs.data.twins.writer import Preset, TwinPlan, size_of
from metafacs.facs import au_column
from metafacs.synthesis.activations import Activation, is_present
from metafacs.synthesis.expressions import sample_action_units
from metafacs.synthesis.natural_displays import sample_natural_display
from metafacs.synthesis.renderer import Rendering, Subject

_FREE_SHARE = 0.15
_FREE_RATE = 0.09
_FREE_INTENSITY = (0.2, 1.0)
_FREE_GAZE_DEVIATION = (0.25, 0.15)
_LAB_SHARE = 0.5
_LAB_POSE_DEVIATION = (0.22, 0.12, 0.06)

_SIZES: dict[Preset, CrowdSize] = {
    "tiny": CrowdSize(20, 3, 96),
    "small": CrowdSize(600, 4, 208),
    "full": CrowdSize(2000, 4, 208),
}


def plan_people(preset: Preset, seed: int) -> TwinPlan[Group]:
    """Return what the set holds that detectors of action units for any face are trained on.

    ``people.csv`` holds one line per picture: name, person, part, the expression shown (empty for a free
    mixture of action units), yaw, pitch and roll in radians, the intensity 0 to 1 of every action unit as it
    is true of the picture, 68 points in pixels. ``pictures/*.jpg`` are the pictures: half from laboratories,
    half in the wild, each in a room and a light of its own. Of ten people one is in the part ``test``, one in
    ``validation``.

    Presets: ``tiny`` (20 people, 3 pictures each of 96 px), ``small`` (600, 4 of 208 px), ``full`` (2,000, 4
    of 208 px).
    """
    return replace(_PEOPLE.plan(preset, seed, size_of(preset, _SIZES)), finish=_finish)


def _photograph(rng: np.random.Generator, subject: Subject, pixels: int) -> tuple[Rendering, Cells]:
    rendering, expression = _take_picture(rng, subject, pixels)
    intensities = (round(float(rendering.action_units.get(au, 0.0)), 4) for au in PEOPLE_AUS)
    return rendering, [expression, *pose_cells(rendering), *intensities, *point_cells(rendering)]


def _take_picture(rng: np.random.Generator, subject: Subject, pixels: int) -> tuple[Rendering, str]:
    """Return a picture and the name of its expression, empty for a free mixture of action units."""
    display, expression = _sample_display(rng)
    rendering = photograph_anywhere(
        rng, subject, display, pixels, lab_share=_LAB_SHARE, lab_pose=_LAB_POSE_DEVIATION
    )
    return rendering, expression


def _sample_display(rng: np.random.Generator) -> tuple[Activation, str]:
    """Return what the face does and the name of its expression, empty for a free mixture."""
    if rng.random() >= _FREE_SHARE:
        return sample_natural_display(rng)
    rates = dict.fromkeys(PEOPLE_AUS, _FREE_RATE)
    display = sample_action_units(rng, rates, intensity=_FREE_INTENSITY, gaze_deviation=_FREE_GAZE_DEVIATION)
    return display, ""


def _finish(root: Path, records: Sequence[Record]) -> dict[str, Any]:
    """Write ``people.csv``; return how many people there are and how often action units are present."""
    rates = {}
    rows = rows_of(records)
    for au in PEOPLE_AUS:
        column = COLUMNS.index(au_column(au))
        rates[str(au)] = round(float(np.mean([is_present(float(row[column])) for row in rows])), 4)
    return {
        **_PEOPLE.finish(root, records),
        "presence_rule": "FACS level B or above",
        "au_rates": rates,
    }


_PEOPLE = Crowd("people", LIST_FILE, COLUMNS, {8: VALIDATION, 9: TEST}, _photograph)
