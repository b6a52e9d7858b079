"""What every way to fit a model to one person has to offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.methods.base import Prediction

Tensors = dict[str, Tensor]
"""What is kept of a fitting in a person's file, by name."""


class Fitting(ABC):
    """A way to fit a trained model to the labelled pictures of one person.

    Args:
        checkpoint: The model.
        device: Where it runs.

    Attributes:
        aus: FACS numbers that the model detects without being adapted.
        gives_pose: Whether the model tells how the head is turned.
    """

    aus: tuple[int, ...]
    gives_pose: bool

    @abstractmethod
    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None: ...

    @abstractmethod
    def general(self, images: Tensor) -> Tensor:
        """Return ``picture x au`` probabilities of the model as it was trained, columns as ``aus``."""

    @abstractmethod
    def fit(self, images: Tensor, labels: Tensor, aus: Sequence[int]) -> Tensors:
        """Fit to labelled pictures and return what changed; the model itself stays as it is.

        Args:
            images: ``picture x 3 x height x width``.
            labels: ``picture x au``, 1 present, 0 absent, NaN unknown; every AU has a 0, most have a 1.
            aus: FACS numbers of the columns; those the model does not know are learned from nothing.
        """

    @abstractmethod
    def shapes(self, aus: Sequence[int]) -> dict[str, torch.Size]:
        """Return name -> shape of the tensors that :meth:`fit` keeps for these AUs."""

    @abstractmethod
    def predictor(self, tensors: Tensors, aus: Sequence[int]) -> Callable[[Tensor], Prediction]:
        """Return the function from pictures to what the adapted model predicts.

        Probabilities are the adapted model's. Intensities and expressions are left out, because they were not
        fitted and might contradict them; the pose stays that of the model as it was trained.

        Args:
            tensors: From :meth:`fit`; an AU without any is left to the model as it was trained.
            aus: FACS numbers of the columns.
        """


def tensor_name(au: int, part: str) -> str:
    """Return the name under which a part of an AU's detector is kept."""
    return f"AU{au}.{part}"


def fitted_aus(tensors: Tensors) -> set[int]:
    """Return the AUs that a fitting holds tensors of."""
    return {int(name.split(".")[0].removeprefix("AU")) for name in tensors if name.startswith("AU")}
