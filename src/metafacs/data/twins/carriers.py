"""What carries an expression in a snapshot: action units, gaze, head pose, or nothing but the situation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.expressions import sample_expression
from metafacs.synthesis.scenes import SNAPSHOTS

CARRIERS: tuple[str, ...] = ("action_units", "gaze", "pose", "none")
"""What makes annotators see an expression. Neutral faces show nothing and are counted under ``none``."""

CARRIER_SHARES: tuple[float, ...] = (0.66, 0.11, 0.11, 0.12)
"""Share of each carrier among the pictures that are not neutral."""

_GAZES: dict[str, tuple[float, float]] = {
    "surprise": (0.1, 0.55),
    "fear": (0.75, 0.1),
    "disgust": (0.6, -0.35),
    "happiness": (0.3, 0.1),
    "sadness": (0.1, -0.65),
    "anger": (0.0, 0.35),
}
"""Expression -> horizontal (either side) and vertical gaze that suggests it."""

_POSES: dict[str, tuple[float, float, float]] = {
    "surprise": (0.05, -0.28, 0.05),
    "fear": (0.45, -0.1, 0.08),
    "disgust": (0.5, -0.12, 0.1),
    "happiness": (0.15, -0.08, 0.26),
    "sadness": (0.15, 0.33, 0.15),
    "anger": (0.05, 0.26, 0.03),
}
"""Expression -> yaw (either side), pitch and roll (either side) in radians that suggest it."""


@dataclass(frozen=True)
class Display:
    """One way of showing, or not showing, an expression.

    Attributes:
        carrier: One of :data:`CARRIERS`.
        activation: What the face does.
        pose: Yaw, pitch and roll in radians where they matter, else None.
        strength: Strength of the display, 0 to 1; 0 where no action unit is meant.
        hint_weight: Log-odds that gaze or pose give an annotator.
        context_weight: Log-odds that the situation around the face gives an annotator.
    """

    carrier: str
    activation: Activation
    pose: tuple[float, float, float] | None
    strength: float
    hint_weight: float
    context_weight: float


def sample_display(rng: np.random.Generator, label: int) -> Display:
    """Return how one picture shows the expression that annotators will see in it.

    Args:
        rng: Random generator.
        label: Index of the expression in ``EXPRESSIONS``.

    Returns:
        The display. Of the neutral pictures most show nothing, some a weak expression.
    """
    expression = EXPRESSIONS[label]
    if expression == "neutral":
        return _neutral(rng)
    carrier = CARRIERS[int(rng.choice(len(CARRIERS), p=CARRIER_SHARES))]
    if carrier == "action_units":
        strength = float(rng.uniform(0.35, 1.0))
        activation = sample_expression(rng, expression, strength, gaze_deviation=(0.25, 0.18))
        return Display(carrier, activation, None, strength, 0.0, 0.8)
    resting = sample_expression(rng, "neutral", 0.0, gaze_deviation=(0.15, 0.1))
    if carrier == "gaze":
        horizontal, vertical = _GAZES[expression]
        gaze = (
            float(np.clip(_side(rng) * horizontal + rng.normal(0, 0.1), -1, 1)),
            float(np.clip(vertical + rng.normal(0, 0.08), -0.8, 0.8)),
        )
        frontal = (float(rng.normal(0, 0.12)), float(rng.normal(0, 0.06)), float(rng.normal(0, 0.05)))
        activation = Activation(resting.intensities, resting.asymmetry, gaze)
        return Display(carrier, activation, frontal, 0.0, 1.6, 1.6)
    if carrier == "pose":
        yaw, pitch, roll = _POSES[expression]
        turned = (_side(rng) * yaw, pitch, _side(rng) * roll)
        pose = tuple(
            float(np.clip(angle + rng.normal(0, 0.05), -limit, limit))
            for angle, limit in zip(turned, SNAPSHOTS.pose_limit, strict=True)
        )
        return Display(carrier, resting, (pose[0], pose[1], pose[2]), 0.0, 1.6, 1.6)
    return Display(carrier, resting, None, 0.0, 0.0, 2.4)


def _neutral(rng: np.random.Generator) -> Display:
    """Return a neutral picture: mostly a face at rest, sometimes a faint or talking one."""
    if rng.random() < 0.2:
        shown = EXPRESSIONS[int(rng.integers(len(EXPRESSIONS) - 1))]
        strength = float(rng.uniform(0.1, 0.35))
        activation = sample_expression(rng, shown, strength, gaze_deviation=(0.25, 0.18))
        return Display("none", activation, None, strength, 0.0, 1.5)
    activation = sample_expression(rng, "neutral", 0.0, gaze_deviation=(0.25, 0.18))
    return Display("none", activation, None, 0.0, 0.0, 0.5)


def _side(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0
