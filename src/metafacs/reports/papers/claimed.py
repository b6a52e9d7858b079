"""Kinds of claims that papers make; :mod:`metafacs.reports.answers` answers them from records.

Rows are named as in our tables.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Order:
    """One row is better than another.

    Attributes:
        better: Row that the paper has ahead.
        worse: Row that it is compared with.
    """

    better: str
    worse: str


@dataclass(frozen=True)
class HigherF1(Order):
    """The better row has the higher average F1; where records tell it, average AUC is compared as well."""


@dataclass(frozen=True)
class HigherAccuracy(Order):
    """The better row recognises more expressions."""


@dataclass(frozen=True)
class HigherMeanRecall(Order):
    """The better row has the higher mean over classes of the share recognised.

    Attributes:
        classes: Expressions to average over; all of them if none are named.
        of: What these are called.
    """

    classes: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True)
class LowerLandmarkError(Order):
    """The better row finds landmarks more precisely."""


@dataclass(frozen=True)
class HigherFewShotAccuracy(Order):
    """The better learner is more accurate after adaptation."""


@dataclass(frozen=True)
class RisingWeight:
    """A row raises the average weight of some of its pictures during training.

    Attributes:
        row: The row.
        curve: Of its history.
        of: What the curve weighs.
        scale: How its numbers are to be read.
    """

    row: str
    curve: str
    of: str
    scale: str = ""


@dataclass(frozen=True)
class FasterFall:
    """One loss of a row falls faster in training than another.

    Attributes:
        row: The row.
        faster: Curve of its history.
        slower: The other one.
    """

    row: str
    faster: str
    slower: str


@dataclass(frozen=True)
class LowWeightForAmbiguous:
    """A row gives low weight to pictures on whose expression the annotators disagree.

    Attributes:
        row: The row.
    """

    row: str


PaperClaim = Order | RisingWeight | FasterFall | LowWeightForAmbiguous
