"""Checkpoints: one safetensors file with weights, training state and a description of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, overload

import torch
from safetensors.torch import save_file
from torch import Tensor

from metafacs.checkpoints.description import Description
from metafacs.files import written_whole
from metafacs.methods import find_learner
from metafacs.methods.base import Learner, Method
from metafacs.methods.options import arguments_of
from metafacs.models.backbones import Backbone, find_backbone
from metafacs.models.model_file import (
    FORMAT,
    METADATA_KEY,
    METHOD_PREFIX,
    CheckpointError,
    read_model_file,
)

LearnerT = TypeVar("LearnerT", bound=Learner)

_OPTIMIZER, _RANDOM = "optimizer.", "random.state"


@dataclass
class Checkpoint:
    """A detector and, while it is being trained, what it takes to go on.

    Attributes:
        method: Name of the learner: in ``METHODS`` or ``FEW_SHOT``, or ``module:Class``.
        options: The options it was built with, as plain data.
        aus: FACS numbers of the predicted columns.
        expressions: Names of the expression classes the method was trained with.
        weights: The method's state.
        description: What a user must know to use it.
        iteration: Finished iterations.
        history: Curve name -> values; ``iteration`` holds their iterations.
        pending: Curve name -> values since the last point of the history.
        seconds: Training time so far, wall clock.
        optimizers: Group -> optimiser state by parameter position; empty in a finished model.
        random_state: State of torch's generator; None in a finished model.
    """

    method: str
    options: dict[str, object]
    aus: tuple[int, ...]
    expressions: tuple[str, ...]
    weights: dict[str, Tensor]
    description: Description
    iteration: int = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    pending: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    optimizers: dict[str, dict[int, dict[str, Tensor]]] = field(default_factory=dict)
    random_state: Tensor | None = None

    @overload
    def build(self) -> Method: ...

    @overload
    def build(self, kind: type[LearnerT]) -> LearnerT: ...

    def build(self, kind: type[Learner] = Method) -> Learner:
        """Return the learner with its trained weights, in evaluation mode.

        Nothing that only the file names is imported, see :meth:`metafacs.plugins.Registry.find`.

        Args:
            kind: What it has to be: a method, unless it says otherwise.

        Raises:
            CheckpointError: If it is something else, or the weights do not fit it.
            PluginError: If it, or its backbone, is unknown or of a module that nobody has imported.
        """
        found = find_learner(self.method)
        if not issubclass(found, kind):
            raise CheckpointError(
                f"the model was trained with '{self.method}', which is no {kind.__name__}; its kind is "
                f"{found.__mro__[1].__name__}"
            )
        options = arguments_of(found, self.options)
        for name, value in options.items():
            if isinstance(value, Backbone):
                find_backbone(value.name, named=False)
                # Initial weights were needed once; a checkpoint brings its own.
                options[name] = replace(value, weights="none")
        learner = found.build(self.aus, self.expressions, options)
        try:
            learner.load_state_dict(self.weights)
        except RuntimeError as error:
            raise CheckpointError(f"the weights do not fit {self.method} with {options}: {error}") from error
        return learner.eval()

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with the method, its AUs and any of its weights."""
        digest = hashlib.sha256(repr((self.method, self.aus)).encode())
        for name in sorted(self.weights):
            value = self.weights[name].detach().cpu().contiguous()
            digest.update(repr((name, tuple(value.shape), str(value.dtype))).encode())
            digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]

    def finished(self) -> Checkpoint:
        """Return the checkpoint without the state that only training needs."""
        return replace(self, pending={}, optimizers={}, random_state=None)


def save_checkpoint(path: Path | str, checkpoint: Checkpoint) -> None:
    """Write the checkpoint under a temporary name and rename it, so that a kill leaves the old one."""
    tensors = {
        METHOD_PREFIX + name: value.detach().cpu().contiguous() for name, value in checkpoint.weights.items()
    }
    for group, state in checkpoint.optimizers.items():
        for position, values in state.items():
            for name, value in values.items():
                tensors[f"{_OPTIMIZER}{group}.{position}.{name}"] = value.detach().cpu().contiguous()
    if checkpoint.random_state is not None:
        tensors[_RANDOM] = checkpoint.random_state
    description = {
        "format": FORMAT,
        "method": checkpoint.method,
        "options": checkpoint.options,
        "aus": list(checkpoint.aus),
        "expressions": list(checkpoint.expressions),
        "description": checkpoint.description.to_json(),
        "iteration": checkpoint.iteration,
        "history": checkpoint.history,
        "pending": checkpoint.pending,
        "seconds": checkpoint.seconds,
    }
    with written_whole(path) as temporary:
        save_file(tensors, str(temporary), metadata={METADATA_KEY: json.dumps(description)})


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: If the file is missing, truncated, or not written by metafacs.
    """
    content, tensors = read_model_file(path)
    return Checkpoint(
        method=content["method"],
        options=content["options"],
        aus=tuple(content["aus"]),
        expressions=tuple(content["expressions"]),
        weights={
            name.removeprefix(METHOD_PREFIX): value
            for name, value in tensors.items()
            if name.startswith(METHOD_PREFIX)
        },
        description=Description.from_json(content["description"], str(path)),
        iteration=content["iteration"],
        history=content["history"],
        pending=content["pending"],
        seconds=content["seconds"],
        optimizers=_optimizer_states(tensors),
        random_state=tensors.get(_RANDOM),
    )


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Tensor]]:
    """Return an optimiser's state as tensors by parameter position."""
    state: Mapping[int, Mapping[str, object]] = optimizer.state_dict()["state"]
    return {
        position: {name: torch.as_tensor(value) for name, value in values.items() if value is not None}
        for position, values in state.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[int, dict[str, Tensor]]) -> None:
    """Put a saved state back; learning rates come from the schedule, not from the file."""
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _optimizer_states(tensors: Mapping[str, Tensor]) -> dict[str, dict[int, dict[str, Tensor]]]:
    states: dict[str, dict[int, dict[str, Tensor]]] = {}
    for key, value in tensors.items():
        if key.startswith(_OPTIMIZER):
            group, position, name = key[len(_OPTIMIZER) :].split(".")
            states.setdefault(group, {}).setdefault(int(position), {})[name] = value
    return states
