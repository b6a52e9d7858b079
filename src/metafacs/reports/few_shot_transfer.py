"""Few-shot learners trained on one data set beside those trained on another, adapted to the same people."""

from __future__ import annotations

from typing import Any

from metafacs.data.facts import dataset_title
from metafacs.differences import contradictions
from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.few_shot_statistics import (
    Scores,
    accuracy_by_task,
    accuracy_spreads,
    average_accuracy,
    average_interval,
    difference_by_task,
)
from metafacs.reports.few_shot import AVERAGED, action_unit_cell, gain_cell
from metafacs.reports.few_shot_comparison import (
    FewShotComparison,
    few_shot_label,
    tested_with,
    trained_with,
)
from metafacs.reports.tables import Column, Table
from metafacs.texts import shown

_FREE_IN_TESTING = ("testing.steps",)
_OF_THE_DATA = ("start_without", "trained_aus", "training.iterations", "training.shared_iterations")
"""What follows from the data trained on; how long was trained in all is told by ``iterations``."""


class FewShotTransfer:
    """Tests of the same people by the same draws, after training on two data sets.

    Args:
        first: Tests after training on the one data set, e.g. on another one than that of the people.
        second: Tests after training on the other, e.g. on that of the people.

    Attributes:
        first: The tests.
        second: The tests.
        keys: Shots and learners that both have.
        step: Number of gradient steps that is reported.

    Raises:
        ValueError: If the two cannot be paired: both were trained on one data set, or they were tested on
            different data, people, AUs or draws, or have no shots and learner or no reported step in common.
    """

    def __init__(self, first: FewShotComparison, second: FewShotComparison) -> None:
        self.first, self.second, self.step = first, second, first.step
        one, other = first.records[0], second.records[0]
        if one.trained_on == other.trained_on:
            raise ValueError(
                f"both tests are of learners trained on {shown(one.trained_on)}; what training on another "
                "data set changes needs two"
            )
        if told := contradictions(map(_draws_of, (one, other))):
            raise ValueError(f"the two few-shot tests cannot be paired, they were not made alike: {told}")
        people = [{record.subject for record in tests.records} for tests in (first, second)]
        if people[0] != people[1]:
            only = ", ".join(sorted(people[0] ^ people[1]))
            raise ValueError(f"the two few-shot tests cannot be paired, only one of them has {only}")
        if first.step != second.step:
            raise ValueError(
                f"the two few-shot tests cannot be paired: after {first.step} gradient steps, and after "
                f"{second.step}"
            )
        self.keys = [key for key in first.groups if key in second.groups]
        if not self.keys:
            found = [", ".join(f"{name} with {k}" for k, name in tests.groups) for tests in (first, second)]
            raise ValueError(f"no learner and number of shots is in both few-shot tests: {' / '.join(found)}")
        self._gains = {key: self._gain(key) for key in self.keys}

    def gains(self, shots: int, learner: str, aus: tuple[int, ...] = ()) -> Scores:
        """Return how much more accurate the first test is by person and AU, of some AUs if any are named."""
        gains = self._gains[shots, learner]
        return {task: gain for task, gain in gains.items() if not aus or task[1] in aus}

    @property
    def models(self) -> dict[str, list[FewShotRecord]]:
        """Name -> records with the most shots: of the first test all, of the second the paper's own."""
        most = max(shots for shots, _ in self.keys)
        shared = {learner for _, learner in self.keys}
        ahead = {claim.better for claim in self.first.claimed} & shared or shared
        return {
            f"{learner}, trained on {trained_title(tests)}": group
            for tests in (self.first, self.second)
            for (shots, learner), group in tests.groups.items()
            if shots == most and (tests is self.first or learner in ahead)
        }

    @property
    def label(self) -> str:
        """What was tested on in words, e.g. ``DISFA, synthetic twins``."""
        return few_shot_label(self.first.records[0], self.second.records[0])

    def _gain(self, key: tuple[int, str]) -> Scores:
        first, second = (
            accuracy_by_task(tests.groups[key], self.step) for tests in (self.first, self.second)
        )
        return difference_by_task(first, second)


def trained_title(tests: FewShotComparison) -> str:
    """Return the data set that was trained on in words, e.g. ``BP4D``."""
    return shown(dataset_title(tests.records[0].trained_on))


def transfer_table(transfer: FewShotTransfer) -> Table:
    """Return accuracy per AU after training on either data set and the difference.

    Returns:
        One row per AU and one for the average; per learner and number of shots both accuracies and the
        difference with the 95 % interval over people.
    """
    first, second, step, label = transfer.first, transfer.second, transfer.step, transfer.label
    titles = [trained_title(tests) for tests in (first, second)]
    tag = first.tag or second.tag
    columns, cells = [Column("Action unit", text=True)], []
    aus = sorted({au for shots, learner in transfer.keys for _, au in transfer.gains(shots, learner)})
    for shots, learner in transfer.keys:
        model = f"{learner}, {shots} shot"
        columns += [Column(f"{model}, {title}", label, tag) for title in titles]
        columns.append(Column(f"{model}, difference", label, tag))
        groups = [tests.groups[shots, learner] for tests in (first, second)]
        spreads = [accuracy_spreads(group, step) for group in groups]
        gains = {au: transfer.gains(shots, learner, (au,)) for au in aus}
        column = [
            (*(f"{found[au].mean:.3f}" for found in spreads), gain_cell(average_interval(gains[au])))
            if gains[au]
            else ("n/a",) * 3
            for au in aus
        ]
        averages = (f"{average_accuracy(group, step).mean:.3f}" for group in groups)
        column.append((*averages, gain_cell(average_interval(transfer.gains(shots, learner)))))
        cells.append(column)
    heads = [*(action_unit_cell(first.records, au) for au in aus), "Average"]
    rows = [
        (head, *(cell for part in parts for cell in part)) for head, *parts in zip(heads, *cells, strict=True)
    ]
    return Table(
        title=f"Few-shot accuracy, trained on {' or '.join(titles)}, after {step} gradient steps ({label})",
        columns=tuple(columns),
        rows=tuple(rows),
        note=f"The same people and draws; difference: {titles[0]} - {titles[1]}. {AVERAGED}; in brackets the "
        f"95 % interval over people.{_trained_otherwise(transfer)}",
        name="transfer",
        last_row_is_total=True,
    )


def _trained_otherwise(transfer: FewShotTransfer) -> str:
    """Return what else differs between the trainings than their data, as the end of a note."""
    found = {
        contradictions(
            _training_beside_data(tests.groups[key][0]) for tests in (transfer.first, transfer.second)
        )
        for key in transfer.keys
    }
    told = "; ".join(sorted(found - {""}))
    first, second = map(trained_title, (transfer.first, transfer.second))
    return (
        f" Beside the data, {first} there and {second} here, the trainings differ in {told}." if told else ""
    )


def _draws_of(record: FewShotRecord) -> dict[str, Any]:
    """Return what the pictures depend on that a person's tasks are drawn from, as far as a record tells."""
    told = {key: value for key, value in tested_with(record).items() if key not in _FREE_IN_TESTING}
    # The last data set is the one tested on.
    data = {"data": told["data"][-1:]} if "data" in told else {}
    return {"tested_on": record.tested_on, **told, **data}


def _training_beside_data(record: FewShotRecord) -> dict[str, Any]:
    return {key: value for key, value in trained_with(record).items() if key not in _OF_THE_DATA}
