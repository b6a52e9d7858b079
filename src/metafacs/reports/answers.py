"""The claims of a comparison's paper and those a reader asks about, as far as records can answer them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from metafacs.evaluation.chosen_aus import of_aus
from metafacs.evaluation.records import Record
from metafacs.reports.claims import (
    Claim,
    better_accuracy,
    better_average_auc,
    better_average_f1,
    better_detection_accuracy,
    better_mean_recall,
    lower_landmark_error,
    pictures_by_class,
)
from metafacs.reports.comparison import Comparison
from metafacs.reports.curve_claims import course, faster_fall, rising_weight
from metafacs.reports.papers.claimed import (
    Course,
    FasterFall,
    HigherAccuracy,
    HigherDetectionAccuracy,
    HigherF1,
    HigherMeanRecall,
    LowerLandmarkError,
    Order,
    PaperClaim,
    RisingWeight,
)


def answered_claims(comparison: Comparison, *, against: str = "") -> list[Claim]:
    """Answer what the paper claims for these data, in the order of its list, as far as the records can.

    Only sound runs answer; a claim about a row that has others says so. Where a row of the paper stands for
    several rows of the comparison, each of them is asked.

    Args:
        comparison: The records.
        against: Row that every other row is then asked to be better than; empty for none.

    Raises:
        ValueError: If there is no row ``against`` with sound runs.
    """
    answers = [answer for claimed in comparison.claimed for answer in _answers(claimed, comparison)]
    if against:
        answers += _answers_against(against, comparison)
    return list({answer.statement: answer for answer in answers}.values())


def _answers_against(reference: str, comparison: Comparison) -> Iterator[Claim]:
    if reference not in comparison.rows:
        raise ValueError(
            f"there is no row {reference} with sound runs to compare with; choose one of "
            f"{', '.join(comparison.rows)}"
        )
    for name in comparison.names:
        for kind in (HigherF1, HigherAccuracy):
            if name != reference:
                yield from _between(kind(name, reference), comparison, name, reference)


def _answers(claimed: PaperClaim, comparison: Comparison) -> Iterator[Claim]:
    if isinstance(claimed, Order):
        for better in comparison.of(claimed.better):
            for worse in comparison.of(claimed.worse):
                yield from _between(claimed, comparison, better, worse)
    elif isinstance(claimed, Course):
        for name, runs in comparison.of(claimed.row).items():
            if recorded := _having(runs, claimed.curve):
                yield _with_losses(course(claimed, name, recorded), comparison, name)
    elif isinstance(claimed, RisingWeight):
        for name, runs in comparison.of(claimed.row).items():
            if recorded := _having(runs, claimed.curve):
                yield _with_losses(rising_weight(claimed, name, recorded), comparison, name)
    elif isinstance(claimed, FasterFall):
        for name, runs in comparison.of(claimed.row).items():
            if recorded := _having(runs, claimed.faster, claimed.slower):
                yield _with_losses(faster_fall(claimed, name, recorded), comparison, name)


def _between(claimed: Order, comparison: Comparison, better: str, worse: str) -> Iterator[Claim]:
    ours, theirs = (comparison.rows.get(name, []) for name in (better, worse))
    for claim in _order_of_sound(claimed, better, ours, worse, theirs):
        yield _with_losses(claim, comparison, better, worse)


def _with_losses(claim: Claim, comparison: Comparison, *names: str) -> Claim:
    """Return a claim that tells which of its rows have runs that were lost."""
    told = [f"of {name} {losses}" for name in names if (losses := comparison.losses_in_words(name))]
    return replace(claim, detail="; ".join([claim.detail, *told]))


def _order_of_sound(
    claimed: Order,
    better: str,
    ours: Sequence[Record],
    worse: str,
    theirs: Sequence[Record],
) -> Iterator[Claim]:
    """Answer a claim by the folds in which both rows have sound runs."""
    folds = {run.data.fold for run in ours} & {run.data.fold for run in theirs}
    if folds:
        both = [[run for run in runs if run.data.fold in folds] for runs in (ours, theirs)]
        fewer = len(folds) < len({run.data.fold for run in (*ours, *theirs)})
        only = f"; over fold {', '.join(map(str, sorted(folds)))} only, where both have sound runs"
        for claim in _order(claimed, better, both[0], worse, both[1]):
            yield replace(claim, detail=claim.detail + only) if fewer else claim
    else:
        yield Claim(f"{better} > {worse}", "void", "there is no fold in which both have sound runs")


def _order(
    claimed: Order,
    better: str,
    ours: Sequence[Record],
    worse: str,
    theirs: Sequence[Record],
) -> Iterator[Claim]:
    both = (*ours, *theirs)
    if isinstance(claimed, HigherF1) and claimed.aus:
        if aus := [au for au in ours[0].aus if au in claimed.aus]:
            of_these = [[of_aus(run, aus) for run in runs] for runs in (ours, theirs)]
            claim = better_average_f1(better, of_these[0], worse, of_these[1])
            named = f"{claim.statement} of AU {', '.join(map(str, aus))}"
            yield replace(claim, statement=named, difference=None)
    elif isinstance(claimed, HigherF1):
        yield better_average_f1(better, ours, worse, theirs)
        # Records of earlier versions do not tell what a person makes of the AUC.
        if all(run.auc_by_unit for run in both):
            yield better_average_auc(better, ours, worse, theirs)
    elif isinstance(claimed, HigherDetectionAccuracy):
        if not any(run.people for run in both):
            yield better_detection_accuracy(better, ours, worse, theirs)
    elif isinstance(claimed, LowerLandmarkError):
        found = [[run.landmarks for run in runs if run.landmarks is not None] for runs in (ours, theirs)]
        if sum(map(len, found)) == len(both):
            yield lower_landmark_error(better, found[0], worse, found[1])
    elif any(run.expressions is None for run in both):
        return
    elif isinstance(claimed, HigherAccuracy):
        yield better_accuracy(better, ours, worse, theirs)
    elif isinstance(claimed, HigherMeanRecall):
        shown = {name for name, count in pictures_by_class(ours).items() if count}
        if not claimed.classes or shown & set(claimed.classes):
            yield better_mean_recall(better, ours, worse, theirs, classes=claimed.classes, of=claimed.of)


def _having(runs: Sequence[Record], *curves: str) -> list[Record]:
    return [run for run in runs if all(curve in run.history for curve in curves)]
