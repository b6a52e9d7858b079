"""Whether two methods were tested on the same, so that they may stand beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from metafacs.evaluation.records import OUTCOME_NAMES, Record


def tested_apart(first: Sequence[Record], second: Sequence[Record]) -> str:
    """Return in words what two sets of runs were tested on differently; empty if on the same.

    Args:
        first: Runs on any folds, of one set of AUs.
        second: Runs on the same folds.

    Returns:
        The end of a sentence about both: the AUs, the people or their labels that differ. The order of AUs is
        no difference.
    """
    if only := sorted(set(first[0].aus) ^ set(second[0].aus)):
        return f"were tested on different AUs; only one has {', '.join(f'AU{au}' for au in only)}"
    ours, theirs = _labels(first), _labels(second)
    if ours.keys() != theirs.keys():
        unshared = sorted(str(key) for key in ours.keys() ^ theirs.keys())
        return f"were not tested on the same people; only one has (fold, person) {', '.join(unshared[:5])}"
    if unequal := sorted(str(key) for key in ours if ours[key] != theirs[key]):
        return f"saw different labels of (fold, person) {', '.join(unequal[:5])}"
    return ""


def _labels(records: Sequence[Record]) -> dict[tuple[int, str], dict[int, tuple[int, int]]]:
    """Return fold and person -> AU -> how many labels say present and absent."""
    return {
        (record.data.fold, subject): {
            au: (tp + fn, fp + tn)
            for au, tp, fp, fn, tn in zip(record.aus, *(counts[name] for name in OUTCOME_NAMES), strict=True)
        }
        for record in records
        for subject, counts in record.per_subject.items()
    }
