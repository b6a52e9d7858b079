from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metafacs.losses.action_units import (
    ClassWeights,
    action_unit_loss,
    balanced_action_unit_loss,
    class_balanced_weights,
    occurrence_rates,
    rate_balanced_weights,
)

NAN = float("nan")


def written_out(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Eq. (1) of MAL, label by label in plain Python."""
    losses = []
    for row, labels in zip(logits, targets, strict=True):
        total = 0.0
        for score, label in zip(row, labels, strict=True):
            if math.isnan(label):
                continue
            probability = 1 / (1 + math.exp(-score))
            total -= label * math.log(probability) + (1 - label) * math.log(1 - probability)
        losses.append(total)
    return np.array(losses)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), batch=st.integers(1, 6), aus=st.integers(1, 5))
def test_loss_is_equation_1_over_known_labels(seed: int, batch: int, aus: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, (batch, aus))
    targets = rng.choice([0.0, 1.0, NAN], (batch, aus))
    loss = action_unit_loss(torch.from_numpy(logits), torch.from_numpy(targets))
    np.testing.assert_allclose(loss.numpy(), written_out(logits, targets), atol=1e-9)
    known = np.maximum((~np.isnan(targets)).sum(1), 1)
    mean = action_unit_loss(torch.from_numpy(logits), torch.from_numpy(targets), reduction="mean")
    np.testing.assert_allclose(mean.numpy(), written_out(logits, targets) / known, atol=1e-9)


def test_unknown_labels_send_no_gradient_even_where_the_logit_is_infinite() -> None:
    logits = torch.tensor([[0.3, math.inf], [-math.inf, 2.0]], requires_grad=True)
    targets = torch.tensor([[1.0, NAN], [NAN, NAN]])
    loss = action_unit_loss(logits, targets)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0, 1] == logits.grad[1, 0] == logits.grad[1, 1] == 0
    assert loss[1] == 0


def test_large_logits_stay_finite_and_right() -> None:
    loss = action_unit_loss(torch.tensor([[200.0, -200.0]]), torch.tensor([[0.0, 1.0]]))
    assert loss.item() == pytest.approx(400.0)


def test_targets_may_be_soft() -> None:
    logits, targets = torch.randn(4, 3, dtype=torch.float64), torch.rand(4, 3, dtype=torch.float64)
    np.testing.assert_allclose(
        action_unit_loss(logits, targets).numpy(), written_out(logits.numpy(), targets.numpy()), atol=1e-12
    )
    ones = ClassWeights(torch.ones(3), torch.ones(3))
    weighted = action_unit_loss(logits, targets, class_weights=ones)
    torch.testing.assert_close(weighted, action_unit_loss(logits, targets))


def test_weights_agree_with_torch() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(8, 3), torch.randint(0, 2, (8, 3)).float()
    positive, negative, per_au = torch.rand(3) + 1, torch.rand(3) + 1, torch.rand(3)
    reference = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, targets, pos_weight=positive / negative, weight=negative * per_au, reduction="none"
    ).sum(1)
    loss = action_unit_loss(
        logits, targets, au_weights=per_au, class_weights=ClassWeights(positive, negative)
    )
    torch.testing.assert_close(loss, reference)


def weighted_asymmetric(logits: np.ndarray, targets: np.ndarray, weights: list[float], beta: float) -> list:
    """Eq. (9) of the dual-domain paper, label by label in plain Python."""
    losses = []
    for row, labels in zip(logits, targets, strict=True):
        total, known = 0.0, 0
        for score, label, weight in zip(row, labels, weights, strict=True):
            if math.isnan(label):
                continue
            p = 1 / (1 + math.exp(-score))
            total -= weight * (label * math.log(p) + (1 - label) * p**beta * math.log(1 - p))
            known += 1
        losses.append(total / max(known, 1))
    return losses


@pytest.mark.parametrize("beta", [0.5, 0.7, 1.0])
def test_focus_is_equation_9_of_the_dual_domain_paper(beta: float) -> None:
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(0, 3, (6, 3)), rng.choice([0.0, 1.0, NAN], (6, 3))
    weights = torch.tensor([1.3, 0.2, 1.5], dtype=torch.float64)
    found = torch.from_numpy(logits).requires_grad_()
    labels = torch.from_numpy(targets)

    def loss(x: torch.Tensor) -> torch.Tensor:
        return action_unit_loss(x, labels, reduction="mean", au_weights=weights, focus=beta)

    expected = weighted_asymmetric(logits, targets, weights.tolist(), beta)
    np.testing.assert_allclose(loss(found).detach().numpy(), expected, atol=1e-9)
    assert torch.autograd.gradcheck(loss, found)


def test_focus_follows_the_gradient_of_equation_11() -> None:
    logit = torch.tensor([[0.4]], dtype=torch.float64, requires_grad=True)
    p, beta = 1 / (1 + math.exp(-0.4)), 0.7
    (gradient,) = torch.autograd.grad(action_unit_loss(logit, torch.zeros(1, 1), focus=beta).sum(), logit)
    along_p = -(beta * p ** (beta - 1) * math.log(1 - p) - p**beta / (1 - p))
    assert gradient.item() == pytest.approx(along_p * p * (1 - p))


def test_focus_spares_easy_absent_labels_and_stays_finite() -> None:
    targets = torch.zeros(1, 1)
    easy, hard = torch.tensor([[-4.0]]), torch.tensor([[4.0]])
    shrunk = action_unit_loss(easy, targets, focus=0.7) / action_unit_loss(easy, targets)
    kept = action_unit_loss(hard, targets, focus=0.7) / action_unit_loss(hard, targets)
    assert shrunk < 0.07
    assert kept > 0.98
    far = torch.tensor([[-300.0, 300.0]], requires_grad=True)
    loss = action_unit_loss(far, torch.zeros(1, 2), focus=0.7)
    loss.sum().backward()
    assert loss.item() == pytest.approx(300)
    assert far.grad is not None
    assert torch.isfinite(far.grad).all()
    with pytest.raises(ValueError, match="at least 0"):
        action_unit_loss(far, torch.zeros(1, 2), focus=-1)


def test_gradients_exist_twice_and_forward() -> None:
    torch.manual_seed(0)
    targets = torch.tensor([[1.0, 0.0, NAN], [NAN, 1.0, 1.0]], dtype=torch.float64)
    logits = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    weights = ClassWeights(torch.tensor([2.0, 1.0, 3.0]), torch.tensor([0.5, 1.0, 0.2]))
    for class_weights in (None, weights):

        def loss(x: torch.Tensor, class_weights: ClassWeights | None = class_weights) -> torch.Tensor:
            return action_unit_loss(x, targets, class_weights=class_weights)

        assert torch.autograd.gradcheck(loss, logits, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(loss, logits)
        # What the hypergradients use: the derivative of a gradient along a direction, in forward mode.
        gradient = torch.func.grad(lambda x, loss=loss: loss(x).sum())
        _, along = torch.func.jvp(gradient, (logits.detach(),), (torch.ones_like(logits),))
        assert torch.isfinite(along).all()


@pytest.mark.parametrize(
    ("logits", "targets", "options", "message"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 4), {}, "batch x au"),
        (torch.zeros(3), torch.zeros(3), {}, "batch x au"),
        (torch.zeros(2, 3), torch.zeros(2, 3), {"reduction": "none"}, "'sum' or 'mean'"),
    ],
)
def test_bad_input_is_named(logits: torch.Tensor, targets: torch.Tensor, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        action_unit_loss(logits, targets, **options)


def test_class_weights_give_both_classes_equal_total_weight() -> None:
    targets = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, NAN], [0.0, 1.0], [NAN, 0.0]])
    weights = class_balanced_weights(targets)
    torch.testing.assert_close(weights.positive, torch.tensor([4 / 2, 4 / 2]))
    torch.testing.assert_close(weights.negative, torch.tensor([4 / 6, 4 / 6]))
    known = ~torch.isnan(targets)
    total_positive = (weights.positive * (targets == 1)).sum(0)
    total_negative = (weights.negative * (targets == 0)).sum(0)
    torch.testing.assert_close(total_positive, total_negative)
    torch.testing.assert_close(total_positive + total_negative, known.sum(0).float())


def test_class_that_never_occurs_has_weight_one() -> None:
    weights = class_balanced_weights(torch.tensor([[0.0, 1.0, NAN], [0.0, 1.0, NAN]]))
    assert weights.positive.tolist() == [1.0, 0.5, 1.0]
    assert weights.negative.tolist() == [0.5, 1.0, 1.0]


def test_class_weights_refuse_codes_that_mean_unknown() -> None:
    with pytest.raises(ValueError, match="0, 1 or NaN"):
        class_balanced_weights(torch.tensor([[9.0]]))


def test_balanced_loss_of_a_constant_guess_does_not_depend_on_the_rate() -> None:
    for positives in (1, 10, 50):
        targets = (torch.arange(100) < positives).float()[:, None]
        loss = balanced_action_unit_loss(torch.zeros(100, 1), targets, class_balanced_weights(targets))
        assert loss.item() == pytest.approx(math.log(2), rel=1e-5)
        assert balanced_action_unit_loss(torch.zeros(100, 1), targets).item() == pytest.approx(loss.item())


def test_balanced_loss_averages_over_labelled_samples() -> None:
    ones = ClassWeights(torch.ones(1), torch.ones(1))
    loss = balanced_action_unit_loss(torch.zeros(2, 1), torch.tensor([[1.0], [NAN]]), ones)
    assert loss.item() == pytest.approx(math.log(2))
    assert balanced_action_unit_loss(torch.zeros(2, 1), torch.full((2, 1), NAN), ones).item() == 0


def test_rate_weights_are_inverse_to_rates_with_mean_one() -> None:
    # ME-GraphAU's published weights of BP4D's first training fold; rates are known only up to a factor from
    # them, and the weights must not depend on that factor.
    published = torch.tensor(
        [
            *(1.342985, 1.689665, 1.248091, 0.561356, 0.433044, 0.435894),
            *(0.457287, 0.541004, 1.408054, 0.722762, 1.493145, 1.666711),
        ],
        dtype=torch.float64,
    )
    for factor in (0.1, 0.4):
        torch.testing.assert_close(rate_balanced_weights(factor / published), published, atol=2e-6, rtol=0)
    assert rate_balanced_weights(0.2 / published).mean().item() == pytest.approx(1.0)


def test_rate_weights_of_bp4d_follow_from_its_published_rates() -> None:
    # Rates of AUs 1, 2, 4, 6, 12, 17: Table 1 of the dual-domain paper.
    weights = rate_balanced_weights(torch.tensor([18.4, 14.6, 19.8, 44.0, 54.0, 34.2]) / 100)
    torch.testing.assert_close(
        weights, torch.tensor([1.337, 1.685, 1.243, 0.559, 0.456, 0.720]), atol=6e-4, rtol=0
    )


def test_rate_weights_refuse_an_au_that_never_occurs() -> None:
    with pytest.raises(ValueError, match="never occur"):
        rate_balanced_weights(torch.tensor([0.2, 0.0]))


def test_occurrence_rates_leave_unknown_out() -> None:
    rates = occurrence_rates(torch.tensor([[1.0, NAN], [0.0, NAN], [NAN, NAN]]))
    assert rates[0] == 0.5
    assert torch.isnan(rates[1])
