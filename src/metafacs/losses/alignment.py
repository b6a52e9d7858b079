"""Alignment of AU and expression predictions by what is known of compound expressions and their AUs.

Two classifiers look at one picture. From the expressions that one of them predicts follows how likely each AU
is, and from the AUs that the other predicts how well each expression fits; the alignment loss is what the
two disagree about. It reads predictions only, so a picture needs no label for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from metafacs.compounds import LAB_RATES, WILD_RATES
from metafacs.facs import check_aus
from metafacs.precision import in_float32

Statistics = Literal["wild", "lab"]
"""Where it was counted how often an expression shows an AU: RAF-CE, or Du & Martinez's laboratory."""

Form = Literal["paper", "two_sided"]
"""Cross-entropy as printed, ``-p log q``, or of both outcomes, ``-p log q - (1 - p) log(1 - q)``."""

StopGradient = Literal["none", "predicted", "expected"]
"""Which side of a cross-entropy is held fixed: none, the prediction p or the expectation q."""

SMALLEST = 1e-6
"""Probabilities are not taken to be smaller than this inside a logarithm."""


def alignment_prior(expressions: Sequence[str], aus: Sequence[int], statistics: Statistics) -> Tensor:
    """Return how often each expression shows each AU, as a matrix.

    ``p(y^AU | y^emo)`` of Eqs. (4) to (7) of Li et al. (MML), Table 1. ``wild`` gives the printed rates of
    RAF-CE; ``lab`` gives 1 for every AU listed in the laboratory's row (section 5.3: "all are set to ones").
    An AU that is not listed, because fewer than 20 % show it, is 0.

    Args:
        expressions: Names of compound expressions, see :data:`metafacs.compounds.COMPOUND_EXPRESSIONS`.
        aus: FACS numbers. AUs of the table that are not among them have no column.
        statistics: ``wild`` or ``lab``.

    Returns:
        ``expression x au``, float64, in [0, 1].

    Raises:
        ValueError: If an expression is not in the table, or the AUs or the statistics are unknown.

    >>> alignment_prior(["happily disgusted", "sadly angry"], [9, 12, 43], "wild")
    tensor([[0.2400, 0.5200, 0.0000],
            [0.2900, 0.2200, 0.0000]], dtype=torch.float64)
    """
    tables = {"wild": WILD_RATES, "lab": LAB_RATES}
    if statistics not in tables:
        raise ValueError(f"statistics is 'wild' or 'lab', not {statistics!r}")
    table = tables[statistics]
    unknown = [name for name in expressions if name not in table]
    if unknown or not expressions:
        raise ValueError(
            f"the alignment of AUs and expressions knows the compound expressions {list(table)}, not "
            f"{unknown or 'none at all'}; train on a store of them or set the weight of the alignment to 0"
        )
    numbers = check_aus(aus)
    rates = [[table[name].get(au, 0.0) for au in numbers] for name in expressions]
    prior = torch.tensor(rates, dtype=torch.float64).reshape(len(expressions), len(numbers))
    return (prior > 0).double() if statistics == "lab" else prior


def expected_action_units(expressions: Tensor, prior: Tensor, statistics: Statistics) -> Tensor:
    """Return how likely each AU is, given the predicted expressions.

    Implements Eq. (5) of Li et al. (MML); p^emo -> expressions, p(y^AU | y^emo) -> prior, q^AU -> result.
    With ``wild`` the sigmoid is taken of the table's entries, as printed; with ``lab`` it is taken of the
    sum over expressions (section 5.3). Without the sigmoid it is Eq. (4), which the paper gives up because
    it all but dictates the AUs once the expression is sure.

    Args:
        expressions: ``batch x expression``, probabilities that sum to 1.
        prior: ``expression x au``, see :func:`alignment_prior`.
        statistics: What the prior was made from.

    Returns:
        ``batch x au``, in [0.5, 0.731]: an AU that no expression shows has 0.5.
    """
    prior = prior.to(expressions.dtype)
    if statistics == "wild":
        return expressions @ torch.sigmoid(prior)
    return torch.sigmoid(expressions @ prior)


def expected_expressions(action_units: Tensor, prior: Tensor) -> Tensor:
    """Return how well each expression fits the predicted AUs.

    Implements Eq. (7) of Li et al. (MML); p^AU -> action_units, q^emo -> result: the mean probability of
    an expression's AUs, weighted by how often it shows them. The values of a picture do not sum to 1.

    Args:
        action_units: ``batch x au``, probabilities.
        prior: ``expression x au``, see :func:`alignment_prior`.

    Returns:
        ``batch x expression``, in [0, 1]; 0 for an expression that shows none of these AUs.
    """
    prior = prior.to(action_units.dtype)
    shown = prior.sum(dim=1)
    return action_units @ prior.T / torch.where(shown > 0, shown, 1.0)


@in_float32
def action_unit_alignment(
    action_units: Tensor,
    expressions: Tensor,
    prior: Tensor,
    *,
    statistics: Statistics = "wild",
    form: Form = "paper",
    stop_gradient: StopGradient = "none",
) -> Tensor:
    """Return what the predicted AUs and those expected from the expressions disagree about, per sample.

    Implements Eq. (6) of Li et al. (MML), L^DM1; p^AU -> action_units, q^AU of Eq. (5) from expressions.
    As printed the cross-entropy has one side: q is at most 0.731, so it falls as every p^AU falls.

    Args:
        action_units: ``batch x au``, probabilities.
        expressions: ``batch x expression``, probabilities that sum to 1.
        prior: ``expression x au``, see :func:`alignment_prior`.
        statistics: What the prior was made from.
        form: ``paper`` or ``two_sided``.
        stop_gradient: Side without a gradient.

    Returns:
        ``batch``, non-negative; summed over AUs.
    """
    expected = expected_action_units(expressions, prior, statistics)
    return _cross_entropy(action_units, expected, form, stop_gradient).sum(dim=1)


@in_float32
def expression_alignment(
    action_units: Tensor,
    expressions: Tensor,
    prior: Tensor,
    *,
    form: Form = "paper",
    stop_gradient: StopGradient = "none",
) -> Tensor:
    """Return what the predicted expressions and those expected from the AUs disagree about, per sample.

    Implements Eq. (8) of Li et al. (MML), L^DM2; p^emo -> expressions, q^emo of Eq. (7) from action_units.
    An expression that shows none of the AUs at hand is left out of the sum: nothing is known about it.

    Args:
        action_units: ``batch x au``, probabilities.
        expressions: ``batch x expression``, probabilities that sum to 1.
        prior: ``expression x au``, see :func:`alignment_prior`.
        form: ``paper`` or ``two_sided``.
        stop_gradient: Side without a gradient.

    Returns:
        ``batch``, non-negative; summed over expressions.
    """
    expected = expected_expressions(action_units, prior)
    terms = _cross_entropy(expressions, expected, form, stop_gradient)
    return torch.where(prior.sum(dim=1) > 0, terms, 0.0).sum(dim=1)


@in_float32
def alignment_loss(
    action_units: Tensor,
    expressions: Tensor,
    prior: Tensor,
    *,
    statistics: Statistics = "wild",
    form: Form = "paper",
    stop_gradient: StopGradient = "none",
) -> Tensor:
    """Return what AU and expression predictions disagree about, in both directions, per sample.

    Implements Eq. (9) of Li et al. (MML): L^AM = L^DM1 + L^DM2.

    Args:
        action_units: ``batch x au``, probabilities.
        expressions: ``batch x expression``, probabilities that sum to 1.
        prior: ``expression x au``, see :func:`alignment_prior`.
        statistics: What the prior was made from.
        form: ``paper`` or ``two_sided``.
        stop_gradient: Side without a gradient, in both directions.

    Returns:
        ``batch``, non-negative.

    Raises:
        ValueError: If the shapes do not fit.
    """
    expected_shape = (expressions.shape[-1], action_units.shape[-1])
    if action_units.ndim != 2 or len(action_units) != len(expressions) or prior.shape != expected_shape:
        raise ValueError(
            "action units are batch x au, expressions batch x expression and the prior expression x au, "
            f"but their shapes are {tuple(action_units.shape)}, {tuple(expressions.shape)} "
            f"and {tuple(prior.shape)}"
        )
    first = action_unit_alignment(
        action_units, expressions, prior, statistics=statistics, form=form, stop_gradient=stop_gradient
    )
    second = expression_alignment(action_units, expressions, prior, form=form, stop_gradient=stop_gradient)
    return first + second


def _cross_entropy(predicted: Tensor, expected: Tensor, form: Form, stop_gradient: StopGradient) -> Tensor:
    if form not in ("paper", "two_sided"):
        raise ValueError(f"form is 'paper' or 'two_sided', not {form!r}")
    if stop_gradient not in ("none", "predicted", "expected"):
        raise ValueError(f"stop_gradient is 'none', 'predicted' or 'expected', not {stop_gradient!r}")
    p = predicted.detach() if stop_gradient == "predicted" else predicted
    q = expected.detach() if stop_gradient == "expected" else expected
    terms = -p * q.clamp(min=SMALLEST).log()
    return terms if form == "paper" else terms - (1 - p) * (1 - q).clamp(min=SMALLEST).log()
