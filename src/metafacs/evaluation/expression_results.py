"""What a record holds about expression recognition: a confusion matrix, and intervals of its scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import torch
from msgspec import Meta

from metafacs.metrics.expression import class_recalls, expression_accuracy, mean_recall

Count = Annotated[int, Meta(ge=0, lt=1 << 53)]
"""How many there are of something."""

Unit = Literal["subjects", "pictures"]
"""What an interval resamples: people, or single pictures where a data set does not tell its people."""


@dataclass(frozen=True)
class ExpressionIntervals:
    """Bootstrap intervals of the scores of expression recognition.

    Attributes:
        accuracy: Lower and upper bound, in [0, 1].
        mean_recall: Lower and upper bound, in [0, 1].
        level: Nominal coverage, e.g. 0.95.
        bootstrap: Number of resamples.
        over: What was resampled.
    """

    accuracy: tuple[float, float]
    mean_recall: tuple[float, float]
    level: float
    bootstrap: Count
    over: Unit


@dataclass(frozen=True)
class ExpressionResult:
    """How the expressions of the test pictures were recognised.

    In a file it has the keys ``names``, ``accuracy``, ``mean_recall``, ``recalls`` and ``pictures`` (both by
    name), ``confusion``, ``recognised``, ``intervals`` (or ``null``) and, where people are known,
    ``by_subject``. What follows from the confusion matrix is written for readers and not read back.

    Attributes:
        names: Expression classes.
        confusion: Number of pictures; row = true class, column = predicted class.
        recognised: One character per picture whose expression is known, in the order of the test: 1
            recognised, 0 not. Methods are compared picture by picture.
        intervals: Bootstrap intervals; None without a bootstrap.
        by_subject: Subject id -> pictures recognised, and pictures whose expression is known; empty where
            people are unknown and in files of earlier versions.
    """

    names: tuple[str, ...]
    confusion: tuple[tuple[Count, ...], ...]
    recognised: str
    intervals: ExpressionIntervals | None = None
    by_subject: dict[str, tuple[Count, Count]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = len(self.names)
        if not size or len(set(self.names)) != size:
            raise ValueError(f"expression classes need different names, but are {list(self.names)}")
        if len(self.confusion) != size or any(len(row) != size for row in self.confusion):
            raise ValueError(f"the confusion matrix of {size} expressions must be {size} x {size}")
        if any(count < 0 for row in self.confusion for count in row):
            raise ValueError("the confusion matrix holds a negative number of pictures")
        right, wrong = self.recognised.count("1"), self.recognised.count("0")
        found = sum(row[place] for place, row in enumerate(self.confusion))
        if (right, right + wrong) != (found, sum(map(sum, self.confusion))):
            raise ValueError("the pictures recognised are not those of the confusion matrix")
        if self.by_subject:
            each = self.by_subject.values()
            if any(not 0 <= correct <= known or not known for correct, known in each):
                raise ValueError("a subject has 1 or more pictures, and as many recognised at most")
            if tuple(map(sum, zip(*each, strict=True))) != (right, right + wrong):
                raise ValueError("the pictures of the subjects are not those recognised and not recognised")

    @cached_property
    def _counts(self) -> torch.Tensor:
        return torch.tensor(self.confusion)

    @property
    def accuracy(self) -> float:
        """Share of the pictures recognised, in [0, 1]; NaN without pictures."""
        return float(expression_accuracy(self._counts))

    @property
    def mean_recall(self) -> float:
        """Mean over classes of the share recognised, "Diag." of the RAF-CE paper."""
        return float(mean_recall(self._counts))

    @property
    def recalls(self) -> dict[str, float]:
        """Share recognised by class; NaN for a class without pictures."""
        return dict(zip(self.names, class_recalls(self._counts).tolist(), strict=True))

    @property
    def pictures(self) -> dict[str, int]:
        """Test pictures by class."""
        return dict(zip(self.names, self._counts.sum(dim=1).tolist(), strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values, NaN included."""
        intervals = self.intervals
        by_subject = {subject: list(counts) for subject, counts in self.by_subject.items()}
        return {
            "names": list(self.names),
            "accuracy": self.accuracy,
            "mean_recall": self.mean_recall,
            "recalls": self.recalls,
            "pictures": self.pictures,
            "confusion": [list(row) for row in self.confusion],
            "recognised": self.recognised,
            "intervals": None
            if intervals is None
            else {
                "accuracy": list(intervals.accuracy),
                "mean_recall": list(intervals.mean_recall),
                "level": intervals.level,
                "bootstrap": intervals.bootstrap,
                "over": intervals.over,
            },
            **({"by_subject": by_subject} if by_subject else {}),
        }
