from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, roc_auc_score

from metafacs.evaluation import records
from metafacs.evaluation.predictions import ExpressionPredictions, Predictions
from metafacs.evaluation.records import Record
from metafacs.evaluation.scoring import package_versions, score_predictions
from metafacs.evaluation.statistics import average_f1

DATA = records.TestedData("bp4d", True, "3fold", "hash", 1, 0)


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


def with_expressions(predictions: Predictions) -> Predictions:
    rng = np.random.default_rng(0)
    targets = rng.integers(-1, 3, len(predictions.subjects))
    probabilities = rng.random((len(targets), 3)) + np.eye(3)[np.maximum(targets, 0)] * 0.4
    seen = ExpressionPredictions(("happily sad", "sadly angry", "sadly fearful"), probabilities, targets)
    return replace(predictions, expressions=seen)


def test_record_holds_scikit_learns_scores_of_expressions(
    predictions_of: Callable[..., Predictions],
) -> None:
    predictions = with_expressions(predictions_of())
    seen = predictions.expressions
    result = score_predictions(predictions, method="mal", data=DATA, seed=0, bootstrap=50).expressions
    assert seen is not None
    assert result is not None
    known = seen.targets >= 0
    truth, guess = seen.targets[known], seen.probabilities[known].argmax(1)
    assert result.names == seen.names
    np.testing.assert_array_equal(np.array(result.confusion), confusion_matrix(truth, guess))
    assert result.accuracy == pytest.approx(accuracy_score(truth, guess))
    assert result.mean_recall == pytest.approx(balanced_accuracy_score(truth, guess))
    assert result.intervals is not None
    assert result.intervals.over == "subjects"
    assert result.intervals.accuracy[0] < result.accuracy < result.intervals.accuracy[1]
    right = seen.probabilities.argmax(1) == seen.targets
    assert result.by_subject == {
        subject: (int((right & mine).sum()), int(mine.sum()))
        for subject in sorted(set(predictions.subjects.tolist()))
        if (mine := known & (predictions.subjects == subject)).any()
    }
    without = score_predictions(predictions, method="mal", data=DATA, seed=0, bootstrap=0).expressions
    assert without == replace(result, intervals=None)


def test_pictures_are_resampled_where_people_are_unknown(predictions_of: Callable[..., Predictions]) -> None:
    known = with_expressions(predictions_of())
    unknown = replace(known, subjects=np.full(len(known.subjects), ""))
    first, second = (score_predictions(p, method="mal", data=DATA, seed=0) for p in (known, unknown))
    assert second.f1 == first.f1
    assert list(second.per_subject) == [""]
    assert second.people == 0
    assert first.interval is not None
    assert second.interval is not None
    assert (first.interval.over, second.interval.over) == ("subjects", "pictures")
    low, high = second.interval.f1_average
    assert low < second.f1_average < high
    # The made-up people differ in difficulty, so pictures alone look surer than they are.
    assert high - low < first.interval.f1_average[1] - first.interval.f1_average[0]
    assert second.expressions is not None
    assert second.expressions.intervals is not None
    assert second.expressions.intervals.over == "pictures"
    assert second.expressions.by_subject == {}
    assert Record.from_json(second.to_json()) == second
    assert Record.from_json(first.to_json()) == first


@pytest.mark.filterwarnings("error")
def test_expressions_alone_make_a_record(predictions_of: Callable[..., Predictions]) -> None:
    predictions = with_expressions(predictions_of())
    alone = replace(predictions, targets=np.full_like(predictions.targets, np.nan))
    record = score_predictions(alone, method="mal", data=DATA, seed=0, bootstrap=20)
    assert math.isnan(record.f1_average)
    assert record.expressions is not None
    assert set(record.positives.values()) == {0}


def test_unknown_expressions_are_no_result(predictions_of: Callable[..., Predictions]) -> None:
    predictions = with_expressions(predictions_of())
    assert predictions.expressions is not None
    blank = replace(predictions.expressions, targets=np.full(len(predictions.subjects), -1))
    record = score_predictions(replace(predictions, expressions=blank), method="mal", data=DATA, seed=0)
    assert record.expressions is None


def test_versions_name_python_and_torch() -> None:
    assert {"python", "torch", "numpy"} <= set(package_versions())
