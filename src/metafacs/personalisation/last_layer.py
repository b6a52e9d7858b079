"""The smallest way to fit a detector to a person: new weights for the last layer, some kilobytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.losses.action_units import class_balanced_weights
from metafacs.methods.base import Method, Prediction
from metafacs.models.devices import check_device
from metafacs.personalisation.feature_reader import FeatureReader, find_outputs
from metafacs.personalisation.fitting import Fitting, Tensors, tensor_name

PRIOR, ONE_SIDED_PRIOR = 3.0, 1.0
"""By how many logits a person may differ from the general detector, standard deviation; the second where only
pictures without the AU are known. Chosen on validation people of BP4D's twin, see docs/maml.md."""


class LastLayer(Fitting):
    """Fits weight and bias of each AU's logit and leaves the features alone.

    An AU with pictures of both kinds gets a new weight vector; one with negative pictures only (neutral
    frames) an offset of its logit, a calibration. Works for every detector whose probabilities are the
    sigmoid of linear layers, be it one layer for all AUs or one per AU.

    Args:
        checkpoint: The model.
        device: Where it runs.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
        method = checkpoint.build(Method).to(check_device(device))
        size = checkpoint.description.framing.input_size
        self.reader = FeatureReader(method, find_outputs(method, size))
        self.aus = checkpoint.aus
        self.gives_pose = method.gives_pose

    def general(self, images: Tensor) -> Tensor:
        """Return the model's own probabilities."""
        return self.reader.method.predict(images).probabilities

    def fit(self, images: Tensor, labels: Tensor, aus: Sequence[int]) -> Tensors:
        """Fit the logit of each AU on its own."""
        with torch.no_grad():
            _, inputs = self.reader.read(images)
        tensors: Tensors = {}
        for column, au in enumerate(aus):
            known = ~torch.isnan(labels[:, column])
            weight, bias = fit_logit(
                self.reader.features(inputs, au)[known],
                labels[known, column].to(images.device),
                *self.reader.weights(au),
            )
            tensors[tensor_name(au, "weight")], tensors[tensor_name(au, "bias")] = weight, bias
        return tensors

    def shapes(self, aus: Sequence[int]) -> dict[str, torch.Size]:
        """Return the shapes of a weight vector and a bias for each AU."""
        kept: dict[str, torch.Size] = {}
        for au in aus:
            weight, bias = self.reader.weights(au)
            kept |= {tensor_name(au, "weight"): weight.shape, tensor_name(au, "bias"): bias.shape}
        return kept

    def predictor(self, tensors: Tensors, aus: Sequence[int]) -> Callable[[Tensor], Prediction]:
        """Return the detector with the fitted logits in place of the model's."""

        def predict(images: Tensor) -> Prediction:
            said, inputs = self.reader.read(images)
            general = dict(zip(self.aus, said.probabilities.unbind(1), strict=True))
            return Prediction(personal_columns(self.reader, tensors, aus, inputs, general), pose=said.pose)

        return predict


def personal_columns(
    reader: FeatureReader,
    tensors: Tensors,
    aus: Sequence[int],
    inputs: dict[str, Tensor],
    general: dict[int, Tensor],
) -> Tensor:
    """Return ``picture x au`` probabilities: fitted logits where there are some, else the model's own."""
    columns = []
    for au in aus:
        weight = tensors.get(tensor_name(au, "weight"))
        if weight is None:
            columns.append(general[au])
            continue
        features = reader.features(inputs, au)
        logits = features @ weight.to(features) + tensors[tensor_name(au, "bias")].to(features)
        columns.append(logits.sigmoid())
    return torch.stack(columns, dim=1)


def fit_logit(features: Tensor, targets: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a logit fitted to a person's pictures, starting from the general one.

    Minimises the cross-entropy, both kinds of pictures with equal total weight, plus the squared change of
    the logit over twice the variance of :data:`PRIOR`: of its offset, and of its slope in units in which the
    features of these pictures have variance one. With pictures of one kind only the offset is free.

    Args:
        features: ``picture x features``.
        targets: ``picture``, 1 or 0.
        weight: ``features``, of the general detector.
        bias: Scalar, of the general detector.

    Returns:
        The new weight vector and bias, float32.

    >>> _, bias = fit_logit(torch.zeros(3, 1), torch.zeros(3), torch.zeros(1), torch.tensor(0.0))
    >>> round(float(bias), 2)
    -0.88
    """
    x, y = features.detach().double(), targets.detach().double()
    before, offset = weight.detach().double(), bias.detach().double()
    centre = x.mean(0)
    spread = (x - centre).square().sum(1).mean().sqrt()
    both = bool((y == 1).any() and (y == 0).any())
    free = both and bool(spread > 0)
    scaled = (x - centre) / spread if free else torch.zeros_like(x)
    general = x @ before + offset
    balance = class_balanced_weights(y[:, None])
    counts = torch.where(y == 1, balance.positive, balance.negative).double() if both else torch.ones_like(y)
    prior = PRIOR if both else ONE_SIDED_PRIOR
    change = torch.zeros(len(before) + 1, dtype=torch.float64, device=x.device, requires_grad=True)
    optimizer = torch.optim.LBFGS([change], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = general + scaled @ change[1:] + change[0]
        entropy = functional.binary_cross_entropy_with_logits(logits, y, counts, reduction="sum")
        total = entropy + change.square().sum() / (2 * prior**2)
        total.backward()
        return total

    optimizer.step(loss)
    slope = change.detach()[1:] / spread if free else torch.zeros_like(before)
    moved = offset + change.detach()[0] - slope @ centre
    return (before + slope).float(), moved.float()
