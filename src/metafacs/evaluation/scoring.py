"""From predictions to the scores of a record."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.predictions import ExpressionPredictions, Predictions
from metafacs.evaluation.records import Interval, Record, TestedData
from metafacs.evaluation.resampling import area_by_unit, expression_intervals, f1_bounds_over_pictures
from metafacs.evaluation.statistics import LEVEL, average_f1_interval
from metafacs.metrics.expression import confusion_matrix
from metafacs.metrics.outcomes import Outcomes, accuracy, average_f1, count_outcomes, f1
from metafacs.metrics.ranking import area_under_roc

_PACKAGES = ("metafacs", "torch", "torchvision", "lightning-fabric", "numpy")


def score_predictions(
    predictions: Predictions,
    *,
    method: str,
    data: TestedData,
    seed: int,
    config: Mapping[str, Any] | None = None,
    threshold: float | torch.Tensor = 0.5,
    seconds: Mapping[str, float] | None = None,
    iterations: int = 0,
    history: Mapping[str, list[float]] | None = None,
    bootstrap: int = 1000,
) -> Record:
    """Return the record of one tested run.

    Args:
        predictions: On the test people, or on the test pictures of a data set that does not tell its people.
        method: Name in the METHODS table.
        data: What was trained and tested on.
        seed: Seed of training.
        config: The configuration as it was run, JSON values only.
        threshold: An AU is detected where its probability is at least this; one number, MAL uses 0.5, or one
            per AU.
        seconds: Wall-clock time by phase.
        iterations: Training iterations.
        history: Curves of training, see :class:`metafacs.evaluation.records.Record`.
        bootstrap: Resamples of the intervals over people or, where these are unknown, over pictures; 0 leaves
            them out.

    Returns:
        The record; AUs without a positive test label have F1 NaN and, if any AU was labelled, a warning is
        given.
    """
    probabilities = torch.from_numpy(np.ascontiguousarray(predictions.probabilities))
    targets = torch.from_numpy(np.ascontiguousarray(predictions.targets))
    per_subject = {}
    for subject in sorted(set(predictions.subjects.tolist())):
        rows = torch.from_numpy(predictions.subjects == subject)
        counts = count_outcomes(probabilities[rows], targets[rows], threshold)
        per_subject[subject] = {name: count.tolist() for name, count in counts._asdict().items()}
    outcomes = count_outcomes(probabilities, targets, threshold)
    scores = f1(outcomes)
    record = Record(
        method=method,
        data=data,
        seed=seed,
        aus=predictions.aus,
        f1=_by_au(predictions.aus, scores),
        f1_average=float(average_f1(scores, predictions.aus)) if outcomes.known.any() else float("nan"),
        accuracy=_by_au(predictions.aus, accuracy(outcomes)),
        auc=_by_au(predictions.aus, area_under_roc(probabilities, targets)),
        auc_by_unit=area_by_unit(
            probabilities, targets, predictions.subjects if predictions.people_known else None
        ),
        positives=_positives(predictions.aus, outcomes),
        per_subject=per_subject,
        expressions=_expression_result(predictions, bootstrap),
        config=dict(config or {}),
        seconds=dict(seconds or {}),
        iterations=iterations,
        history=dict(history or {}),
        versions=package_versions(),
    )
    if not bootstrap:
        return record
    if predictions.people_known:
        estimate = average_f1_interval([record], repetitions=bootstrap)
        return replace(record, interval=Interval((estimate.low, estimate.high), LEVEL, bootstrap))
    bounds = f1_bounds_over_pictures(probabilities, targets, threshold, bootstrap)
    return replace(record, interval=Interval(bounds, LEVEL, bootstrap, over="pictures"))


def _expression_result(predictions: Predictions, bootstrap: int) -> ExpressionResult | None:
    seen: ExpressionPredictions | None = predictions.expressions
    if seen is None or (seen.targets < 0).all():
        return None
    predicted = seen.probabilities.argmax(axis=1)
    classes = len(seen.names)
    counts = confusion_matrix(torch.from_numpy(predicted), torch.from_numpy(seen.targets), classes)
    intervals = None
    if bootstrap:
        subjects = predictions.subjects if predictions.people_known else None
        intervals = expression_intervals(predicted, seen.targets, classes, subjects, bootstrap)
    known = seen.targets >= 0
    right = (predicted[known] == seen.targets[known]).astype(int)
    by_subject = {}
    if predictions.people_known:
        shown = predictions.subjects[known]
        for subject in sorted(set(shown.tolist())):
            theirs = right[shown == subject]
            by_subject[subject] = (int(theirs.sum()), len(theirs))
    return ExpressionResult(
        seen.names,
        tuple(map(tuple, counts.tolist())),
        "".join(map(str, right)),
        intervals,
        by_subject,
    )


def package_versions() -> dict[str, str]:
    """Return the versions a run depends on, by package, with Python's own."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _by_au(aus: tuple[int, ...], values: torch.Tensor) -> dict[int, float]:
    return dict(zip(aus, values.double().tolist(), strict=True))


def _positives(aus: tuple[int, ...], outcomes: Outcomes) -> dict[int, int]:
    return dict(zip(aus, outcomes.positives.tolist(), strict=True))
