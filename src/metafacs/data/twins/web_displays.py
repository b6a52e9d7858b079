"""What faces in pictures from the web do: textbook expressions among free combinations of action units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metafacs.synthesis.activations import Activation
from metafacs.synthesis.expressions import sample_action_units, sample_expression

FREE = "free"
"""Name of a display that follows no emotion."""

EXPRESSION_SHARE = 0.35
"""Share of the pictures that show a textbook expression; the rest are free combinations."""

EXPRESSION_SHARES: dict[str, float] = {
    **{"happiness": 0.57, "neutral": 0.17, "surprise": 0.04, "sadness": 0.09},
    **{"anger": 0.08, "disgust": 0.03, "fear": 0.02},
}
"""Share of each expression among the textbook ones: people smile at cameras."""

FREE_RATES: dict[int, float] = {
    **{
        1: 0.10,
        2: 0.09,
        4: 0.14,
        5: 0.02,
        6: 0.25,
        9: 0.05,
        12: 0.36,
        17: 0.10,
        20: 0.06,
        25: 0.30,
        26: 0.12,
    },
    **{43: 0.07, 7: 0.12, 10: 0.08, 14: 0.08, 15: 0.06, 16: 0.03, 18: 0.03, 22: 0.02, 23: 0.04, 24: 0.05},
    **{11: 0.03, 27: 0.02, 28: 0.02},
}
"""AU -> probability of being drawn in a free combination; conflicting AUs displace each other afterwards."""

_GAZE = (0.25, 0.18)


@dataclass(frozen=True)
class WebDisplay:
    """What one picture shows.

    Attributes:
        kind: An expression of :data:`metafacs.facs.EXPRESSIONS`, or :data:`FREE`.
        strength: Strength of the expression, 0 to 1; 0 for a free combination.
        activation: What the face does.
    """

    kind: str
    strength: float
    activation: Activation


def sample_web_display(rng: np.random.Generator) -> WebDisplay:
    """Return what a face in a picture from the web does.

    Free combinations draw every AU on its own, so that AUs do not stand for emotions.

    Args:
        rng: Random generator.

    Returns:
        The display, free of conflicts.
    """
    if rng.random() >= EXPRESSION_SHARE:
        return WebDisplay(FREE, 0.0, sample_action_units(rng, FREE_RATES, gaze_deviation=_GAZE))
    expressions = list(EXPRESSION_SHARES)
    kind = expressions[int(rng.choice(len(expressions), p=list(EXPRESSION_SHARES.values())))]
    strength = float(rng.uniform(0.3, 1.0))
    return WebDisplay(kind, strength, sample_expression(rng, kind, strength, gaze_deviation=_GAZE))
