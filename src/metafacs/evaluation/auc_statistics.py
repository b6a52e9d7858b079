"""Average AUC with intervals over people, from what each person makes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metafacs.evaluation.records import Record
from metafacs.evaluation.statistics import Estimate, by_fold, mean_interval


def average_auc_interval(records: Sequence[Record]) -> Estimate:
    """Return the average AUC over folds and seeds with its interval over people.

    Args:
        records: Runs on the same people in each fold, which hold what each person makes of the AUC.
    """
    return mean_interval(*(np.mean(runs, axis=0) for runs in _by_fold(records).values()))


def paired_auc_difference(first: Sequence[Record], second: Sequence[Record]) -> Estimate:
    """Return average AUC of ``first`` minus ``second`` with an interval over the people both were tested on.

    Args:
        first: Runs of one method, which hold what each person makes of the AUC.
        second: Runs of another method on the same folds and people.

    Raises:
        ValueError: If the two were not tested on the same people.
    """
    return mean_interval(*auc_differences(first, second))


def auc_differences(first: Sequence[Record], second: Sequence[Record]) -> list[np.ndarray]:
    """Return by how much each person, or picture where people are unknown, raises the average AUC.

    Args:
        first: Runs of one method.
        second: Runs of another method on the same folds and people.

    Returns:
        ``person`` differences for each fold; their mean is that of the fold's AUC.

    Raises:
        ValueError: If the two were not tested on the same people or pictures.
    """
    ours, theirs = _by_fold(first), _by_fold(second)
    units = {
        fold: {len(values) for runs in (ours, theirs) for values in runs.get(fold, [])}
        for fold in ours.keys() | theirs.keys()
    }
    if ours.keys() != theirs.keys() or any(len(counts) > 1 for counts in units.values()):
        raise ValueError("the two methods were not tested on the same people or pictures")
    return [np.mean(ours[fold], axis=0) - np.mean(theirs[fold], axis=0) for fold in sorted(ours)]


def _by_fold(records: Sequence[Record]) -> dict[int, list[Sequence[float]]]:
    return by_fold(records, lambda record: record.auc_by_unit)
