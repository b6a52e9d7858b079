from __future__ import annotations

import pytest
import torch

from metafacs.metrics.expression import confusion_matrix, mean_recall
from metafacs.metrics.outcomes import accuracy, count_outcomes, f1
from metafacs.metrics.ranking import area_under_roc
from metafacs.metrics.streaming import ActionUnitScores, ExpressionScores, LandmarkError


def test_batches_give_what_the_whole_gives() -> None:
    torch.manual_seed(0)
    probabilities = torch.rand(50, 3)
    targets = torch.tensor([0.0, 1.0, float("nan")])[torch.randint(0, 3, (50, 3))]
    scores = ActionUnitScores((1, 2, 4))
    for start in range(0, 50, 16):
        scores.update(probabilities[start : start + 16], targets[start : start + 16])
    computed, outcomes = scores.compute(), count_outcomes(probabilities, targets)
    torch.testing.assert_close(computed["f1"], f1(outcomes))
    torch.testing.assert_close(computed["accuracy"], accuracy(outcomes))
    torch.testing.assert_close(computed["auc"], area_under_roc(probabilities, targets))
    assert computed["f1_average"].item() == pytest.approx(f1(outcomes).mean().item())
    assert torch.equal(computed["positives"], outcomes.positives)
    scores.reset()
    assert scores.outcomes().known.sum() == 0


def test_thresholds_may_differ_per_au() -> None:
    scores = ActionUnitScores((1, 2), threshold=(0.4, 0.6))
    scores.update(torch.full((1, 2), 0.5), torch.ones(1, 2))
    assert scores.outcomes().tp.tolist() == [1, 0]


def test_unknown_action_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="AU3"):
        ActionUnitScores((3,))


def test_expressions_accumulate() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(40, 5), torch.randint(-1, 5, (40,))
    scores = ExpressionScores(5)
    scores.update(logits[:13], targets[:13])
    scores.update(logits[13:].argmax(1), targets[13:])
    whole = confusion_matrix(logits, targets, 5)
    assert torch.equal(scores.compute()["confusion"], whole)
    assert scores.compute()["mean_recall"].item() == pytest.approx(mean_recall(whole).item())


def test_landmark_errors_accumulate() -> None:
    error = LandmarkError(limit=0.1)
    for shift in (0.5, 2.0):
        error.update(torch.full((1, 2, 2), shift), torch.zeros(1, 2, 2), torch.tensor([10.0]))
    computed = error.compute()
    assert computed["error"].item() == pytest.approx(2**0.5 * 1.25 / 10)
    assert computed["failure_rate"].item() == 0.5
