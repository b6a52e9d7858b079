from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from metafacs.metrics.ranking import area_under_roc, placements

NAN = float("nan")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), samples=st.integers(4, 60), levels=st.integers(1, 50))
def test_area_agrees_with_scikit_learn_with_ties_and_unknown_labels(
    seed: int, samples: int, levels: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (samples, 2)) / levels
    targets = rng.choice([0.0, 1.0, NAN], (samples, 2))
    targets[0], targets[1] = 0.0, 1.0
    areas = area_under_roc(torch.from_numpy(scores), torch.from_numpy(targets))
    for au in range(2):
        known = ~np.isnan(targets[:, au])
        assert areas[au].item() == pytest.approx(roc_auc_score(targets[known, au], scores[known, au]))


def test_placements_are_shares_of_the_other_kind_counted_one_by_one() -> None:
    rng = np.random.default_rng(2)
    scores, targets = rng.integers(0, 6, 40) / 6, rng.choice([0.0, 1.0, NAN], 40)
    found = placements(torch.from_numpy(scores), torch.from_numpy(targets)).numpy()
    for place, (score, target) in enumerate(zip(scores, targets, strict=True)):
        if np.isnan(target):
            assert np.isnan(found[place])
            continue
        others = scores[targets == 1 - target]
        below, level = (score > others).mean(), (score == others).mean()
        assert found[place] == pytest.approx(below + level / 2 if target == 1 else 1 - below - level / 2)
    assert torch.isnan(placements(torch.rand(3), torch.ones(3))).all()


def test_area_needs_both_classes() -> None:
    areas = area_under_roc(torch.rand(3, 2), torch.tensor([[1.0, NAN], [1.0, 0.0], [1.0, NAN]]))
    assert torch.isnan(areas).all()


def test_broken_input_is_named() -> None:
    with pytest.raises(ValueError, match="sample x au"):
        area_under_roc(torch.zeros(3), torch.zeros(3))
    with pytest.raises(ValueError, match="diverged"):
        area_under_roc(torch.tensor([[NAN]]), torch.tensor([[1.0]]))
