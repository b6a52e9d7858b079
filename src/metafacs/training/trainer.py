"""The loop: fetch batches, let the method update, write curves and checkpoints, resume.

It never asks which method it trains.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from metafacs.batch import Batch
from metafacs.checkpoints.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimizer_state,
    restore_optimizer,
    save_checkpoint,
)
from metafacs.checkpoints.description import Description, without_thresholds
from metafacs.data.streams import BatchStream
from metafacs.differences import differences
from metafacs.methods.base import DivergedError, Learner, OptimizerSpec
from metafacs.methods.options import complete_options
from metafacs.models.devices import random_states, restore_random_states
from metafacs.models.model_file import CheckpointError, known_alike
from metafacs.models.synchronised import synchronise
from metafacs.parsing import check_number
from metafacs.progress import progress_bar
from metafacs.ranks import own_rank
from metafacs.training.computing import COMPUTING, USUAL_COMPUTING, Computing
from metafacs.training.curves import curve_values
from metafacs.training.damaged import set_aside
from metafacs.training.identity import foreign_code
from metafacs.training.loading import load_batches, usual_threads
from metafacs.training.loss_scaling import LossScale
from metafacs.training.stepper import OptimizerStepper
from metafacs.training.stopping import stop_signals
from metafacs.training.together import (
    anybody,
    claimed_together,
    means_over_ranks,
    refuse_differences,
    refuse_not_finite,
    refuse_wrapped,
    seed_of,
    wait_for_all,
)
from metafacs.version import __version__

CHECKPOINT_FILE = "checkpoint.safetensors"
PREVIOUS_FILE = "checkpoint.previous.safetensors"
"""The checkpoint before: what a run goes on from if the last one is damaged."""

MODEL_FILE = "model.safetensors"
COMPANY = "together"
"""Where in a model's description that is how several processes trained it."""

RUN = "run"
"""Where in a model's description that is which a run is known by; see :meth:`Trainer.identity`."""

LONGEST_RUN = 10**9
"""Iterations."""

LARGEST_SEED = 2**32 - 1


class LostRunError(DivergedError):
    """A run ended by itself: an adversary has won, or a number is not finite. It does so with every try.

    Attributes:
        reason: What was lost, in words.
        run: What is known of it, with the curves to its end.
    """

    def __init__(self, reason: str, run: Checkpoint) -> None:
        super().__init__(reason, run)
        self.reason, self.run = reason, run

    def __str__(self) -> str:
        return f"{self.reason} at iteration {self.run.iteration}; the last checkpoint is kept"


@dataclass(frozen=True)
class TrainingPlan:
    """How long and how often.

    Attributes:
        iterations: Number of iterations.
        curve_every: Curve points are averages over this many iterations (20 in MAL, Fig. 3).
        checkpoint_every: Iterations between checkpoints.

    Raises:
        ValueError: If one is not from 1 to a thousand million.
    """

    iterations: int
    curve_every: int = 20
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            check_number(name, value, 1, LONGEST_RUN)


class Trainer:
    """Trains one method from named streams; a run that was killed goes on where its checkpoint is.

    Args:
        method_name: Name of the method, or of a learner that is no detector.
        method: The learner to train, with its initial weights.
        options: Options the method was built with, as plain data for the checkpoint.
        streams: Stream name -> stream, at least those the method reads.
        plan: Lengths.
        out: Folder of the run.
        description: What a user of the model must know; becomes part of the checkpoint.
        optimizers: What takes the place of the method's optimisers, by group.
        fabric: Device and precision of the one process; None = the CPU in float32.
        computing: What changes the speed and the rounding, not what is learned.
    """

    def __init__(
        self,
        method_name: str,
        method: Learner,
        options: dict[str, object],
        streams: Mapping[str, BatchStream],
        plan: TrainingPlan,
        out: Path | str,
        description: Description,
        optimizers: Mapping[str, OptimizerSpec] | None = None,
        fabric: Fabric | None = None,
        computing: Computing = USUAL_COMPUTING,
    ) -> None:
        missing = sorted(set(method.streams) - set(streams))
        if missing:
            raise ValueError(f"{method_name} reads the streams {list(method.streams)}; missing: {missing}")
        refuse_wrapped(method)
        self.fabric, self.rank = fabric or Fabric(accelerator="cpu", devices=1), own_rank()
        self.method_name, self.options = method_name, options
        self.method = method.to(self.fabric.device)
        if self.rank.count > 1 and not method.normalises_apart:
            synchronise(method)
        self.streams = {name: streams[name] for name in method.streams}
        self.plan, self.out = plan, Path(out)
        self._specs = {**method.optimizers(), **(optimizers or {})}
        known = description.with_more(**method.origins(), **self._company(), **{RUN: self.identity()})
        # As it comes back from a file, so that a resumed run can be compared.
        self.description = Description.from_json(known.to_json())
        self.computing = computing
        computing.prepare(self.method)
        self.stepper = OptimizerStepper(
            method.parameter_groups(),
            self._specs,
            plan.iterations,
            looks_at_once=self.fabric.device.type == "cpu",
            scale=LossScale() if self.fabric.strategy.precision.precision == "16-mixed" else None,
        )
        self.history: dict[str, list[float]] = {}
        self.iteration, self.seconds = 0, 0.0
        self._since_point: list[Mapping[str, Tensor | float]] = []

    def run(self, *, progress: bool = True) -> Path:
        """Train to the end and return the path of the finished model; a finished one is not trained again.

        A damaged checkpoint or model in the run's folder is set aside under another name, and training goes
        on from the checkpoint before it, or from the start: it ends with the same weights.

        Raises:
            LostRunError: If a loss or what would be saved is not finite, or an adversary has won; the last
                checkpoint is kept.
            CheckpointError: If the run's folder holds a checkpoint or model of another run.
            FolderInUseError: If another process trains there.
            PartnerLostError: If one of several processes that train together has ended.
            OSError: If nothing can be written there, or what is there not be read.
        """
        with claimed_together(self.out, f"training {self.method_name}", self.rank):
            return self._run(progress=progress and self.rank.number == 0)

    def identity(self) -> dict[str, Any]:
        """Return what the run's result depends on beside its description and options, as plain data."""
        return {
            "metafacs": __version__,
            "code": foreign_code(type(self.method), self.options),
            "aus": list(self.method.aus),
            "expressions": list(self.method.expressions),
            "iterations": self.plan.iterations,
            "curve_every": self.plan.curve_every,
            "optimizers": {group: asdict(spec) for group, spec in self._specs.items()},
            "streams": {name: stream.identity() for name, stream in self.streams.items()},
        }

    def _run(self, *, progress: bool) -> Path:
        model = self.out / MODEL_FILE
        self._resume_in_turn(tell=progress)
        if self.iteration == self.plan.iterations and model.is_file():
            self._drop_checkpoints()  # a power cut may have brought them back
            return model
        self.method.train()
        if self.iteration == 0:
            labels = {name: torch.from_numpy(s.targets()) for name, s in self.streams.items() if s.aus}
            self.method.observe_labels(labels)
        began, before = time.perf_counter(), self.seconds
        with (
            self.computing.settings(),
            progress_bar(progress) as bar,
            stop_signals() as stopped,
            self._batches() as batches,
        ):
            task = bar.add_task(self.method_name, total=self.plan.iterations, completed=self.iteration)
            for batch in batches:
                if self.rank.count > 1:
                    torch.manual_seed(seed_of(self.description.seed, self.rank, self.iteration))
                self.stepper.start(self.iteration)
                try:
                    with self.fabric.autocast():
                        self._since_point.append(self.method.update(batch, self.stepper))
                    self.iteration += 1
                    self.seconds = before + time.perf_counter() - began
                    bar.advance(task)
                    drawn = self.iteration % self.plan.curve_every == 0
                    if drawn or self.iteration == self.plan.iterations:
                        self._draw_point()
                    stopping = bool(stopped) if self.rank.count == 1 else self._stop_together(stopped, drawn)
                    if stopping or self.iteration % self.plan.checkpoint_every == 0:
                        self._save()
                except DivergedError as error:
                    raise self._lost(str(error)) from error
                if stopping:
                    raise KeyboardInterrupt(
                        f"stopped at iteration {self.iteration}; the same command goes on from here"
                    )
        try:
            finished = self._sound(self._checkpoint().finished())
        except DivergedError as error:
            raise self._lost(str(error)) from error
        if self.rank.number == 0:
            save_checkpoint(model, finished)
            self._drop_checkpoints()
        return model

    def _lost(self, reason: str) -> LostRunError:
        """Return the error that ends the run, with its curves as far as they are finite."""
        try:
            if self._since_point:
                self._draw_point()
        except DivergedError:
            self._since_point = []
        return LostRunError(reason, self._checkpoint().finished())

    def _drop_checkpoints(self) -> None:
        for name in (CHECKPOINT_FILE, PREVIOUS_FILE):
            (self.out / name).unlink(missing_ok=True)

    def _save(self) -> None:
        self.stepper.check()
        last, checkpoint = self.out / CHECKPOINT_FILE, self._sound(self._checkpoint())
        if self.rank.number:
            return
        if last.is_file():
            os.replace(last, self.out / PREVIOUS_FILE)
        save_checkpoint(last, checkpoint)

    def _sound(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return a checkpoint that a file may hold; raise a DivergedError if it is not finite."""
        refuse_not_finite(checkpoint.tensors(), self.rank, self.fabric.device)
        return checkpoint

    def _batches(self) -> AbstractContextManager[Iterator[dict[str, Batch]]]:
        """Return the remaining batches, prepared while others are being used."""
        device = self.fabric.device
        numbers, threads = range(self.iteration, self.plan.iterations), self.computing.threads
        return load_batches(
            self.streams, numbers, device, threads=threads or usual_threads(device), rank=self.rank
        )

    def _draw_point(self) -> None:
        pending = self._pending()
        self.stepper.check()
        self.history.setdefault("iteration", []).append(float(self.iteration))
        for name, values in pending.items():
            self.history.setdefault(name, []).append(math.fsum(values) / len(values))
        self._since_point = []

    def _pending(self) -> dict[str, list[float]]:
        pending = curve_values(self._since_point)
        if self.rank.count > 1 and pending:
            pending = means_over_ranks(pending, self.fabric.device)
        for name, values in pending.items():
            if not all(map(math.isfinite, values)):
                raise DivergedError(f"{name} is NaN or infinite")
        return pending

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            method=self.method_name,
            options=self.options,
            aus=self.method.aus,
            expressions=self.method.expressions,
            weights=self.method.state_dict(),
            description=self.description,
            iteration=self.iteration,
            history=self.history,
            pending=self._pending(),
            seconds=self.seconds,
            optimizers={name: optimizer_state(o) for name, o in self.stepper.optimizers.items()},
            random_state=torch.get_rng_state(),
            device_random_states=random_states(self.fabric.device),
            loss_scale=None if self.stepper.scale is None else self.stepper.scale.state,
        )

    def _company(self) -> dict[str, Any]:
        """Return what a record says of several processes, nothing of one."""
        if self.rank.count == 1:
            return {}
        seen = "of each task" if self.method.normalises_apart else "of the whole batch, over all processes"
        return {COMPANY: {"processes": self.rank.count, "batch_statistics": seen}}

    def _stop_together(self, stopped: list[int], drawn: bool) -> bool:
        # Where they wait for each other anyway; torchrun waits half a minute, few iterations of a processor.
        waits = drawn or self.fabric.device.type == "cpu"
        return waits and anybody(bool(stopped), self.fabric.device)

    def _resume_in_turn(self, *, tell: bool) -> None:
        """Resume; of several processes the first before the others: it may set a damaged file aside."""
        if self.rank.number == 0:
            self._resume(tell=tell)
        wait_for_all(self.rank)
        if self.rank.number:
            self._resume(tell=tell)
        if self.rank.count > 1:
            refuse_differences(self.method, self.iteration, self.out)

    def _resume(self, *, tell: bool) -> None:
        for name in (MODEL_FILE, CHECKPOINT_FILE, PREVIOUS_FILE):
            path = self.out / name
            if not path.exists():
                continue
            try:
                saved = load_checkpoint(path)
            except CheckpointError as error:
                set_aside(path, error)
                continue
            self._check_same(path, saved)
            self._take_up(path, saved)
            if tell and saved.iteration < self.plan.iterations:
                print(f"going on from iteration {saved.iteration:,} of {path}")
            return

    def _check_same(self, path: Path, saved: Checkpoint) -> None:
        here = _flat(self.method_name, self.options, self.description)
        options = saved.options
        if saved.method == self.method_name:
            options = complete_options(type(self.method), options)
        if RUN not in saved.description.more:
            raise CheckpointError(
                f"{path} is of an earlier version of metafacs and does not tell which pictures it learned "
                f"from; choose another --out, or delete {path} and run the same command again"
            )
        if told := differences(*known_alike(_flat(saved.method, options, saved.description), here)):
            raise CheckpointError(f"{path} is of another run: {told}; choose another --out, or delete {path}")

    def _take_up(self, path: Path, saved: Checkpoint) -> None:
        try:
            self.method.load_state_dict(saved.weights)
            for group, state in saved.optimizers.items():
                restore_optimizer(self.stepper.optimizers[group], state)
            if saved.random_state is not None:
                torch.set_rng_state(saved.random_state)
            restore_random_states(saved.device_random_states, self.fabric.device)
            if self.stepper.scale is not None and saved.loss_scale is not None:
                self.stepper.scale = LossScale(*saved.loss_scale)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{path} does not fit the method it was saved by ({error}); delete it and run the same "
                "command again"
            ) from error
        self.history, self.iteration, self.seconds = saved.history, saved.iteration, saved.seconds
        count = max(map(len, saved.pending.values()), default=0)
        self._since_point = [
            {name: values[i] for name, values in saved.pending.items()} for i in range(count)
        ]


def _flat(method: str, options: Mapping[str, object], description: Description) -> dict[str, Any]:
    """Return all that a run is known by; names that a user knows need no ``run.`` in front."""
    content = {COMPUTING: USUAL_COMPUTING.told()} | without_thresholds(description.to_json())
    content.pop(COMPANY, None)  # a run may go on in another number of processes
    return {"method": method, "options": options, **content.pop(RUN), **content}
