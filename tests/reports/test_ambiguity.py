from __future__ import annotations

import numpy as np
import pytest

from metafacs.reports.ambiguity import low_weight_for_ambiguous, rank_correlation
from metafacs.reports.papers.claimed import LowWeightForAmbiguous

MAL = LowWeightForAmbiguous("mal")


def test_rank_correlation_agrees_with_ranks_by_hand() -> None:
    assert rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([0.1, 0.5, 0.6])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([3.0, 2.0, 1.0])) == pytest.approx(-1)
    # Ties get the mean of their ranks: ranks (1.5, 1.5, 3) against (1, 2, 3).
    assert rank_correlation(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(
        np.corrcoef([1.5, 1.5, 3], [1, 2, 3])[0, 1]
    )
    assert np.isnan(rank_correlation(np.ones(3), np.arange(3.0)))


def test_ambiguity_claim_needs_an_interval_above_zero() -> None:
    rng = np.random.default_rng(0)
    consistency = rng.random(80)
    related = low_weight_for_ambiguous(MAL, consistency + rng.normal(0, 0.2, 80), consistency)
    assert related.answer == "yes"
    assert related.statement == "mal gives low weight to ambiguous expression pictures"
    assert low_weight_for_ambiguous(MAL, rng.random(80), consistency).answer == "no"
    with pytest.raises(ValueError, match="rank correlation"):
        low_weight_for_ambiguous(MAL, np.ones(2), np.ones(2))


def test_correlation_within_classes_is_told_apart_from_that_between_them() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    consistency = labels * 0.5 + rng.random(200) * 0.4
    weights = labels + rng.random(200) * 0.1 - 0.2 * (consistency - labels * 0.5)
    claim = low_weight_for_ambiguous(MAL, weights, consistency, labels=labels, class_names=("fear", "anger"))
    assert claim.answer == "yes"
    assert "within one class from -0." in claim.detail
