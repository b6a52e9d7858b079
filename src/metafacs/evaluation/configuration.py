"""What a record's configuration says that reports ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from metafacs.checkpoints.description import THRESHOLD, Probability
from metafacs.evaluation.record_files import REMEDY, RecordError
from metafacs.parsing import convert


@dataclass(frozen=True)
class _Used:
    dataset: str


@dataclass(frozen=True)
class Configuration:
    """A configuration as far as reports know it.

    Attributes:
        options: Options of the method.
        data: What it was trained on, the labelled set first; may be empty.
        threshold: Probability from which on an AU counts as present.
        thresholds: AU -> its own threshold, where it has one.
        thresholds_chosen_on: By which pictures, and how, these were chosen.
    """

    options: dict[str, Any] = field(default_factory=dict)
    data: Annotated[tuple[_Used, ...], Meta(min_length=1)] = ()
    threshold: Probability = THRESHOLD
    thresholds: dict[int, Probability] = field(default_factory=dict)
    thresholds_chosen_on: dict[str, Any] = field(default_factory=dict)

    @property
    def judged_at(self) -> str:
        """What the thresholds are: a number for all, or how each was chosen."""
        if self.thresholds_chosen_on.get("side") == "validation":
            return "validation"
        return "the model's own" if self.thresholds else f"{self.threshold:g}"

    def threshold_of(self, au: int) -> float:
        """Return the probability from which on an AU counts as present."""
        return self.thresholds.get(au, self.threshold)


@dataclass(frozen=True)
class _Configured:
    config: Configuration


def configuration_of(config: Mapping[str, Any]) -> Configuration:
    """Return what a record's configuration says.

    Raises:
        RecordError: If it holds something else than it should.
    """
    return convert({"config": config}, _Configured, "the record", RecordError, REMEDY).config
