"""Losses for action unit detection with partly unknown labels, and the weights that balance them.

A target is 1 (present), 0 (absent) or NaN (unknown). An unknown label adds nothing to a loss and sends no
gradient to its logit. Everything here is made of operations that can be differentiated twice and in forward
mode, which the hypergradients need.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor

from metafacs.precision import in_float32
from metafacs.ranks import each_rank, sum_over_batch

Reduction = Literal["sum", "mean"]


class ClassWeights(NamedTuple):
    """Weights of present and absent labels, one pair per action unit.

    Attributes:
        positive: ``au``, weight of a label 1.
        negative: ``au``, weight of a label 0.
    """

    positive: Tensor
    negative: Tensor


@in_float32
def action_unit_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    reduction: Reduction = "sum",
    au_weights: Tensor | None = None,
    class_weights: ClassWeights | None = None,
    focus: float = 0.0,
) -> Tensor:
    """Return the multi-label sigmoid cross-entropy of each sample.

    Implements Eq. (1) of Li & Shan, Meta Auxiliary Learning (MAL); z^j -> targets, z-hat^j ->
    sigmoid(logits), J -> au. Differs from the paper: the sum is read as
    ``-sum_j [z log z^ + (1 - z) log(1 - z^)]`` (the printed formula lacks the brackets), and it runs over
    known labels only.

    With ``focus``, ``au_weights`` and the mean it is the weighted asymmetric loss, Eq. (9) of Shang & Liu
    (dual-domain AU detection); beta -> focus, w_i -> au_weights: absent labels count by the predicted
    probability to the power of ``focus``, and the gradient passes through that factor (Eq. (11)). Differs
    from the paper: nothing is clamped, logits keep the logarithms finite.

    Args:
        logits: ``batch x au``, any real number.
        targets: ``batch x au``, in [0, 1]; NaN unknown.
        reduction: ``"sum"`` over the AUs of a sample, as printed, or ``"mean"`` over its known AUs.
        au_weights: ``au``, factor of each AU, see :func:`rate_balanced_weights`.
        class_weights: Factors of present and absent labels, see :func:`class_balanced_weights`.
        focus: At least 0; the larger, the less absent labels count that are easily told. 0 is plain
            cross-entropy.

    Returns:
        ``batch``, non-negative; 0 for a sample without any known label.

    Raises:
        ValueError: If shapes differ, the reduction is unknown or ``focus`` is negative.

    >>> action_unit_loss(torch.zeros(1, 2), torch.tensor([[1.0, float("nan")]]))
    tensor([0.6931])
    """
    _check_shapes(logits, targets)
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction is 'sum' or 'mean', not {reduction!r}")
    if focus < 0:
        raise ValueError(f"focus is an exponent of at least 0, not {focus}")
    known = ~torch.isnan(targets)
    # Both operands are replaced before the arithmetic: NaN * 0 in the backward pass would still be NaN.
    present = torch.where(known, targets, torch.zeros_like(targets)).to(logits.dtype)
    scores = torch.where(known, logits, torch.zeros_like(logits))
    log_probability = F.logsigmoid(scores)
    if class_weights is None:
        positive, negative = present, 1 - present
    else:
        positive = class_weights.positive.to(scores) * present
        negative = class_weights.negative.to(scores) * (1 - present)
    if focus:
        negative = negative * torch.exp(focus * log_probability)
    terms = negative * scores - (positive + negative) * log_probability
    if au_weights is not None:
        terms = terms * au_weights.to(scores)
    total = torch.where(known, terms, torch.zeros_like(terms)).sum(dim=1)
    return total if reduction == "sum" else total / known.sum(dim=1).clamp(min=1)


@in_float32
def balanced_action_unit_loss(
    logits: Tensor,
    targets: Tensor,
    class_weights: ClassWeights | None = None,
    *,
    reduction: Reduction = "sum",
) -> Tensor:
    """Return the re-weighted validation loss that MAL's meta net is trained on.

    Implements L_val of Eq. (7) of MAL with the re-weighting of its section 4.1.4: labels of the rarer class
    count inversely to their frequency, so that each AU's present and absent labels carry equal total weight.

    Args:
        logits: ``batch x au``.
        targets: ``batch x au``, in [0, 1]; NaN unknown.
        class_weights: From :func:`class_balanced_weights` on the whole validation reserve. Without them the
            frequencies of this batch are used, which is noisier for AUs that are rare in it and needs
            targets of 0, 1 or NaN.
        reduction: Over the AUs of one sample, as in :func:`action_unit_loss`.

    Returns:
        Scalar: the mean over the samples that have a known label; 0 if none has.
    """
    if class_weights is None:
        class_weights = class_balanced_weights(each_rank(targets).flatten(0, 1))
    losses = action_unit_loss(logits, targets, reduction=reduction, class_weights=class_weights)
    labelled = sum_over_batch((~torch.isnan(targets)).any(dim=1))
    return sum_over_batch(losses) / labelled.clamp(min=1)


def class_balanced_weights(targets: Tensor) -> ClassWeights:
    """Return per-AU weights ``N / (2 N+)`` for present and ``N / (2 N-)`` for absent labels.

    With them the mean weight over the known labels of an AU is 1, half of it from each class.

    Args:
        targets: ``sample x au``, 0 or 1; NaN unknown. N counts the known labels of an AU.

    Returns:
        The weights, float32. A class that never occurs has weight 1: the ratio has no value for it.

    Raises:
        ValueError: If the targets are not a matrix or hold anything but 0, 1 and NaN.

    >>> class_balanced_weights(torch.tensor([[1.0], [0.0], [0.0], [0.0]]))
    ClassWeights(positive=tensor([2.]), negative=tensor([0.6667]))
    """
    if targets.ndim != 2:
        raise ValueError(f"targets must be sample x au, but their shape is {tuple(targets.shape)}")
    present, absent = targets == 1, targets == 0
    if not bool((present | absent | torch.isnan(targets)).all()):
        raise ValueError("class weights need targets that are 0, 1 or NaN (unknown)")
    positives, negatives = present.sum(dim=0).double(), absent.sum(dim=0).double()
    known = positives + negatives
    return ClassWeights(_inverse_share(known, positives), _inverse_share(known, negatives))


def _inverse_share(known: Tensor, count: Tensor) -> Tensor:
    weight = known / (2 * count.clamp(min=1))
    return torch.where(count > 0, weight, torch.ones_like(weight)).float()


def rate_balanced_weights(rates: Tensor) -> Tensor:
    """Return AU weights inverse to how often each AU occurs, with mean 1.

    Implements w_i of Eq. (9) of Shang & Liu (dual-domain AU detection); r_i -> rates, n_au -> au. Differs
    from the paper: ``n_au * (1 / r_i) / sum_j (1 / r_j)``, the form used by ADLD, JAA-Net and ME-GraphAU; the
    printed exponent gives weights between 1.7 and 4234 on BP4D.

    Args:
        rates: ``au``, share of frames with the AU present, in (0, 1].

    Returns:
        ``au``, positive, mean 1.

    Raises:
        ValueError: If a rate is outside (0, 1].

    >>> rate_balanced_weights(torch.tensor([0.1, 0.3]))
    tensor([1.5000, 0.5000])
    """
    if rates.ndim != 1 or not bool(((rates > 0) & (rates <= 1)).all()):
        raise ValueError(
            f"occurrence rates must be a vector of numbers in (0, 1], but are {rates.tolist()}; "
            "leave out the AUs that never occur"
        )
    inverse = 1 / rates
    return inverse * (len(rates) / inverse.sum())


def occurrence_rates(targets: Tensor) -> Tensor:
    """Return the share of known labels that are present, per AU; NaN for an AU without a known label.

    Args:
        targets: ``sample x au``, 0 or 1; NaN unknown.
    """
    return torch.nanmean(targets, dim=0)


def _check_shapes(logits: Tensor, targets: Tensor) -> None:
    if logits.ndim != 2 or logits.shape != targets.shape:
        raise ValueError(
            "logits and targets must both be batch x au, "
            f"but their shapes are {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
