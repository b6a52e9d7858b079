"""What a face does in one picture: action-unit intensities, their asymmetry, and the direction of gaze.

Intensities run from 0 to 1, where 1 is the most this person can do, FACS level E.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

RENDERED_AUS: tuple[int, ...] = (
    *(1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 34, 43, 45),
)
"""The action units the renderer can show. AU43 (closed) and AU45 (blink) look alike in a still picture."""

CONFLICTS: tuple[tuple[int, int], ...] = (
    *((5, 43), (5, 45), (5, 7), (43, 45)),
    *((24, 25), (24, 26), (24, 27), (23, 26), (23, 27), (28, 25), (28, 26), (28, 27)),
    *((26, 27), (18, 27), (34, 25), (34, 26), (34, 27), (34, 24), (34, 28)),
    *((10, 24), (16, 24), (16, 28), (10, 28), (17, 27), (17, 16), (22, 27)),
    *((12, 15), (12, 18), (12, 20), (12, 22)),
    *((18, 20), (18, 22), (22, 20), (22, 23), (22, 24), (23, 24), (23, 28), (24, 28), (22, 28), (18, 28)),
)
"""Pairs that are not rendered together: they pull one part of the face two ways, or one hides the other."""

LEVEL_THRESHOLDS: tuple[float, float, float, float, float] = (0.05, 0.20, 0.40, 0.65, 0.90)
"""Lowest intensity of FACS levels A (trace), B (slight), C (marked), D (severe), E (maximum).

C and D cover more than half of the range and A and B little, as in the scale of the FACS manual.
"""

PRESENCE_LEVEL = 2
"""An action unit counts as present from level B, the rule of every twin; level A is a hard negative."""


@dataclass(frozen=True)
class Activation:
    """One facial display.

    Attributes:
        intensities: AU number -> 0..1; 1.0 is FACS level E. Absent AUs are at rest.
        asymmetry: AU number -> (left, right) multipliers 0..1, left being the subject's own left.
            AUs that are not listed act on both sides alike.
        gaze: Horizontal and vertical direction of the eyes in the head, each -1..1; positive is to the
            subject's left and up. An eye turns by about 30 degrees at 1.
    """

    intensities: Mapping[int, float]
    asymmetry: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    gaze: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse AUs the renderer cannot show and numbers out of range."""
        unknown = sorted(set(self.intensities) - set(RENDERED_AUS))
        if unknown:
            raise ValueError(f"action units {unknown} cannot be rendered; choose from {RENDERED_AUS}")
        for au, intensity in self.intensities.items():
            if not 0.0 <= intensity <= 1.0:
                raise ValueError(f"the intensity of AU{au} is {intensity}; it must lie in 0..1")
        for au, sides in self.asymmetry.items():
            if len(sides) != 2 or not all(0.0 <= side <= 1.0 for side in sides):
                raise ValueError(f"the asymmetry of AU{au} is {sides}; give two multipliers in 0..1")
        if not all(-1.0 <= angle <= 1.0 for angle in self.gaze):
            raise ValueError(f"the gaze is {self.gaze}; both directions must lie in -1..1")


def resolve_conflicts(intensities: Mapping[int, float], rng: np.random.Generator) -> dict[int, float]:
    """Keep the strongest action units that can be shown together.

    Args:
        intensities: AU number -> 0..1.
        rng: Decides between AUs of equal intensity.

    Returns:
        A subset without any pair of :data:`CONFLICTS`; of a conflicting pair the weaker AU is dropped.

    >>> resolve_conflicts({12: 0.8, 15: 0.3, 6: 0.5}, np.random.default_rng(0))
    {6: 0.5, 12: 0.8}
    """
    order = sorted(intensities)
    ties = dict(zip(order, rng.random(len(order)), strict=True))
    kept: set[int] = set()
    for au in sorted(order, key=lambda a: (-intensities[a], ties[a])):
        if not any((au, other) in _CONFLICTING or (other, au) in _CONFLICTING for other in kept):
            kept.add(au)
    return {au: float(intensities[au]) for au in order if au in kept}


_CONFLICTING = frozenset(CONFLICTS)


def intensity_level(x: float) -> int:
    """Return the FACS level of an intensity as an integer: 0 absent, 1 trace (A) ... 5 maximum (E).

    Args:
        x: Intensity, 0..1.

    Returns:
        Number of :data:`LEVEL_THRESHOLDS` that ``x`` reaches.

    >>> [intensity_level(x) for x in (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)]
    [0, 1, 2, 3, 4, 5]
    """
    return sum(x >= threshold for threshold in LEVEL_THRESHOLDS)


def continuous_level(x: float) -> float:
    """Return the FACS level of an intensity with its fraction, an exact target for regression.

    Levels lie halfway between whole numbers at their thresholds and are straight in between, so that the
    nearest whole number, halves upward, is :func:`intensity_level`.

    Args:
        x: Intensity, 0..1.

    Returns:
        Level, 0..5.

    >>> [continuous_level(x) for x in (0.0, 0.05, 0.2, 0.3, 0.9, 1.0)]
    [0.0, 0.5, 1.5, 2.0, 4.5, 5.0]
    """
    return float(np.interp(x, (0.0, *LEVEL_THRESHOLDS, 1.0), (0.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.0)))


def is_present(x: float) -> bool:
    """Return whether an action unit of intensity ``x`` (0..1) is coded as present (level B or above)."""
    return intensity_level(x) >= PRESENCE_LEVEL
