"""The alignment loss against the paper's formulas written term by term, and against its own claims."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from metafacs.compounds import COMPOUND_EXPRESSIONS, LAB_RATES, RAF_DB_COMPOUNDS, WILD_RATES
from metafacs.losses.alignment import (
    Form,
    Statistics,
    StopGradient,
    action_unit_alignment,
    alignment_loss,
    alignment_prior,
    expected_action_units,
    expected_expressions,
    expression_alignment,
)

AUS = (1, 2, 4, 5, 6, 9, 10, 12, 15, 16, 17, 25, 26, 27, 43)
STATISTICS: tuple[Statistics, ...] = ("wild", "lab")
FORMS: tuple[Form, ...] = ("paper", "two_sided")


def predictions(
    count: int, aus: int = len(AUS), expressions: int = 14, seed: int = 0
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(count, aus + expressions, generator=generator, dtype=torch.float64)
    return torch.sigmoid(logits[:, :aus]), logits[:, aus:].softmax(1)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def written_out(
    p_au: Sequence[float],
    p_emo: Sequence[float],
    aus: Sequence[int],
    names: Sequence[str],
    statistics: Statistics,
    form: Form,
) -> tuple[float, float]:
    """L^DM1 and L^DM2 of one sample, Eqs. (5) to (8), one term after the other from the printed table."""
    table = WILD_RATES if statistics == "wild" else LAB_RATES

    def p(au: int, name: str) -> float:
        rate = table[name].get(au, 0.0)
        return rate if statistics == "wild" else float(rate > 0)

    def cross_entropy(prediction: float, expectation: float) -> float:
        loss = -prediction * math.log(max(expectation, 1e-6))
        if form == "two_sided":
            loss -= (1 - prediction) * math.log(max(1 - expectation, 1e-6))
        return loss

    first = second = 0.0
    for j, au in enumerate(aus):
        if statistics == "wild":
            q = sum(p_emo[k] * sigmoid(p(au, name)) for k, name in enumerate(names))
        else:
            q = sigmoid(sum(p_emo[k] * p(au, name) for k, name in enumerate(names)))
        first += cross_entropy(p_au[j], q)
    for k, name in enumerate(names):
        shown = sum(p(au, name) for au in aus)
        if shown:
            q = sum(p_au[j] * p(au, name) for j, au in enumerate(aus)) / shown
            second += cross_entropy(p_emo[k], q)
    return first, second


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("statistics", STATISTICS)
@pytest.mark.parametrize("aus", [AUS, (27, 12, 1), (43,)], ids=["all", "three", "unlisted"])
def test_losses_are_equations_6_8_and_9(aus: tuple[int, ...], statistics: Statistics, form: Form) -> None:
    p_au, p_emo = predictions(4, len(aus))
    prior = alignment_prior(COMPOUND_EXPRESSIONS, aus, statistics)
    expected = torch.tensor(
        [
            written_out(u.tolist(), e.tolist(), aus, COMPOUND_EXPRESSIONS, statistics, form)
            for u, e in zip(p_au, p_emo, strict=True)
        ],
        dtype=torch.float64,
    )
    first = action_unit_alignment(p_au, p_emo, prior, statistics=statistics, form=form)
    second = expression_alignment(p_au, p_emo, prior, form=form)
    both = alignment_loss(p_au, p_emo, prior, statistics=statistics, form=form)
    torch.testing.assert_close(first, expected[:, 0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(second, expected[:, 1], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(both, expected.sum(1), rtol=1e-12, atol=1e-12)


def test_prior_holds_the_papers_example_of_au_9() -> None:
    """Section 4.1: t_9 = 0.24 happily disgusted + 0.29 sadly angry + 0.56 fearfully angry + 0.33 ..."""
    column = alignment_prior(COMPOUND_EXPRESSIONS, [9], "wild")[:, 0]
    shown = {name: rate for name, rate in zip(COMPOUND_EXPRESSIONS, column.tolist(), strict=True) if rate}
    assert shown == {
        **{"happily disgusted": 0.24, "sadly angry": 0.29},
        **{"fearfully angry": 0.56, "angrily disgusted": 0.33},
    }
    indicator = alignment_prior(["sadly angry", "sadly fearful"], [9, 15], "lab")
    assert indicator.tolist() == [[0, 1], [0, 1]]


def test_prior_follows_names_and_numbers_and_not_columns() -> None:
    whole = alignment_prior(COMPOUND_EXPRESSIONS, AUS, "wild")
    names, aus = RAF_DB_COMPOUNDS[::-1], AUS[::-1]
    part = alignment_prior(names, aus, "wild")
    rows = [COMPOUND_EXPRESSIONS.index(name) for name in names]
    assert torch.equal(part, whole[rows].flip(1))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), sharpness=st.floats(0, 50), statistics=st.sampled_from(STATISTICS))
def test_expected_aus_lie_between_one_half_and_sigmoid_of_one(
    seed: int, sharpness: float, statistics: Statistics
) -> None:
    """Section 4.1: larger where the expression shows the AU, "but in the reasonable gap"."""
    logits = torch.randn(5, 14, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    prior = alignment_prior(COMPOUND_EXPRESSIONS, AUS, statistics)
    q = expected_action_units((sharpness * logits).softmax(1), prior, statistics)
    assert q.min() >= 0.5 - 1e-12
    assert q.max() <= sigmoid(1.0) + 1e-12
    torch.testing.assert_close(q[:, AUS.index(43)], torch.full((5,), 0.5, dtype=torch.float64))


def test_expected_expressions_are_a_weighted_mean_of_their_aus() -> None:
    prior = alignment_prior(COMPOUND_EXPRESSIONS, AUS, "wild")
    everything = expected_expressions(torch.ones(1, len(AUS), dtype=torch.float64), prior)
    torch.testing.assert_close(everything, torch.ones_like(everything))
    # Happily surprised shows AU12 at 58 of the 327 hundredths of its row.
    only_smile = torch.tensor([[float(au == 12) for au in AUS]], dtype=torch.float64)
    assert expected_expressions(only_smile, prior)[0, 0].item() == pytest.approx(58 / 327)


def test_printed_form_falls_with_every_au_and_two_sided_form_does_not() -> None:
    prior = alignment_prior(["happily surprised"], [25], "wild")
    sure = torch.ones(1, 1, dtype=torch.float64)
    p = torch.tensor([[0.01], [0.4], [0.9]], dtype=torch.float64)
    printed = [action_unit_alignment(x[None], sure, prior).item() for x in p]
    assert printed == sorted(printed)
    both = [action_unit_alignment(x[None], sure, prior, form="two_sided").item() for x in p]
    assert both == sorted(both, reverse=True)


def test_expressions_without_an_au_at_hand_are_left_out() -> None:
    p_au, p_emo = predictions(3, 1)
    prior = alignment_prior(COMPOUND_EXPRESSIONS, [17], "wild")
    found = expression_alignment(p_au, p_emo, prior)
    disgusted = COMPOUND_EXPRESSIONS.index("sadly disgusted")
    torch.testing.assert_close(found, -p_emo[:, disgusted] * p_au[:, 0].log())


def test_certain_predictions_stay_finite() -> None:
    p_au = torch.tensor([[0.0] * len(AUS), [1.0] * len(AUS)], requires_grad=True)
    p_emo = torch.eye(14)[:2].clone().requires_grad_()
    for form in FORMS:
        prior = alignment_prior(COMPOUND_EXPRESSIONS, AUS, "wild")
        loss = alignment_loss(p_au, p_emo, prior, form=form)
        gradients = torch.autograd.grad(loss.sum(), [p_au, p_emo])
        assert loss.isfinite().all()
        assert all(g.isfinite().all() for g in gradients)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("statistics", STATISTICS)
def test_gradients_exist_twice_and_forward(statistics: Statistics, form: Form) -> None:
    prior = alignment_prior(COMPOUND_EXPRESSIONS[:3], AUS[:5], statistics)

    def loss(au: Tensor, emo: Tensor) -> Tensor:
        return alignment_loss(au.sigmoid(), emo.softmax(1), prior, statistics=statistics, form=form)

    torch.manual_seed(0)
    logits = [torch.randn(2, n, dtype=torch.float64, requires_grad=True) for n in (5, 3)]
    assert torch.autograd.gradcheck(loss, logits, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, logits)


@pytest.mark.parametrize(
    ("stop", "first", "second"),
    [
        ("none", (True, True), (True, True)),
        ("predicted", (False, True), (True, False)),
        ("expected", (True, False), (False, True)),
    ],
)
def test_gradient_stops_where_it_should(
    stop: StopGradient, first: tuple[bool, bool], second: tuple[bool, bool]
) -> None:
    """In Eq. (6) the AUs are predicted and expressions give the expectation, in Eq. (8) the reverse."""
    p_au, p_emo = (p.requires_grad_() for p in predictions(3))
    prior = alignment_prior(COMPOUND_EXPRESSIONS, AUS, "wild")
    losses = (
        action_unit_alignment(p_au, p_emo, prior, stop_gradient=stop),
        expression_alignment(p_au, p_emo, prior, stop_gradient=stop),
    )
    live = action_unit_alignment(p_au, p_emo, prior)
    assert torch.equal(losses[0], live)
    for loss, reached in zip(losses, (first, second), strict=True):
        found = torch.autograd.grad(loss.sum(), [p_au, p_emo], allow_unused=True)
        assert tuple(g is not None for g in found) == reached


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"\['happiness'\]; train on a store"):
        alignment_prior(["happily sad", "happiness"], AUS, "wild")
    with pytest.raises(ValueError, match="none at all"):
        alignment_prior([], AUS, "wild")
    with pytest.raises(ValueError, match="'wild' or 'lab'"):
        alignment_prior(["happily sad"], AUS, "studio")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="AU99"):
        alignment_prior(["happily sad"], [99], "wild")
    p_au, p_emo = predictions(2)
    prior = alignment_prior(COMPOUND_EXPRESSIONS, AUS, "wild")
    with pytest.raises(ValueError, match=r"batch x au.*\(2, 14\)"):
        alignment_loss(p_au, p_emo, prior[:, 1:])
    with pytest.raises(ValueError, match="form is"):
        alignment_loss(p_au, p_emo, prior, form="bce")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stop_gradient is"):
        alignment_loss(p_au, p_emo, prior, stop_gradient="all")  # type: ignore[arg-type]
