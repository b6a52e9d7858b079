"""What faces of people do when nobody asks them to: at rest, in talk, smiles of all kinds, frowns, emotions.

Action units do not come alone on real faces, and not as the prototypes of six emotions either: an angry face
often shouts, a talking face parts its lips and means nothing by it, a frown can be thought or sunlight. A
detector that is to read real faces has to have seen these company, and the same action units without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from metafacs.synthesis.activations import Activation
from metafacs.synthesis.expressions import PROTOTYPES, Prototype, complete_display

EYES_CLOSED = 43
_SHUT_AT_LEAST = 0.6


@dataclass(frozen=True)
class NaturalDisplay:
    """One thing that faces do.

    Attributes:
        prototype: Its action units; the shares are relative to all natural displays.
        expression: The basic expression that it is a display of, ``neutral`` at rest; empty if it is none.
    """

    prototype: Prototype
    expression: str = ""


_EMOTIONS: Mapping[str, float] = {"surprise": 5.0, "anger": 1.2, "sadness": 1.3, "fear": 1.0, "disgust": 1.2}
"""Share of an expression's prototypes, see ``expressions.PROTOTYPES``; smiles are written out below."""

_OTHERS: tuple[NaturalDisplay, ...] = (
    NaturalDisplay(Prototype({}, {}, 4.0), "neutral"),
    # Smiles: polite, with teeth, laughter.
    NaturalDisplay(Prototype({12: 0.65}, {14: (0.2, 0.5), 25: (0.2, 0.4), 6: (0.25, 0.4)}, 2.0), "happiness"),
    NaturalDisplay(
        Prototype({6: 0.75, 12: 0.9, 25: 0.8}, {7: (0.3, 0.6), 26: (0.25, 0.6)}, 2.5), "happiness"
    ),
    NaturalDisplay(
        Prototype(
            {6: 0.95, 12: 1.0, 25: 1.0, 26: 0.8},
            {7: (0.5, 0.7), 9: (0.1, 0.3), 10: (0.2, 0.4), 43: (0.12, 0.8)},
            1.2,
        ),
        "happiness",
    ),
    # Talk, and talk with a frown.
    NaturalDisplay(
        Prototype(
            {25: 0.55},
            {
                **{26: (0.5, 0.5), 18: (0.1, 0.5), 22: (0.12, 0.5), 16: (0.15, 0.5), 10: (0.12, 0.35)},
                **{17: (0.08, 0.4), 1: (0.1, 0.4), 2: (0.1, 0.4), 4: (0.08, 0.35), 20: (0.08, 0.4)},
                43: (0.08, 1.0),
            },
            2.5,
        )
    ),
    NaturalDisplay(
        Prototype({4: 0.75, 25: 0.6}, {7: (0.4, 0.5), 26: (0.5, 0.6), 10: (0.25, 0.5), 9: (0.1, 0.4)}, 1.0)
    ),
    # Anger that shouts, with the jaw dropped or stretched, and anger that stares.
    NaturalDisplay(
        Prototype(
            {4: 0.95, 7: 0.7, 10: 0.7, 25: 1.0, 26: 0.8},
            {9: (0.35, 0.6), 16: (0.3, 0.6), 6: (0.2, 0.4), 20: (0.12, 0.5)},
            1.0,
        ),
        "anger",
    ),
    NaturalDisplay(
        Prototype(
            {4: 0.95, 7: 0.7, 25: 1.0, 27: 0.9},
            {9: (0.35, 0.6), 6: (0.2, 0.4), 20: (0.15, 0.5), 5: (0.2, 0.5)},
            0.6,
        ),
        "anger",
    ),
    NaturalDisplay(
        Prototype({4: 0.85, 5: 0.6}, {23: (0.3, 0.6), 24: (0.25, 0.6), 17: (0.2, 0.5)}, 0.7), "anger"
    ),
    # Thought, sunlight, contempt, pain, doubt, greeting, worry.
    NaturalDisplay(Prototype({4: 0.75}, {7: (0.4, 0.6), 24: (0.2, 0.5), 17: (0.2, 0.5)}, 1.5)),
    NaturalDisplay(
        Prototype({7: 0.8}, {4: (0.35, 0.5), 6: (0.3, 0.5), 10: (0.15, 0.4), 25: (0.2, 0.5)}, 0.8)
    ),
    NaturalDisplay(Prototype({14: 0.8}, {12: (0.3, 0.4), 10: (0.1, 0.4)}, 0.7)),
    NaturalDisplay(
        Prototype(
            {4: 0.9, 6: 0.7, 7: 0.8},
            {9: (0.4, 0.6), 10: (0.5, 0.6), 25: (0.5, 0.7), 43: (0.25, 0.9), 20: (0.2, 0.6)},
            0.7,
        )
    ),
    NaturalDisplay(
        Prototype({2: 0.75}, {1: (0.4, 0.5), 4: (0.3, 0.5), 14: (0.2, 0.5), 17: (0.15, 0.5)}, 0.4)
    ),
    NaturalDisplay(Prototype({1: 0.85, 2: 0.9}, {5: (0.25, 0.5)}, 0.6)),
    NaturalDisplay(Prototype({1: 0.85}, {4: (0.5, 0.5)}, 0.3)),
    # The mouth alone, a wrinkled nose, closed eyes.
    NaturalDisplay(Prototype({24: 0.8}, {17: (0.4, 0.5), 14: (0.2, 0.4)}, 0.4)),
    NaturalDisplay(Prototype({23: 0.8}, {17: (0.3, 0.5)}, 0.3)),
    NaturalDisplay(Prototype({28: 0.85}, {}, 0.3)),
    NaturalDisplay(Prototype({18: 0.85}, {}, 0.3)),
    NaturalDisplay(Prototype({22: 0.8, 25: 0.5}, {}, 0.3)),
    NaturalDisplay(Prototype({17: 0.8}, {15: (0.3, 0.5)}, 0.3)),
    NaturalDisplay(Prototype({9: 0.8}, {4: (0.4, 0.5), 10: (0.3, 0.5)}, 0.3)),
    NaturalDisplay(Prototype({34: 0.8}, {}, 0.15)),
    NaturalDisplay(Prototype({43: 1.0}, {}, 0.6)),
)


@cache
def natural_displays() -> tuple[NaturalDisplay, ...]:
    """Return everything that is drawn from, with relative shares; expressions' prototypes among them."""
    emotions = []
    for expression, share in _EMOTIONS.items():
        prototypes = PROTOTYPES[expression]
        whole = sum(prototype.share for prototype in prototypes)
        emotions += [
            NaturalDisplay(replace(prototype, share=share * prototype.share / whole), expression)
            for prototype in prototypes
        ]
    return (*_OTHERS, *emotions)


def sample_natural_display(
    rng: np.random.Generator,
    *,
    strength: tuple[float, float] = (0.2, 1.0),
    gaze_deviation: tuple[float, float] = (0.2, 0.12),
    traces: float = 1.5,
) -> tuple[Activation, str]:
    """Return something that a face does by itself, and the basic expression that it is a display of.

    Args:
        rng: Random generator.
        strength: Range of the display's strength, 0 to 1; its action units scatter about it by a quarter.
        gaze_deviation: Standard deviations of the horizontal and vertical gaze.
        traces: Mean number of further AUs shown below level B.

    Returns:
        The activation, free of conflicts, and a name in :data:`metafacs.facs.EXPRESSIONS` or the empty
        string.
    """
    displays = natural_displays()
    shares = np.array([display.prototype.share for display in displays])
    chosen = displays[int(rng.choice(len(displays), p=shares / shares.sum()))]
    core, optional = chosen.prototype.core, chosen.prototype.optional
    wanted = {au: relative for au, relative in core.items() if len(core) == 1 or rng.random() < 0.93}
    for au, (probability, relative) in optional.items():
        if rng.random() < probability:
            wanted[au] = relative
    drawn = float(rng.uniform(*strength))
    # Lids that are half shut are not closed eyes.
    strengths = {au: max(drawn, _SHUT_AT_LEAST) if au == EYES_CLOSED else drawn for au in wanted}
    intensities = {
        au: float(np.clip(strengths[au] * relative * rng.uniform(0.75, 1.25), 0, 1))
        for au, relative in wanted.items()
    }
    return complete_display(rng, intensities, gaze_deviation, traces), chosen.expression
