"""Accuracy in expressions of two methods, person by person or, without known people, picture by picture."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.records import Record


def expressions_by_person(records: Sequence[Record]) -> bool:
    """Return whether all records tell of each person how many expressions were recognised."""
    return all(_result(record).by_subject for record in records)


def accuracy_of(record: Record) -> float:
    """Return the share of the pictures whose expression was recognised, in [0, 1]; NaN without pictures."""
    recognised = _result(record).recognised
    return recognised.count("1") / len(recognised) if recognised else math.nan


def mean_recall_of(record: Record) -> float:
    """Return the mean over classes of the share recognised, in [0, 1]; NaN without pictures."""
    return _result(record).mean_recall


def accuracy_differences(first: Sequence[Record], second: Sequence[Record]) -> list[np.ndarray]:
    """Return by how much each person, or picture where people are unknown, raises the accuracy.

    A person's value is the accuracy plus the person's influence on it: as people have different numbers of
    pictures, the mean of their own accuracies would be another score.

    Args:
        first: Runs of one method, which hold recognised expressions.
        second: Runs of another method on the same folds and people or pictures.

    Returns:
        ``person`` or ``picture`` differences for each fold, seeds averaged; their mean is that of the fold's
        accuracy.

    Raises:
        ValueError: If the two were not tested on the same people or numbers of pictures.
    """
    by_person = expressions_by_person([*first, *second])
    tested: dict[int, object] = {}
    folds: list[dict[int, list[np.ndarray]]] = [defaultdict(list), defaultdict(list)]
    for found, records in zip(folds, (first, second), strict=True):
        for record in records:
            result, fold = _result(record), record.data.fold
            people = {subject: known for subject, (_, known) in result.by_subject.items()}
            units = people if by_person else len(result.recognised)
            if tested.setdefault(fold, units) != units:
                raise ValueError("the two methods were not tested on the same people or pictures")
            found[fold].append(_by_unit(result, by_person))
    ours, theirs = folds
    if ours.keys() != theirs.keys():
        raise ValueError("the two methods were not tested on the same folds")
    return [np.mean(ours[fold], axis=0) - np.mean(theirs[fold], axis=0) for fold in sorted(ours)]


def _by_unit(result: ExpressionResult, by_person: bool) -> np.ndarray:
    """Return values of people by id, or of pictures in order, whose mean is the accuracy."""
    if not by_person:
        return np.array([*map(int, result.recognised)], float)
    right, known = np.array([result.by_subject[subject] for subject in sorted(result.by_subject)], float).T
    accuracy = right.sum() / known.sum()
    return np.asarray(accuracy + len(known) * (right - accuracy * known) / known.sum())


def _result(record: Record) -> ExpressionResult:
    assert record.expressions is not None
    return record.expressions
