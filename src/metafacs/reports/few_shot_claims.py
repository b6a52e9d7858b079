"""The claims of a paper on few-shot learners, answered yes or no from records.

As in :mod:`metafacs.reports.claims`, "yes" needs an interval over people that excludes chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from metafacs.data.facts import dataset_title
from metafacs.evaluation.few_shot_statistics import (
    Scores,
    accuracy_by_task,
    average_interval,
    difference_by_task,
)
from metafacs.reports.claims import Claim, alike, higher
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.few_shot_transfer import FewShotTransfer
from metafacs.reports.papers.claimed import (
    BetterTransfer,
    EqualTransfer,
    FewShotsSuffice,
    GrowingFewShotLead,
    SteepFirstStep,
    Transfer,
)

_OTHER_TASKS = "the two numbers of shots were not tested on the same people and AUs"


def few_shot_claims(comparison: FewShotComparison) -> list[Claim]:
    """Answer what the paper claims of steps and shots for these data, in its order, as far as records can."""
    claims = comparison.paper.claims_on(comparison.data) if comparison.paper else ()
    answers: list[Claim] = []
    for claimed in claims:
        if isinstance(claimed, GrowingFewShotLead):
            answers += _growing_lead(claimed, comparison)
        elif isinstance(claimed, FewShotsSuffice):
            answers += _few_suffice(claimed, comparison)
        elif isinstance(claimed, SteepFirstStep):
            answers += _first_step(claimed, comparison)
    return answers


def transfer_claims(transfer: FewShotTransfer) -> list[Claim]:
    """Answer what the paper claims of training on another data set, in its order, as far as records can."""
    first = transfer.first
    claims = first.paper.claims_on(first.data) if first.paper else ()
    trained_on = tuple(tests.records[0].trained_on for tests in (first, transfer.second))
    return [
        answer
        for claimed in claims
        if isinstance(claimed, Transfer) and claimed.data == trained_on
        for answer in _transferred(claimed, transfer)
    ]


def _growing_lead(claimed: GrowingFewShotLead, comparison: FewShotComparison) -> Iterator[Claim]:
    shots = comparison.shots_of(claimed)
    if len(shots) > 1:
        few, many = shots[0], shots[-1]
        better, worse = (
            _rise(comparison, (few, name), (many, name)) for name in (claimed.better, claimed.worse)
        )
        what = f"the lead of {claimed.better} over {claimed.worse} grows from {few} to {many} shots"
        if better and worse:
            lead = average_interval(difference_by_task(better, worse))
            yield higher(what, lead, _more([claimed.better, claimed.worse], comparison))
        else:
            yield Claim(what, "void", _OTHER_TASKS)


def _few_suffice(claimed: FewShotsSuffice, comparison: FewShotComparison) -> Iterator[Claim]:
    shots = [k for k, learner in comparison.groups if learner == claimed.row]
    if len(shots) > 1:
        few, many = shots[0], shots[-1]
        what = f"{claimed.row} hardly changes from {few} to {many} shots"
        if rise := _rise(comparison, (few, claimed.row), (many, claimed.row)):
            yield alike(what, average_interval(rise), claimed.within, _more([claimed.row], comparison))
        else:
            yield Claim(what, "void", _OTHER_TASKS)


def _first_step(claimed: SteepFirstStep, comparison: FewShotComparison) -> Iterator[Claim]:
    steps, last = comparison.records[0].steps, comparison.step
    for (shots, learner), group in comparison.groups.items():
        if learner == claimed.row and {0, 1} <= set(steps) and last > 1 and any(r.accuracy for r in group):
            before, after, late = (accuracy_by_task(group, step) for step in (0, 1, last))
            first, rest = difference_by_task(after, before), difference_by_task(late, after)
            what = f"{learner}, {shots} shot: the first gradient step"
            more = _more([learner], comparison)
            yield higher(f"{what} raises the accuracy", average_interval(first), more)
            yield higher(
                f"{what} raises the accuracy more than the next {last - 1} together",
                average_interval(difference_by_task(first, rest)),
                f"they {average_interval(rest).value:+.3f}; {more}",
            )


def _transferred(claimed: Transfer, transfer: FewShotTransfer) -> Iterator[Claim]:
    shots = max((k for k, learner in transfer.keys if learner == claimed.row), default=0)
    gains = transfer.gains(shots, claimed.row, claimed.aus) if shots else {}
    if gains:
        first, second = map(dataset_title, claimed.data)
        over = f"AUs {', '.join(map(str, claimed.aus))}" if claimed.aus else "all AUs"
        apart, more = average_interval(gains), _more([claimed.row], transfer.first, transfer.second)
        what = f"{claimed.row}, {shots} shot, {over}: trained on {first}"
        if isinstance(claimed, BetterTransfer):
            yield higher(f"{what} > trained on {second}", apart, more)
        elif isinstance(claimed, EqualTransfer):
            yield alike(f"{what} about as good as trained on {second}", apart, claimed.within, more)


def _rise(comparison: FewShotComparison, before: tuple[int, str], after: tuple[int, str]) -> Scores:
    """Return by how much the accuracy rises by person and AU; nothing where the tests are of other tasks."""
    scores = [accuracy_by_task(comparison.groups[key], comparison.step) for key in (after, before)]
    return difference_by_task(*scores) if scores[0].keys() == scores[1].keys() else {}


def _more(learners: Sequence[str], *tests: FewShotComparison) -> str:
    seeds = {
        len({record.seed for record in test.records if record.learner == learner})
        for test in tests
        for learner in learners
    }
    luck = "one seed, whose luck is not in the interval" if 1 in seeds else f"mean over {min(seeds)} seeds"
    return f"{luck}; synthetic" if any(test.synthetic for test in tests) else luck
