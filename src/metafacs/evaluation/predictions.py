"""Predictions on a test stream, kept with their targets and people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from metafacs.losses.expression import UNKNOWN_EXPRESSION
from metafacs.models.devices import device_of

if TYPE_CHECKING:
    from metafacs.data.streams import Stream
    from metafacs.methods.base import Method


class NotFiniteError(ValueError):
    """A model tells NaN or infinity, which a threshold would take for absent; the message says how often."""


@dataclass(frozen=True)
class ExpressionPredictions:
    """Which expressions a method saw on test pictures and which they show.

    Attributes:
        names: Expression classes of the columns.
        probabilities: ``sample x expression``, float32, in [0, 1].
        targets: ``sample``, int64, index into ``names``; -1 unknown.
    """

    names: tuple[str, ...]
    probabilities: np.ndarray
    targets: np.ndarray

    def __post_init__(self) -> None:
        if self.probabilities.shape != (len(self.targets), len(self.names)):
            raise ValueError(
                f"{len(self.targets)} targets and {len(self.names)} expressions do not fit probabilities of "
                f"shape {self.probabilities.shape}"
            )
        _refuse_not_finite(self.probabilities)


@dataclass(frozen=True)
class Predictions:
    """What a method said about test pictures and what is true.

    Attributes:
        aus: FACS numbers of the columns.
        probabilities: ``sample x au``, float32, in [0, 1].
        targets: ``sample x au``, float32, 1 present, 0 absent, NaN unknown.
        subjects: ``sample``, id of the person; all empty where the data set does not tell its people.
        index: ``sample``, row in the prepared store.
        expressions: The same for expressions; None if the method or the pictures have none.
    """

    aus: tuple[int, ...]
    probabilities: np.ndarray
    targets: np.ndarray
    subjects: np.ndarray
    index: np.ndarray
    expressions: ExpressionPredictions | None = None

    def __post_init__(self) -> None:
        shape = (len(self.subjects), len(self.aus))
        if self.probabilities.shape != shape or self.targets.shape != shape or len(self.index) != shape[0]:
            raise ValueError(
                f"{shape[0]} subjects and {shape[1]} AUs do not fit probabilities of shape "
                f"{self.probabilities.shape}, targets of shape {self.targets.shape} "
                f"and {len(self.index)} rows"
            )
        _refuse_not_finite(self.probabilities)
        if self.expressions is not None and len(self.expressions.targets) != shape[0]:
            raise ValueError(f"{shape[0]} subjects do not fit {len(self.expressions.targets)} expressions")
        known = self.subjects != ""
        if known.any() and not known.all():
            raise ValueError(
                f"{int((~known).sum())} of {len(known)} test pictures have no known person; test on pictures "
                "whose people are all known, or on a data set that tells none"
            )

    @property
    def people_known(self) -> bool:
        """Whether the data set tells who is on the pictures."""
        return bool((self.subjects != "").any())


def _refuse_not_finite(probabilities: np.ndarray) -> None:
    """Raise a NotFiniteError for what is no probability."""
    if count := int((~np.isfinite(probabilities)).any(axis=1).sum()):
        raise NotFiniteError(
            f"of {count} of {len(probabilities)} pictures the model tells NaN or infinity instead of a "
            "probability: its training has diverged"
        )


def collect_predictions(method: Method, stream: Stream) -> Predictions:
    """Predict every picture of a stream once, in order, in evaluation mode.

    Expressions are collected where the method recognises all the classes of the stream's store; classes are
    matched by name. A stream without action units has unknown AU labels.

    Args:
        method: The trained method; its training mode is restored afterwards.
        stream: Labelled test pictures, centre-cropped.

    Returns:
        Predictions with the columns of ``method.aus`` and ``method.expressions``.

    Raises:
        NotFiniteError: If what the method says is no number.
        ValueError: If the stream's AUs are not the method's, some but not all pictures have a known person,
            or there is no label to compare with.
    """
    if stream.aus and tuple(stream.aus) != tuple(method.aus):
        raise ValueError(f"the detector predicts AUs {list(method.aus)}, the stream has {list(stream.aus)}")
    names = _recognised(method, stream)
    if not stream.aus and not names:
        raise ValueError(
            f"the pictures have neither action units nor expressions that the method knows: it recognises "
            f"{list(method.expressions)}, the store has {list(stream.store.expressions)}"
        )
    was_training = method.training
    method.eval()
    probabilities, targets, index = [], [], []
    recognised, shown = [], []
    try:
        with torch.inference_mode():
            for positions in stream.sequential():
                batch = stream.at(positions)
                predicted = method.predict(batch.images.to(device_of(method)))
                probabilities.append(predicted.probabilities.float().cpu().numpy())
                unknown = torch.full((len(batch), len(method.aus)), torch.nan)
                targets.append((batch.require("action_units").float() if stream.aus else unknown).numpy())
                index.append(batch.require("index").numpy())
                if names:
                    assert predicted.expressions is not None
                    recognised.append(predicted.expressions.float().cpu().numpy())
                    shown.append(batch.require("expression").numpy())
    finally:
        method.train(was_training)
    rows = np.concatenate(index)
    expressions = None
    if names:
        # The store's class order is not the method's; the last entry is for -1, unknown.
        codes = np.array([*map(names.index, stream.store.expressions), UNKNOWN_EXPRESSION])
        expressions = ExpressionPredictions(names, np.concatenate(recognised), codes[np.concatenate(shown)])
    return Predictions(
        tuple(method.aus),
        np.concatenate(probabilities),
        np.concatenate(targets),
        np.asarray(stream.store.subjects)[rows],
        rows,
        expressions,
    )


def _recognised(method: Method, stream: Stream) -> tuple[str, ...]:
    """Return the method's expression classes if they cover the store's, else none."""
    present = stream.store.expressions
    return tuple(method.expressions) if present and set(present) <= set(method.expressions) else ()
