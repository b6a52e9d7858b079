"""From an emotion to action units: prototypes with their variants, traces and lopsided faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.activations import RENDERED_AUS, Activation, resolve_conflicts

TRACE_LIMIT = 0.19
"""Upper end of the intensities of traces: below FACS level B, so never a positive label."""


_NEVER_TRACES = (25, 26, 27, 28, 34, 43, 45)
"""AUs that even weakly change other labels (the lips part, the eyes close) or do not occur as a trace."""


@dataclass(frozen=True)
class Prototype:
    """One way of showing an emotion.

    Attributes:
        core: AU -> intensity relative to the display's strength; nearly always shown.
        optional: AU -> (probability, relative intensity) of AUs that may join.
        share: How often this prototype is chosen among those of its expression (relative).
    """

    core: Mapping[int, float]
    optional: Mapping[int, tuple[float, float]]
    share: float = 1.0


PROTOTYPES: dict[str, tuple[Prototype, ...]] = {
    "happiness": (
        Prototype({6: 0.9, 12: 1.0, 25: 0.9}, {7: (0.3, 0.6), 26: (0.25, 0.6), 10: (0.1, 0.5)}, 3.0),
        Prototype({6: 0.8, 12: 0.9}, {14: (0.15, 0.6), 7: (0.25, 0.5)}, 2.0),
        Prototype({12: 0.7}, {14: (0.2, 0.6), 25: (0.3, 0.6)}, 1.0),
    ),
    "sadness": (
        Prototype({1: 0.9, 4: 0.8, 15: 0.9}, {17: (0.5, 0.7), 6: (0.25, 0.5), 11: (0.25, 0.7)}, 3.0),
        Prototype({1: 0.8, 4: 0.7}, {17: (0.5, 0.7), 43: (0.1, 0.8), 24: (0.15, 0.6)}, 1.5),
        Prototype({4: 0.7, 15: 0.9, 17: 0.8}, {1: (0.4, 0.6), 6: (0.3, 0.5)}, 1.5),
        Prototype({1: 0.8, 4: 0.8, 20: 0.6, 25: 0.7}, {6: (0.5, 0.7), 11: (0.4, 0.7)}, 0.7),
    ),
    "surprise": (
        Prototype({1: 0.9, 2: 0.9, 5: 0.8, 26: 0.9, 25: 0.8}, {}, 3.0),
        Prototype({1: 0.9, 2: 1.0, 5: 0.9, 27: 0.9, 25: 0.9}, {}, 1.2),
        Prototype({1: 0.8, 2: 0.9}, {5: (0.5, 0.7), 25: (0.5, 0.6), 26: (0.2, 0.5)}, 0.8),
    ),
    "fear": (
        Prototype({1: 0.9, 2: 0.7, 4: 0.7, 5: 0.9, 20: 0.9, 25: 0.8}, {26: (0.3, 0.6)}, 3.0),
        Prototype({1: 0.9, 4: 0.8, 20: 0.9, 25: 0.8}, {2: (0.4, 0.6), 5: (0.5, 0.8), 7: (0.15, 0.5)}, 1.5),
        Prototype({1: 0.8, 2: 0.7, 5: 1.0, 25: 0.8, 26: 0.7}, {4: (0.6, 0.6), 20: (0.3, 0.6)}, 1.0),
    ),
    "anger": (
        Prototype({4: 1.0, 7: 0.8, 24: 0.8}, {17: (0.45, 0.6), 10: (0.1, 0.5)}, 2.0),
        Prototype({4: 1.0, 7: 0.7, 23: 0.9}, {17: (0.4, 0.6)}, 1.5),
        Prototype({4: 1.0, 5: 0.7, 23: 0.8}, {17: (0.3, 0.6)}, 1.0),
        Prototype({4: 0.9, 7: 0.7, 10: 0.8, 25: 0.8}, {9: (0.3, 0.6), 16: (0.4, 0.7), 26: (0.3, 0.6)}, 1.5),
    ),
    "disgust": (
        Prototype({9: 1.0, 10: 0.8}, {4: (0.35, 0.6), 17: (0.6, 0.7), 7: (0.3, 0.6)}, 2.0),
        Prototype({9: 0.9, 15: 0.7, 17: 0.6}, {4: (0.3, 0.6), 6: (0.2, 0.5)}, 1.0),
        Prototype({10: 0.9, 17: 0.8}, {4: (0.4, 0.6), 9: (0.3, 0.6), 7: (0.3, 0.6)}, 1.5),
        Prototype({9: 0.9, 16: 0.7, 25: 0.6}, {10: (0.4, 0.6), 7: (0.3, 0.6)}, 0.7),
    ),
    "neutral": (Prototype({}, {}, 1.0),),
}
"""Expression -> its prototypes: EMFACS and Du, Tao and Martinez (2014), with the variants both list."""

ASYMMETRIC_AUS: tuple[int, ...] = (2, 4, 6, 7, 9, 10, 11, 12, 14, 15, 16, 20)
"""AUs that the two sides of a face can show in different strength."""


def sample_expression(
    rng: np.random.Generator,
    expression: str,
    strength: float,
    *,
    gaze_deviation: tuple[float, float] = (0.1, 0.07),
    traces: float = 1.5,
) -> Activation:
    """Return one display of a basic expression.

    Args:
        rng: Random generator.
        expression: One of :data:`metafacs.facs.EXPRESSIONS`.
        strength: Intensity of the display, 0 (nothing visible) to 1 (the most this person can do).
        gaze_deviation: Standard deviations of the horizontal and vertical gaze, in units of the full turn.
        traces: Mean number of further AUs shown below level B, the hard negatives.

    Returns:
        The activation, free of conflicts.

    Raises:
        ValueError: If the expression is unknown or the strength is out of range.
    """
    if expression not in PROTOTYPES:
        raise ValueError(f"unknown expression {expression!r}; choose one of {', '.join(EXPRESSIONS)}")
    if not 0 <= strength <= 1:
        raise ValueError(f"the strength of an expression is a number from 0 to 1, not {strength}")
    prototypes = PROTOTYPES[expression]
    shares = np.array([prototype.share for prototype in prototypes])
    chosen = prototypes[int(rng.choice(len(prototypes), p=shares / shares.sum()))]
    wanted = {au: relative for au, relative in chosen.core.items() if rng.random() < 0.93}
    for au, (probability, relative) in chosen.optional.items():
        if rng.random() < probability:
            wanted[au] = relative
    intensities = {
        au: float(np.clip(strength * relative * rng.uniform(0.75, 1.25), 0, 1))
        for au, relative in wanted.items()
    }
    return complete_display(rng, intensities, gaze_deviation, traces)


def sample_action_units(
    rng: np.random.Generator,
    rates: Mapping[int, float],
    *,
    intensity: tuple[float, float] = (0.22, 1.0),
    gaze_deviation: tuple[float, float] = (0.1, 0.07),
    traces: float = 1.5,
) -> Activation:
    """Return a free combination: every AU is drawn on its own, as emotion theory would not have it.

    Args:
        rng: Random generator.
        rates: AU -> probability of being shown. Conflicting AUs displace each other, so they come out rarer.
        intensity: Range of the intensity of a shown AU.
        gaze_deviation: Standard deviations of the horizontal and vertical gaze.
        traces: Mean number of further AUs shown below level B.

    Returns:
        The activation, free of conflicts.

    Raises:
        ValueError: If a rate is not a probability.
    """
    for au, rate in rates.items():
        if not 0 <= rate <= 1:
            raise ValueError(f"the rate of AU{au} is {rate}; a probability lies between 0 and 1")
    intensities = {
        au: float(rng.uniform(*intensity)) for au, rate in sorted(rates.items()) if rng.random() < rate
    }
    return complete_display(rng, intensities, gaze_deviation, traces)


def add_traces(
    rng: np.random.Generator, intensities: Mapping[int, float], mean_number: float
) -> dict[int, float]:
    """Return the intensities with further AUs below level B, which must not count as positive.

    Args:
        rng: Random generator.
        intensities: AU -> 0..1; kept as they are.
        mean_number: Mean of the Poisson number of traces.

    Returns:
        AU -> 0..1; may hold conflicting pairs.
    """
    extended = dict(intensities)
    candidates = [au for au in RENDERED_AUS if au not in extended and au not in _NEVER_TRACES]
    number = min(int(rng.poisson(mean_number)), len(candidates))
    for au in rng.choice(candidates, number, replace=False):
        extended[int(au)] = float(rng.uniform(0.03, TRACE_LIMIT))
    return extended


def sample_asymmetry(
    rng: np.random.Generator, intensities: Mapping[int, float]
) -> dict[int, tuple[float, float]]:
    """Return left and right multipliers for the AUs that this face shows lopsided.

    The stronger side keeps the full intensity, so an AU's label does not change. The dimpler (AU14) is
    often shown on one side alone.
    """
    asymmetry = {}
    for au in sorted(intensities):
        if au not in ASYMMETRIC_AUS:
            continue
        if au == 14 and rng.random() < 0.35:
            weaker = 0.0
        elif rng.random() < 0.35:
            weaker = float(rng.uniform(0.6, 1.0))
        else:
            continue
        asymmetry[au] = (1.0, weaker) if rng.random() < 0.5 else (weaker, 1.0)
    return asymmetry


def sample_gaze(rng: np.random.Generator, deviation: tuple[float, float]) -> tuple[float, float]:
    """Return horizontal and vertical gaze, normally distributed and clipped to what eyes can do."""
    horizontal = float(np.clip(rng.normal(0, deviation[0]), -1, 1))
    vertical = float(np.clip(rng.normal(0, deviation[1]), -0.8, 0.8))
    return horizontal, vertical


def complete_display(
    rng: np.random.Generator,
    intensities: Mapping[int, float],
    gaze_deviation: tuple[float, float],
    traces: float,
) -> Activation:
    """Return the activation of the intensities, with traces, lopsided sides and a gaze, free of conflicts.

    Args:
        rng: Random generator.
        intensities: AU -> 0..1; of a conflicting pair the weaker is dropped.
        gaze_deviation: Standard deviations of the horizontal and vertical gaze.
        traces: Mean number of further AUs shown below level B.
    """
    compatible = resolve_conflicts(add_traces(rng, intensities, traces), rng)
    return Activation(compatible, sample_asymmetry(rng, compatible), sample_gaze(rng, gaze_deviation))
