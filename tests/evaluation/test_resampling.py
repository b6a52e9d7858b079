from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, roc_auc_score

from metafacs.evaluation.resampling import (
    area_by_unit,
    expression_intervals,
    f1_bounds_over_pictures,
    resampled_totals,
)
from metafacs.evaluation.statistics import expanded_tail


def test_resamples_draw_as_many_units_as_there_are() -> None:
    totals = resampled_totals(np.ones((7, 2, 3), dtype=int), 20)
    assert totals.shape == (20, 2, 3)
    assert (totals == 7).all()
    counts = np.arange(50)[:, None]
    draws = resampled_totals(counts, 3000)[:, 0] / 50
    assert draws.mean() == pytest.approx(24.5, abs=0.2)
    assert draws.std() == pytest.approx(np.arange(50).std() / np.sqrt(50), rel=0.05)
    assert (resampled_totals(counts, 5) == resampled_totals(counts, 5)).all()
    assert (resampled_totals(counts, 5, seed=1) != resampled_totals(counts, 5)).any()


def bounds(draws: list[float], units: int) -> tuple[float, float]:
    tail = expanded_tail(0.95, units)
    low, high = np.nanquantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def test_f1_interval_over_pictures_is_that_of_scikit_learn_on_resampled_pictures() -> None:
    rng = np.random.default_rng(3)
    probabilities, targets = rng.random((60, 3)), (rng.random((60, 3)) < 0.4).astype(float)
    targets[:9, 1] = np.nan
    found = f1_bounds_over_pictures(torch.from_numpy(probabilities), torch.from_numpy(targets), 0.5, 80)
    again, draws = np.random.default_rng(0), []
    for _ in range(80):
        chosen = again.integers(0, 60, 60)
        known = ~np.isnan(targets[chosen])
        scores = [
            f1_score(targets[chosen][k, j], probabilities[chosen][k, j] >= 0.5) for j, k in enumerate(known.T)
        ]
        draws.append(float(np.mean(scores)))
    assert found == pytest.approx(bounds(draws, 60))


@pytest.mark.parametrize("people", [None, 12])
def test_expression_intervals_are_those_of_scikit_learn_on_resampled_units(people: int | None) -> None:
    rng = np.random.default_rng(4)
    targets = rng.integers(-1, 4, 80)
    predicted = np.where(rng.random(80) < 0.5, np.maximum(targets, 0), rng.integers(0, 4, 80))
    subjects = None if people is None else np.array([f"F{n:03d}" for n in rng.integers(0, people, 80)])
    found = expression_intervals(predicted, targets, 4, subjects, 80)
    assert found.over == ("pictures" if people is None else "subjects")
    assert (found.level, found.bootstrap) == (0.95, 80)

    known = np.flatnonzero(targets >= 0)
    if subjects is None:
        units = [[row] for row in known]
    else:
        units = [known[subjects[known] == person] for person in np.unique(subjects[known])]
    again, accuracies, recalls = np.random.default_rng(0), [], []
    for _ in range(80):
        rows = np.concatenate([units[i] for i in again.integers(0, len(units), len(units))])
        accuracies.append(accuracy_score(targets[rows], predicted[rows]))
        recalls.append(balanced_accuracy_score(targets[rows], predicted[rows]))
    assert found.accuracy == pytest.approx(bounds(accuracies, len(units)))
    assert found.mean_recall == pytest.approx(bounds(recalls, len(units)))


@pytest.mark.parametrize("people", [None, 25])
def test_what_units_make_of_the_area_is_what_leaving_them_out_changes(people: int | None) -> None:
    rng = np.random.default_rng(5)
    targets = (rng.random((300, 2)) < 0.4).astype(float)
    scores = targets + rng.normal(0, 1.5, targets.shape)
    targets[:40, 1] = np.nan

    def area(rows: np.ndarray) -> float:
        known = [rows[~np.isnan(targets[rows, au])] for au in range(2)]
        return float(np.mean([roc_auc_score(targets[k, au], scores[k, au]) for au, k in enumerate(known)]))

    subjects = None if people is None else np.array([f"F{n:03d}" for n in rng.integers(0, people, 300)])
    found = np.array(area_by_unit(torch.from_numpy(scores), torch.from_numpy(targets), subjects))
    everything = np.arange(300)
    assert found.mean() == pytest.approx(area(everything), abs=1e-3)
    codes = everything if subjects is None else np.unique(subjects, return_inverse=True)[1]
    units = len(found)
    jackknife = [
        units * area(everything) - (units - 1) * area(everything[codes != unit]) for unit in range(units)
    ]
    assert np.corrcoef(found, jackknife)[0, 1] > 0.99
    assert found.std() == pytest.approx(np.std(jackknife), rel=0.1)


def test_no_area_has_no_units() -> None:
    assert area_by_unit(torch.rand(4, 1), torch.ones(4, 1), None) == ()
