"""How forty annotators would label a face: by what it shows, what it hints at, and what they guess."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.expressions import PROTOTYPES, Prototype

ANNOTATORS = 40

_SHARPNESS = 4.2
_NEUTRAL = EXPRESSIONS.index("neutral")
_ATTEMPTS_PER_STEP = 10


def expression_evidence(action_units: Mapping[int, float]) -> NDArray[np.float64]:
    """Return how well the visible action units fit each expression.

    An expression's evidence is that of its best-fitting prototype: the share of the core that is shown,
    weighted by importance, less what is shown besides. Neutral fits as far as nothing is shown.

    Args:
        action_units: AU -> intensity 0..1, as true of the picture.

    Returns:
        Shape (7,), about 0 (no fit) to 1 (textbook case), in the order of ``EXPRESSIONS``.
    """
    evidence = np.zeros(len(EXPRESSIONS))
    for index, expression in enumerate(EXPRESSIONS):
        if index != _NEUTRAL:
            evidence[index] = max(_fit(prototype, action_units) for prototype in PROTOTYPES[expression])
    shown = sum(min(intensity / 0.45, 1.0) for intensity in action_units.values() if intensity >= 0.1)
    evidence[_NEUTRAL] = max(0.0, 1 - 0.45 * shown)
    return evidence


def vote_probabilities(
    action_units: Mapping[int, float],
    hint: int | None,
    hint_weight: float,
    context: int,
    context_weight: float,
) -> NDArray[np.float64]:
    """Return the probability that one annotator chooses each expression.

    Args:
        action_units: AU -> intensity 0..1, as true of the picture.
        hint: Expression index that gaze or head pose suggest; None = nothing.
        hint_weight: Log-odds that the hint adds.
        context: Expression index that the situation suggests.
        context_weight: Log-odds that the situation adds.

    Returns:
        Shape (7,), sums to 1.
    """
    logits = _SHARPNESS * expression_evidence(action_units)
    if hint is not None:
        logits[hint] += hint_weight
    logits[context] += context_weight
    probabilities: NDArray[np.float64] = np.exp(logits - logits.max())
    return probabilities / probabilities.sum()


def sample_votes(
    rng: np.random.Generator,
    label: int,
    action_units: Mapping[int, float],
    hint: int | None = None,
    hint_weight: float = 0.0,
    context_weight: float = 1.0,
) -> NDArray[np.int64]:
    """Return the votes on a picture whose plurality is ``label``.

    The annotators vote on what they see; draws in which another expression wins are repeated, with more
    and more context toward the label. So ambiguous pictures keep an ambiguous distribution, and the
    class counts of a set come out as planned.

    Args:
        rng: Source of randomness.
        label: Expression index that wins.
        action_units: AU -> intensity 0..1, as true of the picture.
        hint: Expression index that gaze or head pose suggest.
        hint_weight: Log-odds that the hint adds.
        context_weight: Log-odds that the situation adds to the label.

    Returns:
        Shape (7,), whole numbers that sum to :data:`ANNOTATORS`; ``label`` has strictly most.

    Raises:
        ValueError: If the label is no index of an expression.
    """
    if not 0 <= label < len(EXPRESSIONS):
        raise ValueError(f"the label {label} is no expression; give 0 to {len(EXPRESSIONS) - 1}")
    attempt = 0
    while True:
        weight = context_weight + 0.4 * (attempt // _ATTEMPTS_PER_STEP)
        probabilities = vote_probabilities(action_units, hint, hint_weight, label, weight)
        # Annotators share a first impression, so votes scatter more between pictures than between people.
        impression = rng.dirichlet(probabilities * 25 + 0.05)
        votes = rng.multinomial(ANNOTATORS, impression)
        if votes[label] > np.delete(votes, label).max():
            return votes
        attempt += 1


def _fit(prototype: Prototype, action_units: Mapping[int, float]) -> float:
    """Return the fit of one prototype: its shown core minus a little for each foreign action unit."""
    wanted = sum(prototype.core.values())
    shown = sum(weight * min(action_units.get(au, 0.0) / 0.45, 1.0) for au, weight in prototype.core.items())
    foreign = sum(
        min(intensity / 0.45, 1.0)
        for au, intensity in action_units.items()
        if intensity >= 0.1 and au not in prototype.core and au not in prototype.optional and au != 25
    )
    return max(0.0, shown / wanted - 0.12 * foreign)
