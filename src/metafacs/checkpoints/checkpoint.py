"""Checkpoints: one safetensors file with weights, training state and a description of both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, overload

import torch
from torch import Tensor

from metafacs.checkpoints.description import Description
from metafacs.methods import find_learner
from metafacs.methods.base import Learner, Method
from metafacs.methods.options import arguments_of
from metafacs.models.backbones import Backbone, find_backbone
from metafacs.models.model_file import (
    FORMAT,
    LOSS_SCALE,
    METHOD_PREFIX,
    OPTIMIZER_PREFIX,
    RANDOM_STATE,
    REMEDY,
    CheckpointError,
    fingerprint_of,
    read_model_file,
    weights_in,
)
from metafacs.plugins import PluginError
from metafacs.tensor_files import save_tensors
from metafacs.texts import printable

LearnerT = TypeVar("LearnerT", bound=Learner)

_NOT_BUILT = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError)

_OPTIMIZER_STATE = re.compile(re.escape(OPTIMIZER_PREFIX) + r"([^.]+)\.(\d{1,9})\.([^.]+)", re.ASCII)


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
        device_random_states: Kind of device -> state of its own generator, beside the processor's.
        loss_scale: Factor of losses in float16, and the number of steps that fitted since it changed; None
            in other precisions.
        source: What to call it in messages.
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
    device_random_states: dict[str, Tensor] = field(default_factory=dict)
    loss_scale: tuple[float, int] | None = None
    source: str = field(default="the model", compare=False, repr=False)

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
            CheckpointError: If it is something else, cannot be built with its options, or the weights do not
                fit it.
            PluginError: If it, or its backbone, is unknown or of a module that nobody has imported.
        """
        try:
            found = find_learner(self.method)
            if not issubclass(found, kind):
                raise CheckpointError(
                    f"{self.source} was trained with '{self.method}', which is no {kind.__name__}; its kind "
                    f"is {found.__mro__[1].__name__}"
                )
            options = arguments_of(found, self.options)
            for name, value in options.items():
                if isinstance(value, Backbone):
                    find_backbone(value.name, named=False)
                    # Initial weights were needed once; a checkpoint brings its own.
                    options[name] = replace(value, weights="none")
            learner = found.build(self.aus, self.expressions, options)
        except PluginError as error:
            raise PluginError(f"{self.source}: {error}") from error
        except CheckpointError:
            raise
        except _NOT_BUILT as error:
            raise CheckpointError(
                f"{self.source} cannot be built: {self.method} does not take the options, action units and "
                f"expressions that it holds ({printable(error)}); {REMEDY}"
            ) from error
        self._refuse_others(learner.state_dict())
        learner.load_state_dict(self.weights)
        return learner.eval()

    def _refuse_others(self, state: Mapping[str, Tensor]) -> None:
        """Refuse weights that are not those of a network: other names, shapes or kinds of numbers."""
        for name in [*state, *self.weights]:
            own, given = state.get(name), self.weights.get(name)
            wrong = (
                "it has no"
                if given is None
                else "it holds, and the method does not have,"
                if own is None
                else f"it holds {list(given.shape)} instead of {list(own.shape)} values in"
                if given.shape != own.shape
                else "it holds numbers of another kind in"
                if given.is_floating_point() != own.is_floating_point()
                else ""
            )
            if wrong:
                raise CheckpointError(
                    f"the weights of {self.source} do not fit {self.method} with its options: {wrong} "
                    f"{printable(name)}; {REMEDY}{self._other_timm()}"
                )

    def _other_timm(self) -> str:
        """Return what to do if another version of timm has built the backbone."""
        started = self.description.more.get("initial_weights")
        version = started.get("timm") if isinstance(started, Mapping) else None
        return f", or install timm=={printable(version)}, which built its network" if version else ""

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with the method, its AUs and any of its weights."""
        return fingerprint_of(self.method, self.aus, self.weights)

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights and the state of training by their names in a file."""
        tensors = {METHOD_PREFIX + name: value for name, value in self.weights.items()}
        for group, state in self.optimizers.items():
            for position, values in state.items():
                for name, value in values.items():
                    tensors[f"{OPTIMIZER_PREFIX}{group}.{position}.{name}"] = value
        if self.random_state is not None:
            tensors[RANDOM_STATE] = self.random_state
        for kind, generator in self.device_random_states.items():
            tensors[f"{RANDOM_STATE}.{kind}"] = generator
        if self.loss_scale is not None:
            tensors[LOSS_SCALE] = torch.tensor(self.loss_scale, dtype=torch.float64)
        return tensors

    def finished(self) -> Checkpoint:
        """Return the checkpoint without the state that only training needs."""
        return replace(
            self, pending={}, optimizers={}, random_state=None, device_random_states={}, loss_scale=None
        )


def save_checkpoint(path: Path | str, checkpoint: Checkpoint) -> None:
    """Write the checkpoint whole or not at all, so that a kill leaves the old one.

    Raises:
        ValueError: If a weight, or what an optimiser remembers, is not finite.
        OSError: If the file cannot be written.
    """
    header = {
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
    save_tensors(path, checkpoint.tensors(), header)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: If the file is missing, damaged, or not written by metafacs.
        OSError: If it cannot be read, which says nothing of what it holds.
    """
    header, tensors = read_model_file(path)
    states = {name: value for name, value in tensors.items() if name.startswith(RANDOM_STATE)}
    if any((state.dtype, state.dim()) != (torch.uint8, 1) for state in states.values()):
        raise CheckpointError(f"{path} holds no state of a random generator under its name; {REMEDY}")
    random_state = states.pop(RANDOM_STATE, None)
    return Checkpoint(
        method=header.method,
        options=header.options,
        aus=header.aus,
        expressions=header.expressions,
        weights=weights_in(tensors),
        description=Description.from_json(header.description, str(path)),
        iteration=header.iteration,
        history=header.history,
        pending=header.pending,
        seconds=header.seconds,
        optimizers=_optimizer_states(path, tensors),
        random_state=random_state,
        device_random_states={name.removeprefix(f"{RANDOM_STATE}."): state for name, state in states.items()},
        loss_scale=_loss_scale(path, tensors.get(LOSS_SCALE)),
        source=str(path),
    )


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Tensor]]:
    """Return an optimiser's state as tensors by parameter position."""
    state: Mapping[int, Mapping[str, object]] = optimizer.state_dict()["state"]
    return {
        position: {name: torch.as_tensor(value) for name, value in values.items() if value is not None}
        for position, values in state.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[int, dict[str, Tensor]]) -> None:
    """Put a saved state back; learning rates come from the schedule, not from the file.

    Raises:
        CheckpointError: If it is the state of other parameters.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for position, values in state.items():
        for name, value in values.items():
            # Torch takes any shape; the step after would fail, or be another one.
            if position >= len(parameters) or value.shape not in (parameters[position].shape, ()):
                raise CheckpointError(
                    f"what the optimiser remembers of parameter {position}, {name}, is of another network"
                )
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _loss_scale(path: Path | str, state: Tensor | None) -> tuple[float, int] | None:
    if state is None:
        return None
    if (state.dtype, tuple(state.shape)) != (torch.float64, (2,)) or not bool((state >= 0).all()):
        raise CheckpointError(f"{path} holds no factor of losses under its name; {REMEDY}")
    value, fitting = state.tolist()
    return value, int(fitting)


def _optimizer_states(
    path: Path | str, tensors: Mapping[str, Tensor]
) -> dict[str, dict[int, dict[str, Tensor]]]:
    states: dict[str, dict[int, dict[str, Tensor]]] = {}
    for key, value in tensors.items():
        if key.startswith(OPTIMIZER_PREFIX):
            parts = _OPTIMIZER_STATE.fullmatch(key)
            if parts is None:
                raise CheckpointError(f"{path} holds a tensor that no model has, {key!r}; {REMEDY}")
            states.setdefault(parts[1], {}).setdefault(int(parts[2]), {})[parts[3]] = value
    return states
