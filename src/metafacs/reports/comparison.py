"""Records of one data set, grouped once into the rows that tables, figures and claims are about."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from metafacs.data.facts import dataset_title
from metafacs.differences import contradictions
from metafacs.evaluation.pairing import tested_apart
from metafacs.evaluation.records import Record
from metafacs.models.model_file import DECIDES_AT, FINGERPRINT
from metafacs.reports.named_paper import in_order, paper_of
from metafacs.reports.options import options_of, told
from metafacs.reports.papers.claimed import Data, PaperClaim
from metafacs.reports.papers.paper import Paper, PrintedExpressions, PrintedF1
from metafacs.reports.style import row_colours
from metafacs.texts import shown

_LONGEST_ROW = 200
"""Letters of a row's name with its options."""

_ALIKE = (
    *("data", "input_size", "crop_size", "alignment", "augmentation", "batch"),
    *("iterations", "optimizers", "precision", "computing"),
)
"""What the configurations of a row's runs have in common, beside the options."""


class Comparison:
    """Runs of any number of methods on one data set (or twin) and split.

    A record is of the row of its paper that holds it, else of the row that its comparison named, else of one
    of its method. Where the records of a row differ in options, each kind is a row, its options behind the
    name.

    Args:
        records: The runs.
        paper: Paper of records that name none; without one nothing printed is known and no claim made.

    Attributes:
        all_records: The runs, those that lost among them.
        records: The sound runs; every score is theirs.
        paper: The paper; None if there is none.
        names: Names of the rows; the paper's in the paper's order, then the others by name.
        rows: Name of the row -> its sound runs; a row without any is left out.
        lost: Name of the row -> its runs that lost; a row without any is left out.

    Raises:
        ValueError: If there are no records with scores, they are not all of one data set and split or not all
            judged at thresholds that were chosen alike, they belong to different papers, the runs of a row
            were not made alike, or sound runs were tested on different AUs or, in one fold, on different
            people or labels.
    """

    def __init__(self, records: Sequence[Record], paper: Paper | None = None) -> None:
        places = {(r.data.name, r.data.synthetic, r.data.twin_seed, r.data.split) for r in records}
        if len(places) != 1:
            raise ValueError(
                f"one table is of one data set and split, but the records have {sorted(map(str, places))}"
                if places
                else "there are no records to report"
            )
        sound = tuple(record for record in records if record.lost is None)
        if not sound:
            raise ValueError(
                f"every run was lost, so there are no scores to report; the first: {records[0].lost}"
            )
        if len(judged := sorted({record.judged_at for record in sound})) > 1:
            raise ValueError(
                "one table is of one kind of thresholds, but the records were judged at "
                f"{' and '.join(judged)}: report each alone, or test them alike with "
                "'metafacs evaluate --thresholds'"
            )
        self.all_records, self.records = tuple(records), sound
        self.paper = paper_of((record.paper for record in records), paper)
        self._kinds: dict[str, str] = {}
        grouped = self._grouped()
        for name, runs in grouped.items():
            _refuse_unlike(name, runs)
        self.names = tuple(grouped)
        self.rows = _chosen(grouped, lambda record: record.lost is None)
        self.lost = _chosen(grouped, lambda record: record.lost is not None)
        _refuse_other_tests(self.rows)

    def _grouped(self) -> dict[str, list[Record]]:
        theirs = {row.name for row in self.paper.rows} if self.paper else set()
        kinds: dict[str, list[Record]] = defaultdict(list)
        short = _short_names({record.method for record in self.all_records})
        for record in self.all_records:
            row = self.paper.row(record.label, record.method, options_of(record)) if self.paper else None
            own = shown(record.label or short[record.method])
            kinds[row.name if row else f"{own} (not the paper's)" if own in theirs else own].append(record)
        rows: dict[str, list[Record]] = {}
        for kind in in_order(kinds, self.paper):
            for name, runs in _apart(kind, kinds[kind]).items():
                rows.setdefault(name, []).extend(runs)
                self._kinds[name] = kind
        return rows

    def of(self, kind: str) -> dict[str, list[Record]]:
        """Return the rows that stand for a row of the paper: none, one, or one per set of options.

        Their runs are the sound ones; a row may have none.
        """
        return {name: self.rows.get(name, []) for name in self.names if self._kinds[name] == kind}

    def printed_name(self, name: str) -> str:
        """Return how the paper's tables call a row; empty if they do not have it."""
        rows = self.paper.rows if self.paper else ()
        return next((row.printed for row in rows if row.name == self._kinds[name]), "")

    def losses_in_words(self, name: str) -> str:
        """Return how many runs of a row lost, e.g. ``1 of 3 runs lost``; empty if none did."""
        lost = len(self.lost.get(name, ()))
        return f"{lost} of {lost + len(self.rows.get(name, ()))} runs lost" if lost else ""

    def only(self, chosen: Callable[[Record], bool]) -> Comparison:
        """Return the comparison of some of the records.

        Raises:
            ValueError: If it has none of them.
        """
        return Comparison([record for record in self.all_records if chosen(record)], self.paper)

    @cached_property
    def colours(self) -> dict[str, str]:
        """Name of each row's colour, that of the paper's row where it has one."""
        given = self.paper.colours if self.paper else {}
        known = {kind: given[kind] for kind in self.names if kind in given}
        return row_colours(list(self.names), known)

    @property
    def label(self) -> str:
        """What was tested on, in words, e.g. ``BP4D twin, synthetic``."""
        name = self.dataset
        return f"{name} twin, synthetic" if self.synthetic else name

    @property
    def dataset(self) -> str:
        """Name of the data set tested on, as it is printed."""
        return shown(dataset_title(self.records[0].data.name))

    @property
    def synthetic(self) -> bool:
        """Whether faces are rendered."""
        return self.records[0].data.synthetic

    @property
    def tag(self) -> str:
        """What every column of measured scores says of them."""
        return "synthetic" if self.synthetic else ""

    @property
    def aus(self) -> tuple[int, ...]:
        """FACS numbers tested, the same in every row; in the order of the first run."""
        return self.records[0].aus

    @cached_property
    def people(self) -> int:
        """Number of people tested on over all folds; 0 where the data set does not tell them."""
        return len({(r.data.fold, subject) for r in self.records for subject in r.per_subject if subject})

    @property
    def held_out(self) -> str:
        """What the methods were tested on, in words."""
        return "held-out people" if self.people else "held-out pictures"

    @property
    def thresholds_in_words(self) -> str:
        """From which probability on AUs counted as present, a sentence."""
        kind = self.records[0].judged_at
        at = {
            "validation": "its threshold of best F1 on validation people",
            "the model's own": "the model's own threshold",
        }.get(kind, kind)
        return f"An AU counts as present where its probability reaches {at}."

    @cached_property
    def presence_rates(self) -> dict[int, float]:
        """Share of known test labels that are positive, per AU, over the people of all folds."""
        present: Counter[int] = Counter()
        known: Counter[int] = Counter()
        people = {
            (record.data.fold, subject): (record.aus, counts)
            for record in self.records
            for subject, counts in record.per_subject.items()
        }
        for aus, counts in people.values():
            for column, au in enumerate(aus):
                present[au] += counts["tp"][column] + counts["fn"][column]
                known[au] += sum(count[column] for count in counts.values())
        return {au: present[au] / known[au] if known[au] else math.nan for au in self.aus}

    @cached_property
    def runs_in_words(self) -> str:
        """What a mean and its spread are over: sound runs only."""
        folds, seeds = {r.data.fold for r in self.records}, {r.seed for r in self.records}
        if len(folds) * len(seeds) == 1:
            return "one fold and one seed, so without a spread over runs"
        words = f"mean ± standard deviation over {_count(folds, 'fold')} and {_count(seeds, 'seed')}"
        counts = {name: len(runs) for name, runs in self.rows.items()}
        fewer = [f"{name} {count} runs" for name, count in counts.items() if count < max(counts.values())]
        words = f"{words} (of {', '.join(fewer)} only)" if fewer else words
        stores = {r.data.store for r in self.records if r.data.store and r.data.twin_seed is not None}
        words += f", the twin rendered {len(stores)} times" if len(stores) > 1 else ""
        losses = [f"{name} {told}" for name in self.names if (told := self.losses_in_words(name))]
        return f"{words}, without those that were lost: {', '.join(losses)}" if losses else words

    @property
    def data(self) -> Data:
        """Names of the data sets trained and tested on."""
        tested, config = self.records[0].data.name, self.records[0].config
        return (config["data"][0]["dataset"] if "data" in config else tested), tested

    @property
    def claimed(self) -> tuple[PaperClaim, ...]:
        """What the paper says of its rows on these data."""
        return self.paper.claims_on(self.data) if self.paper else ()

    @property
    def printed_f1(self) -> PrintedF1 | None:
        """What the paper prints of F1 for these data; None if nothing."""
        return self.paper.f1.get(self.data) if self.paper else None

    @property
    def printed_expressions(self) -> PrintedExpressions | None:
        """What the paper prints of expressions for these data; None if nothing."""
        return self.paper.expressions.get(self.data) if self.paper else None


def _chosen(
    rows: Mapping[str, Sequence[Record]], chosen: Callable[[Record], bool]
) -> dict[str, list[Record]]:
    """Return the rows that have such runs, with these only."""
    found = {name: [run for run in runs if chosen(run)] for name, runs in rows.items()}
    return {name: runs for name, runs in found.items() if runs}


def _short_names(methods: set[str]) -> dict[str, str]:
    """Return method -> name: that of a foreign ``module:Class`` is its class's, if no other has the same."""
    short = {method: method.rpartition(":")[2] for method in methods}
    counts = Counter(short.values())
    return {method: name if counts[name] == 1 else method for method, name in short.items()}


def _apart(kind: str, runs: Sequence[Record]) -> dict[str, list[Record]]:
    """Return the runs by name: one, or one per set of options with those that differ behind it."""
    options = [{name: told(value) for name, value in options_of(run).items()} for run in runs]
    names = sorted({name for found in options for name in found})
    # What a run does not tell cannot be said to differ.
    differing = [name for name in names if len({found[name] for found in options if name in found}) > 1]
    rows: dict[str, list[Record]] = defaultdict(list)
    for run, found in zip(runs, options, strict=True):
        name = ", ".join([kind, *(f"{n} {found[n]}" for n in differing if n in found)])
        rows[shown(name, _LONGEST_ROW)].append(run)
    return dict(sorted(rows.items()))


def _refuse_unlike(row: str, runs: Sequence[Record]) -> None:
    """Refuse a row whose mean would be over different things.

    Raises:
        ValueError: Naming the row, and what differs.
    """
    if told := contradictions(map(_made_of, runs)):
        raise ValueError(f"the runs of {row} were not made alike: {told}; report each comparison alone")


def _refuse_other_tests(rows: Mapping[str, Sequence[Record]]) -> None:
    """Refuse sound runs whose scores are of different things.

    Raises:
        ValueError: Naming the rows, and what differs.
    """
    runs = [(name, run) for name, found in rows.items() for run in found]
    firsts: dict[int, tuple[str, Record]] = {}
    for name, run in runs:
        fold = run.data.fold
        other_name, other = firsts.setdefault(fold, (name, run))
        if set(run.aus) != set(runs[0][1].aus):
            other_name, other = runs[0]
        if told := tested_apart([other], [run]):
            raise ValueError(
                f"the runs of {' and '.join(dict.fromkeys((other_name, name)))} {told}; report each alone"
            )


def _made_of(run: Record) -> dict[str, Any]:
    """Return what a run was made and tested with, as far as it tells."""
    made = {key: run.config[key] for key in _ALIKE if key in run.config}
    if isinstance(told := run.config.get("run"), Mapping):
        made |= {f"run.{key}": told[key] for key in ("code", "optimizers") if key in told}
    made |= _labelled_by(run.config.get("pseudo_labels"))
    # A twin that another machine has rendered differs by its rounding; the tables tell so.
    known = run.data.store and run.data.twin_seed is None
    return made | ({"tested_on": run.data.store} if known else {})


def _labelled_by(detector: object) -> dict[str, Any]:
    """Return what a run says of the thresholds at which pictures were labelled for it.

    Each fold and seed may have a detector of its own: all have one number, or theirs from the same kind of
    people, and the same detector has the same ones.
    """
    told = detector.get(DECIDES_AT) if isinstance(detector, Mapping) else None
    if not isinstance(detector, Mapping) or not isinstance(told, Mapping):
        return {}  # a table, or a record of an earlier version
    given = (told.get(key) for key in ("thresholds", "chosen_on"))
    thresholds, chosen_on = (dict(value) if isinstance(value, Mapping) else {} for value in given)
    numbers = {str(value) for value in thresholds.values()}
    own = numbers.pop() if len(numbers) == 1 else "the model's own"
    return {
        "pseudo_labels.thresholds": chosen_on.get("side", own),
        f"pseudo_labels.thresholds of {detector.get(FINGERPRINT)}": thresholds,
    }


def _count(items: set[int], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
