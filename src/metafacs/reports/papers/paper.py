"""What a paper is to the reports: its rows, its printed numbers and its claims, all of them data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from metafacs.reports.papers.claimed import Data, PaperClaim


@dataclass(frozen=True)
class Row:
    """A row of a paper's tables that a method of ours stands for.

    Attributes:
        name: Of the row in our tables.
        method: Of the records that belong to it.
        options: What sets these records apart from others of the method: option -> value.
        labels: Names that comparisons give such records, beside the row's own.
        printed: Name of the row in the printed tables; empty if it is not printed.
        colour: Name of a colour of the house palette; empty for a spare one.
    """

    name: str
    method: str
    options: Mapping[str, object] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    printed: str = ""
    colour: str = ""

    def holds(self, label: str, method: str, options: Mapping[str, object]) -> bool:
        """Return whether a record is of this row; a label must be one of the row's, its options must fit."""
        named = not label or label in (self.name, *self.labels)
        return named and method == self.method and all(options.get(k) == v for k, v in self.options.items())


@dataclass(frozen=True)
class PrintedF1:
    """A printed table of F1 per AU.

    Attributes:
        printed_in: Number of the table.
        data: Data set as the paper names it.
        aus: FACS numbers of the columns.
        f1: Printed row -> F1 per AU in percent, where it is printed.
        average: Printed row -> printed average in percent; rounding may set it off from the row's mean.
        accuracy: Printed row -> accuracy averaged over the AUs in percent, where it is printed.
    """

    printed_in: str
    data: str
    aus: tuple[int, ...]
    f1: Mapping[str, tuple[float, ...]]
    average: Mapping[str, float]
    accuracy: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PrintedExpressions:
    """Printed scores of expression recognition.

    Attributes:
        printed_in: Numbers of the tables.
        data: Data set as the paper names it.
        expressions: Classes of the columns.
        pictures: Test pictures per class, as far as the printed percentages tell.
        recalls: Printed row -> share recognised of each class in percent, where it is printed.
        accuracy: Printed row -> share recognised in percent.
        mean_recall: Printed row -> mean over classes of the share recognised in percent.
    """

    printed_in: str
    data: str
    expressions: tuple[str, ...]
    pictures: tuple[int, ...]
    recalls: Mapping[str, tuple[float, ...]]
    accuracy: Mapping[str, float]
    mean_recall: Mapping[str, float]


@dataclass(frozen=True)
class PrintedLandmarks:
    """A printed table of landmark errors.

    Attributes:
        printed_in: Number of the table.
        errors: Printed row -> mean error and failure rate in percent.
    """

    printed_in: str
    errors: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class PrintedAccuracies:
    """Accuracies of one printed few-shot table.

    Attributes:
        printed_in: Number of the table.
        data: Data sets as the paper names them.
        aus: FACS numbers of the rows.
        accuracy: (printed learner, shots) -> accuracy per AU.
        average: (printed learner, shots) -> printed average.
    """

    printed_in: str
    data: str
    aus: tuple[int, ...]
    accuracy: Mapping[tuple[str, int], tuple[float, ...]]
    average: Mapping[tuple[str, int], float]


@dataclass(frozen=True)
class TrainingCurves:
    """A figure of losses, learned weights and accuracies over the iterations.

    Attributes:
        printed_in: Number of the figure by the data trained and tested on, where the paper has one.
        losses: Rows whose losses per task are drawn, one panel each.
        weights: Rows whose average weights per task are drawn, one panel each.
        gains: Rows of which it is drawn by how much weight on the pictures of each task lowers the validation
            loss, one panel each.
        accuracy: Rows whose share of recognised expressions is drawn, in one panel.
        note: How the weights are to be read.
    """

    printed_in: Mapping[Data, str] = field(default_factory=dict)
    losses: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    gains: tuple[str, ...] = ()
    accuracy: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Paper:
    """A paper that comparisons are made for.

    Attributes:
        name: How a comparison names it.
        citation: Authors and title.
        rows: Of its tables, in their order; a record is of the first row that holds it.
        f1: Tables of F1 by the data trained and tested on.
        expressions: Tables of expression recognition, likewise.
        landmarks: Tables of landmark errors by the data tested on.
        few_shot: Tables of few-shot accuracies by the data trained and tested on.
        claims: What it says of its rows.
        curves: Its figure of losses and weights over the iterations.
    """

    name: str
    citation: str
    rows: tuple[Row, ...]
    f1: Mapping[Data, PrintedF1] = field(default_factory=dict)
    expressions: Mapping[Data, PrintedExpressions] = field(default_factory=dict)
    landmarks: Mapping[str, PrintedLandmarks] = field(default_factory=dict)
    few_shot: Mapping[Data, PrintedAccuracies] = field(default_factory=dict)
    claims: tuple[PaperClaim, ...] = ()
    curves: TrainingCurves | None = None

    @property
    def colours(self) -> dict[str, str]:
        """Row -> name of its colour, where it has one."""
        return {row.name: row.colour for row in self.rows if row.colour}

    def claims_on(self, data: Data) -> tuple[PaperClaim, ...]:
        """Return what it says of its rows on such data."""
        return tuple(claim for claim in self.claims if claim.is_made_on(data))

    def row(self, label: str, method: str, options: Mapping[str, object]) -> Row | None:
        """Return the row that a record belongs to; None if to none."""
        return next((row for row in self.rows if row.holds(label, method, options)), None)
