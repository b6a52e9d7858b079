from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from metafacs.evaluation.predictions import Predictions
from metafacs.evaluation.records import DataSource
from metafacs.evaluation.scoring import package_versions, score_predictions
from metafacs.evaluation.statistics import average_f1

DATA = DataSource("bp4d", True, "3fold", "hash", 1, 0)


def test_record_holds_scikit_learns_scores(predictions_of: Callable[..., Predictions]) -> None:
    predictions = predictions_of()
    record = score_predictions(predictions, method="mal", data=DATA, seed=0)
    for column, au in enumerate(predictions.aus):
        known = ~np.isnan(predictions.targets[:, column])
        truth = predictions.targets[known, column]
        scores = predictions.probabilities[known, column]
        assert record.f1[au] == pytest.approx(f1_score(truth, scores >= 0.5))
        assert record.accuracy[au] == pytest.approx(accuracy_score(truth, scores >= 0.5))
        assert record.auc[au] == pytest.approx(roc_auc_score(truth, scores))
        assert record.positives[au] == truth.sum()
    assert record.f1_average == pytest.approx(np.mean(list(record.f1.values())))
    assert average_f1([record]) == pytest.approx(record.f1_average)
    assert record.interval is not None
    assert record.interval.f1_average[0] < record.f1_average < record.interval.f1_average[1]


def test_counts_are_kept_per_person(predictions_of: Callable[..., Predictions]) -> None:
    predictions = predictions_of(people=3, frames=10)
    record = score_predictions(predictions, method="mal", data=DATA, seed=0, bootstrap=0)
    assert list(record.per_subject) == ["F100", "F101", "F102"]
    known = sum(sum(sum(c) for c in counts.values()) for counts in record.per_subject.values())
    assert known == (~np.isnan(predictions.targets)).sum()
    assert record.interval is None


def test_au_without_positive_labels_warns_and_is_left_out(predictions_of: Callable[..., Predictions]) -> None:
    predictions = predictions_of()
    targets = predictions.targets.copy()
    targets[:, 4] = 0
    with pytest.warns(UserWarning, match="AU12"):
        record = score_predictions(
            replace(predictions, targets=targets), method="mal", data=DATA, seed=0, bootstrap=20
        )
    assert math.isnan(record.f1[12])
    assert math.isnan(record.auc[12])
    assert record.f1_average == pytest.approx(np.mean([record.f1[au] for au in (1, 2, 4, 6)]))


def test_threshold_moves_detections(predictions_of: Callable[..., Predictions]) -> None:
    predictions = predictions_of()
    strict = score_predictions(predictions, method="mal", data=DATA, seed=0, threshold=0.99, bootstrap=0)
    usual = score_predictions(predictions, method="mal", data=DATA, seed=0, bootstrap=0)
    assert strict.f1_average < usual.f1_average
    assert strict.auc == usual.auc


def test_versions_name_python_and_torch() -> None:
    assert {"python", "torch", "numpy"} <= set(package_versions())
