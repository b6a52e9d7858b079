"""What a user of a model must know: how its faces are cut, what it has seen, where it may be used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from metafacs.data.splits import Split
from metafacs.faces.alignment import LARGEST_CROP, SMALLEST_CROP, AlignmentSpec
from metafacs.models.model_file import REMEDY, CheckpointError, Count, UsedData, adapted_to
from metafacs.parsing import convert

THRESHOLD = 0.5
"""From which probability on an action unit counts as present, where nothing else was chosen."""


Probability = Annotated[float, Meta(ge=0, le=1)]

Side = Annotated[int, Meta(ge=SMALLEST_CROP, le=LARGEST_CROP)]


class Framing(NamedTuple):
    """How a model's faces are cut out.

    Attributes:
        input_size: Side of the model's input in pixels.
        crop_size: Side of the aligned crop of which it sees the centre.
        alignment: How faces are aligned.
    """

    input_size: int
    crop_size: int
    alignment: AlignmentSpec


@dataclass(frozen=True)
class Description:
    """What is known of a trained model, without paths of the machine that trained it.

    Attributes:
        framing: How its faces are cut out.
        synthetic: Whether it was trained on rendered faces.
        data: What it was trained on, the labelled set first.
        licence: What the training data allow.
        pictures: Stream or role -> number of pictures.
        split: Who trained and who was held out; None for a learner without one.
        seed: Seed of training.
        threshold: Probability from which on an AU counts as present.
        thresholds: AU -> its own threshold, where it has one.
        thresholds_chosen_on: By which pictures, and how, these were chosen; empty where nobody says.
        initialised_from: The model it started from, see :func:`metafacs.models.model_file.origin`; None.
        more: Everything else that is worth a line in a record: batch sizes, augmentation, optimisers, ...
    """

    framing: Framing
    synthetic: bool = False
    data: tuple[UsedData, ...] = ()
    licence: str = ""
    pictures: Mapping[str, int] = field(default_factory=dict)
    split: Split | None = None
    seed: int = 0
    threshold: float = THRESHOLD
    thresholds: Mapping[int, float] = field(default_factory=dict)
    thresholds_chosen_on: Mapping[str, Any] = field(default_factory=dict)
    initialised_from: Mapping[str, Any] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def adapted_to(self) -> str | None:
        """The other data set whose training part the model saw without labels; None if there is none."""
        return adapted_to(self.to_json()) if self.data else None

    @property
    def experimental(self) -> tuple[int, ...]:
        """AUs that are not shown to carry over to real people, as the model says; empty if it says nothing.

        Raises:
            CheckpointError: If what it says is no list of FACS numbers.
        """
        return _experimental(self.more, "the model")

    @property
    def held_out(self) -> Split:
        """Who trained and who was held out.

        Raises:
            CheckpointError: If the model does not say.
        """
        if self.split is None:
            raise CheckpointError("the model does not say whom it was trained on; train it again")
        return self.split

    def threshold_of(self, au: int) -> float:
        """Return the probability from which on an AU counts as present."""
        return self.thresholds.get(au, self.threshold)

    def cut_at(self, threshold: float) -> Description:
        """Return the description with one threshold for every AU."""
        return replace(self, threshold=threshold, thresholds={}, thresholds_chosen_on={})

    def with_more(self, **known: object) -> Description:
        """Return the description with more lines in it."""
        return replace(self, more={**self.more, **known})

    def to_json(self) -> dict[str, Any]:
        """Return plain data for JSON, as the header of a model file and the records hold it."""
        content: dict[str, Any] = {
            "input_size": self.framing.input_size,
            "crop_size": self.framing.crop_size,
            "alignment": asdict(self.framing.alignment),
            "threshold": self.threshold,
            "synthetic": self.synthetic,
            "data": [asdict(used) for used in self.data],
            "licence": self.licence,
            "pictures": dict(self.pictures),
            "split": None if self.split is None else {**asdict(self.split), "hash": self.split.hash},
            "seed": self.seed,
            **self.more,
        }
        if self.thresholds:
            content["thresholds"] = {str(au): value for au, value in self.thresholds.items()}
        if self.thresholds_chosen_on:
            content["thresholds_chosen_on"] = dict(self.thresholds_chosen_on)
        if self.initialised_from is not None:
            content["initialised_from"] = self.initialised_from
        plain: dict[str, Any] = json.loads(json.dumps(content))
        return plain

    @classmethod
    def from_json(cls, content: Mapping[str, Any], model: str = "the model") -> Description:
        """Return the description that a model file holds, of this version or an earlier one.

        Args:
            content: From :meth:`to_json`.
            model: What to call the file in messages.

        Raises:
            CheckpointError: If it does not say how its faces were cut, or holds a value of the wrong kind or
                outside its range.
        """
        source = f"{model}, description"
        known = convert(content, _Stored, source, CheckpointError, "train it again")
        try:
            framing = Framing(
                known.input_size,
                known.crop_size or known.input_size,
                AlignmentSpec.from_mapping(known.alignment),
            )
        except ValueError as error:
            raise CheckpointError(f"{source}, alignment: {error}") from error
        _experimental(content, source)
        stored = {one.name for one in fields(_Stored)}
        return cls(
            framing=framing,
            synthetic=known.synthetic,
            data=known.data,
            licence=known.licence,
            pictures=known.pictures,
            split=known.split,
            seed=known.seed,
            threshold=known.threshold,
            thresholds=known.thresholds,
            thresholds_chosen_on=known.thresholds_chosen_on,
            initialised_from=known.initialised_from,
            more={name: value for name, value in content.items() if name not in stored},
        )


def without_thresholds(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a description says in plain data, without what may be chosen anew after training."""
    chosen = ("threshold", "thresholds", "thresholds_chosen_on")
    return {name: value for name, value in content.items() if name not in chosen}


def _experimental(content: Mapping[str, Any], source: str) -> tuple[int, ...]:
    said = content.get("experimental", ())
    return convert(said, tuple[int, ...], f"{source}, experimental", CheckpointError, REMEDY)


@dataclass(frozen=True)
class _Stored:
    """A description as files hold it."""

    input_size: Side
    alignment: dict[str, Any]
    crop_size: Side | None = None
    synthetic: bool = False
    data: tuple[UsedData, ...] = ()
    licence: str = ""
    pictures: dict[str, Count] = field(default_factory=dict)
    split: Split | None = None
    seed: int = 0
    threshold: Probability = THRESHOLD
    thresholds: dict[int, Probability] = field(default_factory=dict)
    thresholds_chosen_on: dict[str, Any] = field(default_factory=dict)
    initialised_from: dict[str, Any] | None = None
