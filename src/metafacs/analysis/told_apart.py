"""Whether learned weights tell good expression pictures from misleading ones: what a twin can judge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from metafacs.analysis.sample_weights import WeighedPictures
from metafacs.data.expression_pictures import ChosenPictures
from metafacs.data.twins.carried_pictures import NEUTRAL, CarriedPictures
from metafacs.data.twins.carriers import CARRIERS
from metafacs.evaluation.resampling import area_by_unit
from metafacs.evaluation.statistics import Estimate, mean_interval


@dataclass(frozen=True)
class WeightOfKind:
    """The weights of one kind of pictures.

    Attributes:
        pictures: How many there are.
        mean: Their mean weight.
    """

    pictures: int
    mean: float


@dataclass(frozen=True)
class ToldApart:
    """What learned weights say of expression pictures.

    Attributes:
        carriers: What carries the expression -> weights; neutral pictures are a kind of their own.
        labels: ``right`` and ``wrong`` -> weights; none where no label was permuted.
        carrier: Probability that a picture whose expression action units carry weighs more than one whose
            expression they do not (AUC, ties count half), with an interval over people; None without both, or
            of one person only.
        label: The same of a picture with its right label and one with a wrong one.
    """

    carriers: dict[str, WeightOfKind]
    labels: dict[str, WeightOfKind]
    carrier: Estimate | None
    label: Estimate | None


def told_apart(
    weighed: WeighedPictures, carried: CarriedPictures, learned: ChosenPictures | None
) -> ToldApart:
    """Return how learned weights differ by carrier of the expression and by correctness of the label.

    Args:
        weighed: Weights of pictures of a twin.
        carried: What is true of them, from the twin.
        learned: The pictures and labels they were learned from; None for all, as labelled.
    """
    rows, weights = weighed.rows, weighed.weights
    kinds, people = carried.carriers[rows], carried.people[rows]
    expressive = kinds != NEUTRAL
    wrong = np.zeros(len(rows), bool) if learned is None else learned.wrong[rows]
    return ToldApart(
        {kind: _kind(weights[kinds == kind]) for kind in (*CARRIERS, NEUTRAL) if (kinds == kind).any()},
        {name: _kind(weights[of]) for name, of in (("right", ~wrong), ("wrong", wrong))}
        if wrong.any()
        else {},
        _area(weights[expressive], kinds[expressive] == CARRIERS[0], people[expressive]),
        _area(weights, ~wrong, people),
    )


def _kind(weights: np.ndarray) -> WeightOfKind:
    return WeightOfKind(len(weights), float(weights.mean()))


def _area(weights: np.ndarray, good: np.ndarray, people: np.ndarray) -> Estimate | None:
    if good.all() or not good.any() or len(np.unique(people)) < 2:
        return None
    scores, targets = (torch.from_numpy(values.astype(np.float64))[:, None] for values in (weights, good))
    return mean_interval(area_by_unit(scores, targets, people))
