"""How forty annotators would label a face: by what it shows, what it hints at, and what they guess."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.expressions import PROTOTYPES, Prototype

ANNOTATORS = 40

_SHARPNESS = 4.2
_BALANCE = 0.6
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
    context: Sequence[int],
    context_weight: float,
) -> NDArray[np.float64]:
    """Return the probability that one annotator chooses each expression.

    Args:
        action_units: AU -> intensity 0..1, as true of the picture.
        hint: Expression index that gaze or head pose suggest; None = nothing.
        hint_weight: Log-odds that the hint adds.
        context: Expression indices that the situation suggests; it makes up in part for those of them that
            the face shows less of.
        context_weight: Log-odds that the situation adds to each.

    Returns:
        Shape (7,), sums to 1.
    """
    logits = _SHARPNESS * expression_evidence(action_units)
    if hint is not None:
        logits[hint] += hint_weight
    suggested = logits[list(context)]
    logits[list(context)] += context_weight + _BALANCE * (suggested.max() - suggested)
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
        rng: Random generator.
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

    def probabilities(weight: float) -> NDArray[np.float64]:
        return vote_probabilities(action_units, hint, hint_weight, (label,), weight)

    def accepted(votes: NDArray[np.int64]) -> bool:
        return bool(votes[label] > np.delete(votes, label).max())

    return _vote_until(rng, accepted, probabilities, context_weight)


def sample_blend(
    rng: np.random.Generator,
    winners: Sequence[int],
    action_units: Mapping[int, float],
    context_weight: float = 1.0,
) -> NDArray[np.int64]:
    """Return the votes on a picture in which several basic expressions are seen; neutral is no choice.

    As in :func:`sample_votes`, draws with another outcome are repeated with more context toward the winners.

    Args:
        rng: Random generator.
        winners: Indices of the expressions that win: one takes every vote; two have strictly more votes than
            any other; three have, and the two lower of them have equally many.
        action_units: AU -> intensity 0..1, as true of the picture.
        context_weight: Log-odds that the situation adds to each winner.

    Returns:
        Shape (6,), whole numbers that sum to :data:`ANNOTATORS`.

    Raises:
        ValueError: If the winners are not one to three different basic expressions.
    """
    if not 1 <= len(set(winners)) == len(winners) <= 3 or not set(winners) <= set(range(_NEUTRAL)):
        raise ValueError(
            f"the winners {winners} are not one to three different indices of 0 to {_NEUTRAL - 1}"
        )

    def probabilities(weight: float) -> NDArray[np.float64]:
        basic = vote_probabilities(action_units, None, 0.0, winners, weight)[:_NEUTRAL]
        return basic / basic.sum()

    def accepted(votes: NDArray[np.int64]) -> bool:
        won, lost = np.sort(votes[list(winners)]), np.delete(votes, winners)
        if len(winners) == 1:
            return not lost.any()
        return bool(won[0] > lost.max() and (len(winners) == 2 or won[0] == won[1]))

    return _vote_until(rng, accepted, probabilities, context_weight)


def _vote_until(
    rng: np.random.Generator,
    accepted: Callable[[NDArray[np.int64]], bool],
    probabilities: Callable[[float], NDArray[np.float64]],
    context_weight: float,
) -> NDArray[np.int64]:
    """Return the first votes that are accepted, under more and more weight of the context."""
    attempt = 0
    while True:
        weight = context_weight + 0.4 * (attempt // _ATTEMPTS_PER_STEP)
        # Annotators share a first impression, so votes scatter more between pictures than between people.
        impression = rng.dirichlet(probabilities(weight) * 25 + 0.05)
        votes = rng.multinomial(ANNOTATORS, impression)
        if accepted(votes):
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
