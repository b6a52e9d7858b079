"""Predictions on a test stream, kept with their targets and people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from metafacs.data.streams import Stream
    from metafacs.methods.base import Method


@dataclass(frozen=True)
class Predictions:
    """What a detector said about test pictures and what is true.

    Attributes:
        aus: FACS numbers of the columns.
        probabilities: ``sample x au``, float32, in [0, 1].
        targets: ``sample x au``, float32, 1 present, 0 absent, NaN unknown.
        subjects: ``sample``, id of the person.
        index: ``sample``, row in the prepared store.
    """

    aus: tuple[int, ...]
    probabilities: np.ndarray
    targets: np.ndarray
    subjects: np.ndarray
    index: np.ndarray

    def __post_init__(self) -> None:
        shape = (len(self.subjects), len(self.aus))
        if self.probabilities.shape != shape or self.targets.shape != shape or len(self.index) != shape[0]:
            raise ValueError(
                f"{shape[0]} subjects and {shape[1]} AUs do not fit probabilities of shape "
                f"{self.probabilities.shape}, targets of shape {self.targets.shape} "
                f"and {len(self.index)} rows"
            )


def collect_predictions(
    method: Method,
    stream: Stream,
    *,
    device: torch.device | str = "cpu",
    batch_size: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> Predictions:
    """Predict every picture of a stream once, in order, in evaluation mode.

    Args:
        method: The trained detector; its training mode is restored afterwards.
        stream: Labelled test pictures, centre-cropped.
        device: Where the method's parameters are.
        batch_size: Pictures at a time; the stream's own if None.
        advance: Called with the number of pictures done after each batch, to draw progress.

    Returns:
        Predictions with the columns of ``method.aus``.

    Raises:
        ValueError: If the stream's AUs are not the method's, or a picture has no known person.
    """
    if tuple(stream.aus) != tuple(method.aus):
        raise ValueError(f"the detector predicts AUs {list(method.aus)}, the stream has {list(stream.aus)}")
    was_training = method.training
    method.eval()
    probabilities, targets, index = [], [], []
    try:
        with torch.inference_mode():
            for positions in stream.sequential(batch_size):
                batch = stream.at(positions)
                predicted = method.predict(batch.images.to(device)).probabilities
                probabilities.append(predicted.float().cpu().numpy())
                targets.append(batch.require("action_units").float().numpy())
                index.append(batch.require("index").numpy())
                if advance is not None:
                    advance(len(positions))
    finally:
        method.train(was_training)
    rows = np.concatenate(index)
    subjects = np.asarray(stream.store.subjects)[rows]
    if (subjects == "").any():
        raise ValueError(
            "a test picture has no known person; evaluation on held-out people needs subject ids"
        )
    return Predictions(
        tuple(method.aus), np.concatenate(probabilities), np.concatenate(targets), subjects, rows
    )
