"""The largest way to fit a detector to a person: all its weights, as many megabytes as the model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.losses.action_units import action_unit_loss, class_balanced_weights
from metafacs.methods.base import Prediction
from metafacs.personalisation.feature_reader import FeatureReader
from metafacs.personalisation.fitting import Fitting, Tensors, fitted_aus, tensor_name
from metafacs.personalisation.last_layer import LastLayer, personal_columns

STEPS, LEARNING_RATE, BATCH = 40, 1e-4, 32
_MODEL = "model."


class WholeNetwork(Fitting):
    """Fits the last layer, then all weights together by some steps of Adam; statistics stay as trained.

    AUs that are not fitted, and the pose where the model tells it, still come from the model as it was
    trained, which then runs beside the adapted one.

    Args:
        checkpoint: The model.
        device: Where it runs.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
        self.last_layer = LastLayer(checkpoint, device)
        self.aus = checkpoint.aus
        self.gives_pose = self.last_layer.gives_pose

    def general(self, images: Tensor) -> Tensor:
        """Return the model's own probabilities."""
        return self.last_layer.general(images)

    def fit(self, images: Tensor, labels: Tensor, aus: Sequence[int]) -> Tensors:
        """Fit features and logits of all AUs together."""
        tensors = {name: value.clone() for name, value in self.last_layer.fit(images, labels, aus).items()}
        reader = self._copy()
        targets = labels.to(images.device)
        balance = class_balanced_weights(targets)
        learned = [*reader.method.parameters(), *tensors.values()]
        for parameter in learned:
            parameter.requires_grad_()
        optimizer = torch.optim.Adam(learned, lr=LEARNING_RATE)
        draws = torch.Generator().manual_seed(0)
        for _ in range(STEPS):
            rows = torch.randperm(len(images), generator=draws)[:BATCH]
            _, inputs = reader.read(images[rows])
            logits = torch.stack([_logit(reader, tensors, inputs, au) for au in aus], dim=1)
            loss = action_unit_loss(logits, targets[rows], class_weights=balance).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        tensors |= {_MODEL + name: value for name, value in reader.method.state_dict().items()}
        return {name: value.detach() for name, value in tensors.items()}

    def shapes(self, aus: Sequence[int]) -> dict[str, torch.Size]:
        """Return the shapes of the last layer's tensors and of the model's state."""
        state = self.last_layer.reader.method.state_dict()
        return self.last_layer.shapes(aus) | {_MODEL + name: value.shape for name, value in state.items()}

    def predictor(self, tensors: Tensors, aus: Sequence[int]) -> Callable[[Tensor], Prediction]:
        """Return the adapted network, with the model as it was trained for the AUs that were not fitted."""
        reader = self._copy()
        reader.method.load_state_dict(
            {name.removeprefix(_MODEL): value for name, value in tensors.items() if name.startswith(_MODEL)}
        )
        alone = set(aus) <= fitted_aus(tensors) and not self.gives_pose

        def predict(images: Tensor) -> Prediction:
            _, inputs = reader.read(images)
            if alone:
                return Prediction(personal_columns(reader, tensors, aus, inputs, {}))
            trained = self.last_layer.reader.method.predict(images)
            general = dict(zip(self.aus, trained.probabilities.unbind(1), strict=True))
            return Prediction(personal_columns(reader, tensors, aus, inputs, general), pose=trained.pose)

        return predict

    def _copy(self) -> FeatureReader:
        reader = self.last_layer.reader
        return FeatureReader(copy.deepcopy(reader.method), reader.outputs)


def _logit(reader: FeatureReader, tensors: Tensors, inputs: dict[str, Tensor], au: int) -> Tensor:
    return reader.features(inputs, au) @ tensors[tensor_name(au, "weight")] + tensors[tensor_name(au, "bias")]
