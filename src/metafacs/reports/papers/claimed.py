"""Kinds of claims that papers make; :mod:`metafacs.reports.answers` answers them from records.

Those on few-shot learners are answered by :mod:`metafacs.reports.few_shot_claims`. Rows are named as in our
tables. A claim is made for the data that a paper's sentence speaks of, and is answered for no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Data = tuple[str, str]
"""Names of the data sets trained and tested on, as the readers call them."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """What all claims have in common.

    Attributes:
        on: Data that it is made for; none where the paper does not say which.
    """

    on: tuple[Data, ...] = ()

    def is_made_on(self, data: Data) -> bool:
        """Return whether it is made for such data."""
        return not self.on or data in self.on


@dataclass(frozen=True)
class Order(Made):
    """One row is better than another.

    Attributes:
        better: Row that the paper has ahead.
        worse: Row that it is compared with.
    """

    better: str
    worse: str


@dataclass(frozen=True)
class HigherF1(Order):
    """The better row has the higher average F1; where records tell it, average AUC is compared as well.

    Attributes:
        aus: FACS numbers to average over, as far as the data have them; all of the data's if none are named.
            Of some AUs only F1 is compared: what a person makes of the AUC is told of all AUs together.
    """

    aus: tuple[int, ...] = ()


@dataclass(frozen=True)
class HigherDetectionAccuracy(Order):
    """The better row tells more of the labels of action units rightly."""


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


Move = Literal["falls", "rises"]


@dataclass(frozen=True)
class Course(Made):
    """A learned weight of a row goes up and down during training in the order given.

    Attributes:
        row: The row.
        curve: Of its history.
        of: What the curve weighs.
        moves: Its moves, one after the other.
    """

    row: str
    curve: str
    of: str
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class GrowingFewShotLead(Order):
    """How much more accurate the better learner is grows with the number of shots."""


@dataclass(frozen=True)
class FewShotsSuffice(Made):
    """A learner is hardly more accurate with many shots than with few.

    Attributes:
        row: The learner.
        within: Difference in accuracy that is still hardly one.
    """

    row: str
    within: float


@dataclass(frozen=True)
class SteepFirstStep(Made):
    """The first gradient step makes a learner more accurate, and more so than all later ones together.

    Attributes:
        row: The learner.
    """

    row: str


@dataclass(frozen=True)
class Transfer(Made):
    """How a learner trained on one data set compares to it trained on another one, on the same people.

    Attributes:
        row: The learner, with the most shots.
        data: Data sets trained on.
        aus: AUs to average over; all of them if none are named.
    """

    row: str
    data: tuple[str, str]
    aus: tuple[int, ...] = ()


@dataclass(frozen=True)
class BetterTransfer(Transfer):
    """It is more accurate trained on the first data set."""


@dataclass(frozen=True, kw_only=True)
class EqualTransfer(Transfer):
    """It is as accurate trained on the one data set as on the other.

    Attributes:
        within: Difference in accuracy that is still hardly one.
    """

    within: float


@dataclass(frozen=True)
class RisingWeight(Made):
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
class FasterFall(Made):
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
class LowWeightForAmbiguous(Made):
    """A row gives low weight to pictures on whose expression the annotators disagree.

    Attributes:
        row: The row.
    """

    row: str


FewShotClaim = FewShotsSuffice | SteepFirstStep | Transfer
PaperClaim = Order | Course | RisingWeight | FasterFall | LowWeightForAmbiguous | FewShotClaim
