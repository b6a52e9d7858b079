"""Fitting a few-shot learner to a person: a network per action unit, as it was meta-learned for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.methods.base import Prediction
from metafacs.methods.few_shot import FewShotLearner
from metafacs.models.devices import check_device
from metafacs.personalisation.fitting import Fitting, Tensors, tensor_name

STEPS = 5
"""Gradient steps of adaptation, as MAML-AU tests."""


class MetaLearned(Fitting):
    """Takes gradient steps from the meta-learned parameters, one network per AU; it detects nothing without.

    Frames are judged one at a time: batch normalisation uses the statistics of the person's labelled
    pictures, both kinds in equal number.

    Args:
        checkpoint: A model of ``metafacs few_shot``.
        device: Where it runs.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
        self.learner = checkpoint.build(FewShotLearner).to(check_device(device))
        self.aus = ()
        self.gives_pose = False

    def general(self, images: Tensor) -> Tensor:
        """Return no columns: without a person there is nothing it detects."""
        return images.new_empty(len(images), 0)

    def fit(self, images: Tensor, labels: Tensor, aus: Sequence[int]) -> Tensors:
        """Adapt a copy of the network to each AU."""
        tensors: Tensors = {}
        for column, au in enumerate(aus):
            rows = _balanced(labels[:, column].cpu().numpy())
            support, targets = images[rows], labels[rows, column].to(images.device)
            *_, adapted = self.learner.adaptation(support, targets, STEPS)
            kept = {**adapted, **self.learner.support_statistics(adapted, support)}
            tensors |= {tensor_name(au, name): value.detach() for name, value in kept.items()}
        return tensors

    def shapes(self, aus: Sequence[int]) -> dict[str, torch.Size]:
        """Return the shapes of an adapted network and its statistics for each AU."""
        network = self.learner.network
        kept = {name: value.shape for name, value in network.named_parameters()}
        kept |= {
            name: value.shape
            for name, value in network.named_buffers()
            if name.endswith(("running_mean", "running_var"))
        }
        return {tensor_name(au, name): shape for au in aus for name, shape in kept.items()}

    def predictor(self, tensors: Tensors, aus: Sequence[int]) -> Callable[[Tensor], Prediction]:
        """Return the adapted networks side by side."""
        parts = {au: _part(tensors, au) for au in aus}

        def predict(images: Tensor) -> Prediction:
            logits = [self.learner.logits_by_statistics(part, {}, images) for part in parts.values()]
            return Prediction(torch.stack(logits, dim=1).sigmoid())

        return predict


def _balanced(labels: np.ndarray) -> np.ndarray:
    """Return rows of which as many are positive as negative; the rarer kind is repeated."""
    kinds = [np.flatnonzero(labels == value) for value in (1, 0)]
    count = max(len(kind) for kind in kinds)
    return np.concatenate([np.resize(kind, count) for kind in kinds if len(kind)])


def _part(tensors: Tensors, au: int) -> Tensors:
    start = tensor_name(au, "")
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
