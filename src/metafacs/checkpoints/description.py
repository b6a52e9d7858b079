"""What a user of a model must know: how its faces are cut, what it has seen, where it may be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from metafacs.data.splits import Split
from metafacs.faces.alignment import AlignmentSpec
from metafacs.models.model_file import CheckpointError, adapted_to

THRESHOLD = 0.5
"""From which probability on an action unit counts as present, where nothing else was chosen."""


ValueT = TypeVar("ValueT")

_NEEDED = object()


class UsedData(NamedTuple):
    """A prepared store that a model was trained on.

    Attributes:
        dataset: Name of the data set.
        synthetic: Whether its faces are rendered.
        twin: What the twin says of itself; None for a licensed set.
        labels_hash: Digest of the labels.
    """

    dataset: str
    synthetic: bool = False
    twin: Mapping[str, Any] | None = None
    labels_hash: str = ""


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
        said = self.more.get("experimental", [])
        if not isinstance(said, (list, tuple)) or not all(type(au) is int for au in said):
            raise CheckpointError(f"the model's experimental AUs are no list of FACS numbers: {said!r}")
        return tuple(said)

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
            "data": [used._asdict() for used in self.data],
            "licence": self.licence,
            "pictures": dict(self.pictures),
            "split": None if self.split is None else {**asdict(self.split), "hash": self.split.hash},
            "seed": self.seed,
            **self.more,
        }
        if self.thresholds:
            content["thresholds"] = {str(au): value for au, value in self.thresholds.items()}
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
            CheckpointError: If it does not say how its faces were cut, or holds a value of the wrong kind.
        """
        rest = dict(content)

        def taken(name: str, read: Callable[[Any], ValueT], usual: object = _NEEDED) -> ValueT:
            value = rest.pop(name, usual)
            if value is _NEEDED:
                raise CheckpointError(
                    f"{model} does not say its {name}; train it with this version of metafacs"
                )
            try:
                return read(value)
            except (TypeError, ValueError, AttributeError, KeyError) as error:
                raise CheckpointError(
                    f"{model} holds a {name} of the wrong kind ({error}); train it again"
                ) from error

        size = taken("input_size", int)
        return cls(
            framing=Framing(
                size, taken("crop_size", int, size), taken("alignment", AlignmentSpec.from_mapping)
            ),
            synthetic=taken("synthetic", bool, False),
            data=taken("data", lambda used: tuple(UsedData(**one) for one in used), ()),
            licence=taken("licence", str, ""),
            pictures=taken("pictures", lambda found: {str(k): int(n) for k, n in found.items()}, {}),
            split=taken("split", lambda known: None if known is None else Split.from_mapping(known), None),
            seed=taken("seed", int, 0),
            threshold=taken("threshold", float, THRESHOLD),
            # JSON turned the AU numbers into strings.
            thresholds=taken("thresholds", lambda own: {int(au): float(v) for au, v in own.items()}, {}),
            initialised_from=rest.pop("initialised_from", None),
            more=rest,
        )
