from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.metrics as reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metafacs.metrics.outcomes import Outcomes, accuracy, average_f1, count_outcomes, f1, precision, recall

NAN = float("nan")


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), samples=st.integers(4, 40))
def test_scores_agree_with_scikit_learn_on_the_known_labels(seed: int, samples: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.random((samples, 3))
    targets = rng.choice([0.0, 1.0, NAN], (samples, 3))
    targets[0] = 1.0
    targets[1] = 0.0
    probabilities[0] = 0.9
    outcomes = count_outcomes(torch.from_numpy(probabilities), torch.from_numpy(targets))
    for au in range(3):
        known = ~np.isnan(targets[:, au])
        truth, guess = targets[known, au], (probabilities[known, au] >= 0.5).astype(float)
        assert f1(outcomes)[au].item() == pytest.approx(reference.f1_score(truth, guess))
        assert precision(outcomes)[au].item() == pytest.approx(reference.precision_score(truth, guess))
        assert recall(outcomes)[au].item() == pytest.approx(reference.recall_score(truth, guess))
        assert accuracy(outcomes)[au].item() == pytest.approx(reference.accuracy_score(truth, guess))
        assert outcomes.positives[au].item() == truth.sum()
        assert outcomes.known[au].item() == known.sum()


def test_counts_of_parts_add_up_to_counts_of_the_whole() -> None:
    torch.manual_seed(0)
    probabilities, targets = torch.rand(20, 4), torch.randint(0, 2, (20, 4)).float()
    whole = count_outcomes(probabilities, targets)
    parts = [count_outcomes(probabilities[a:b], targets[a:b]) for a, b in ((0, 7), (7, 20))]
    for field, total in whole._asdict().items():
        assert torch.equal(sum(getattr(part, field) for part in parts), total)


def test_threshold_is_inclusive_and_may_differ_per_au() -> None:
    probabilities, targets = torch.full((1, 2), 0.5), torch.ones(1, 2)
    assert count_outcomes(probabilities, targets).tp.tolist() == [1, 1]
    assert count_outcomes(probabilities, targets, torch.tensor([0.4, 0.6])).tp.tolist() == [1, 0]


def test_au_without_positives_has_no_f1_and_is_left_out_with_a_warning() -> None:
    outcomes = Outcomes(*(torch.tensor(c) for c in ([3, 0], [1, 2], [1, 0], [5, 8])))
    scores = f1(outcomes)
    assert scores[0].item() == pytest.approx(0.75)
    assert torch.isnan(scores[1])
    assert torch.isnan(recall(outcomes)[1])
    with pytest.warns(UserWarning, match="AU17: no positive label"):
        average = average_f1(scores, (12, 17))
    assert average.item() == pytest.approx(0.75)
    with pytest.warns(UserWarning, match="column 1"):
        average_f1(scores)


def test_au_that_is_never_detected_scores_zero_without_a_warning() -> None:
    outcomes = Outcomes(*(torch.tensor([c]) for c in (0, 0, 4, 5)))
    assert f1(outcomes).item() == 0
    assert torch.isnan(precision(outcomes)).item()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert average_f1(f1(outcomes)).item() == 0


def test_broken_input_is_named() -> None:
    with pytest.raises(ValueError, match="one shape"):
        count_outcomes(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="diverged"):
        count_outcomes(torch.tensor([[NAN]]), torch.tensor([[1.0]]))
