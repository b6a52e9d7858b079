"""Checkpoints: one safetensors file with weights, training state and a description of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from metafacs.files import written_whole
from metafacs.methods import METHODS
from metafacs.methods.base import Method
from metafacs.models.model_file import (
    FORMAT,
    METADATA_KEY,
    METHOD_PREFIX,
    CheckpointError,
    read_model_file,
)

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "load_checkpoint",
    "optimizer_state",
    "restore_optimizer",
    "save_checkpoint",
]

_OPTIMIZER, _RANDOM = "optimizer.", "random.state"


@dataclass
class Checkpoint:
    """A detector and, while it is being trained, what it takes to go on.

    Attributes:
        method: Name in ``METHODS``.
        options: Keyword arguments the method was built with.
        aus: FACS numbers of the predicted columns.
        expressions: Names of the expression classes the method was trained with.
        weights: The method's state.
        description: What a user must know to use it: input size, crop, alignment, training data, split,
            synthetic or not, licence, seed, configuration.
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
    description: dict[str, object]
    iteration: int = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    pending: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    optimizers: dict[str, dict[int, dict[str, Tensor]]] = field(default_factory=dict)
    random_state: Tensor | None = None

    def build_method(self) -> Method:
        """Return the method with its trained weights, in evaluation mode.

        Raises:
            CheckpointError: If the method is unknown or the weights do not fit it.
        """
        if self.method not in METHODS:
            raise CheckpointError(
                f"the checkpoint was trained with '{self.method}'; known methods: {sorted(METHODS)}"
            )
        # Initial weights were needed once; a checkpoint brings its own.
        options = {name: "none" if name == "weights" else value for name, value in self.options.items()}
        method = METHODS[self.method](self.aus, self.expressions, **options)
        try:
            method.load_state_dict(self.weights)
        except RuntimeError as error:
            raise CheckpointError(f"the weights do not fit {self.method} with {options}: {error}") from error
        return method.eval()

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
        return Checkpoint(
            self.method,
            self.options,
            self.aus,
            self.expressions,
            self.weights,
            self.description,
            self.iteration,
            self.history,
            seconds=self.seconds,
        )


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
        "description": checkpoint.description,
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
        description=content["description"],
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
