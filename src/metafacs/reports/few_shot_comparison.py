"""Few-shot records of one protocol, grouped once by shots and learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from metafacs.data.facts import dataset_title
from metafacs.differences import contradictions
from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.few_shot_statistics import over_seeds, reported_step
from metafacs.reports.named_paper import in_order, paper_of
from metafacs.reports.options import training_of
from metafacs.reports.papers.claimed import Data, HigherFewShotAccuracy, Order
from metafacs.reports.papers.paper import Paper, PrintedAccuracies
from metafacs.texts import shown


class FewShotComparison:
    """Tests of any number of learners, shots, people and seeds of training by one protocol.

    Args:
        records: Of the tests.
        paper: Paper of records that name none; without one nothing printed is known and no gain claimed.

    Attributes:
        records: Of the tests.
        paper: The paper; None if there is none.
        groups: Shots and learner -> records, one per person, means over seeds; learners in the order of the
            paper's rows, then by name.

    Raises:
        ValueError: If there are no records, they are of several protocols or papers or were tested with
            different settings, data or AUs, a learner was trained with different ones, one came twice, or a
            group lacks people that another one has.
    """

    def __init__(self, records: Sequence[FewShotRecord], paper: Paper | None = None) -> None:
        if not records:
            raise ValueError("there are no few-shot records to report")
        kinds = {(r.trained_on, r.tested_on, r.synthetic, r.protocol, r.steps) for r in records}
        if len(kinds) > 1:
            raise ValueError(f"one table is of one protocol, but the records have {sorted(map(str, kinds))}")
        if told := contradictions(map(tested_with, records)):
            raise ValueError(f"the few-shot records were not tested alike: {told}; report each test alone")
        # Names go into tables and figures.
        self.records = tuple(
            replace(record, learner=shown(record.learner), subject=shown(record.subject))
            for record in records
        )
        records = self.records
        self.paper = paper_of((record.paper for record in records), paper)
        learners = in_order((record.learner for record in records), self.paper)
        for learner in learners:
            if told := contradictions(trained_with(r) for r in records if r.learner == learner):
                raise ValueError(f"{learner} was not always trained alike: {told}; report each test alone")
        groups = {
            (shots, learner): [r for r in records if (r.shots, r.learner) == (shots, learner)]
            for shots in sorted({r.shots for r in records})
            for learner in learners
        }
        everybody = {r.subject for r in records}
        for (shots, learner), group in groups.items():
            for seed in sorted({r.seed for r in group}):
                people = [r.subject for r in group if r.seed == seed]
                which = f"{learner} with {shots} shots and seed {seed}"
                if lacking := sorted(everybody - set(people)):
                    raise ValueError(f"{which} lacks the people {', '.join(lacking)}")
                if len(people) > len(everybody):
                    raise ValueError(f"{which} holds a person twice; give every record once")
        self.groups = {key: over_seeds(group) for key, group in groups.items() if group}

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of training, ascending; not every learner need have all of them."""
        return tuple(sorted({record.seed for record in self.records}))

    def of_seed(self, seed: int) -> FewShotComparison:
        """Return the tests of one seed of training."""
        return FewShotComparison([r for r in self.records if r.seed == seed], self.paper)

    @property
    def synthetic(self) -> bool:
        """Whether faces are rendered."""
        return self.records[0].synthetic

    @property
    def tag(self) -> str:
        """What every column of measured scores says of them."""
        return "synthetic" if self.synthetic else ""

    @property
    def label(self) -> str:
        """What was trained and tested on in words, e.g. ``BP4D, synthetic twins``."""
        return few_shot_label(self.records[0])

    @property
    def step(self) -> int:
        """Number of gradient steps that is reported."""
        return reported_step(self.records)

    @property
    def data(self) -> Data:
        """Names of the data sets trained and tested on."""
        return self.records[0].trained_on, self.records[0].tested_on

    @property
    def printed(self) -> PrintedAccuracies | None:
        """What the paper prints for these data; None if nothing."""
        return self.paper.few_shot.get(self.data) if self.paper else None

    @property
    def colours(self) -> dict[str, str]:
        """Learner -> name of its colour, where the paper gives it one."""
        return self.paper.colours if self.paper else {}

    def printed_name(self, learner: str) -> str:
        """Return how the paper's tables call a learner; empty if they do not have it."""
        rows = self.paper.rows if self.paper else ()
        return next((row.printed for row in rows if row.name == learner), "")

    @property
    def claimed(self) -> list[HigherFewShotAccuracy]:
        """Learners of which the paper claims for these data that one is more accurate than the other."""
        claims = self.paper.claims_on(self.data) if self.paper else ()
        return [claim for claim in claims if isinstance(claim, HigherFewShotAccuracy)]

    def shots_of(self, pair: Order) -> list[int]:
        """Return the numbers of shots that both learners of a claim were tested with."""
        shots = sorted({shots for shots, _ in self.groups})
        return [k for k in shots if (k, pair.better) in self.groups and (k, pair.worse) in self.groups]


def few_shot_label(*records: FewShotRecord) -> str:
    """Return what was trained and tested on in words, e.g. ``BP4D, synthetic twins``.

    Args:
        records: One per protocol; of several, all tested on one data set, only this data set is told.
    """
    first = records[0]
    trained, label = (shown(dataset_title(name)) for name in (first.trained_on, first.tested_on))
    if first.protocol == "cross_domain" and len({record.trained_on for record in records}) == 1:
        label += f", trained on {trained}"
    return f"{label}, synthetic twins" if any(record.synthetic for record in records) else label


def tested_with(record: FewShotRecord) -> dict[str, Any]:
    """Return what all learners have in common, as far as a record tells."""
    config = record.config
    # How many shots there are is free: each is a column.
    testing = {f"testing.{key}": value for key, value in config["testing"].items() if key != "shots"}
    data = {"data": config["data"]} if "data" in config else {}
    return testing | data | ({"tested_aus": sorted(config["tested_aus"])} if "tested_aus" in config else {})


def trained_with(record: FewShotRecord) -> dict[str, Any]:
    """Return what the tests of a learner have in common beside it, as far as a record tells."""
    config = record.config
    told = training_of(record)
    training = {f"training.{key}": told[key] for key in told.keys() - {"seed", "checkpoint_every"}}
    start = {"start_without": config["start_without"]} if "start_without" in config else {}
    return training | start | {"iterations": record.iterations, "trained_aus": list(record.trained_aus)}
