"""Training of few-shot learners: from a prepared store and its people to a model file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.data.any_au import AnyAUByPersonStream, AnyAUStream, BalancedStream
from metafacs.data.episodes import EpisodeStream
from metafacs.data.splits import Split, refuse_overlap
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation
from metafacs.faces.alignment import LARGEST_CROP, SMALLEST_CROP
from metafacs.methods import FEW_SHOT
from metafacs.methods.base import HIGHEST_RATE, OptimizerSpec
from metafacs.methods.few_shot import OUTER_RATE, FewShotLearner, MetaLearner
from metafacs.methods.options import complete_options
from metafacs.models.backbones import FEW_SHOT_BACKBONE, Backbone
from metafacs.models.devices import check_device
from metafacs.parsing import check_number
from metafacs.training.computing import fabric_on
from metafacs.training.description import describe_data
from metafacs.training.trainer import LARGEST_SEED, LONGEST_RUN, Trainer, TrainingPlan

MOST_SHOTS, MOST_STEPS = 1000, 1000
ADAM = OptimizerSpec("adam", OUTER_RATE, momentum=0.0, weight_decay=0.0)
NO_AUGMENTATION = Augmentation(flip=0.0)
STREAMS: dict[str, type[EpisodeStream] | type[BalancedStream]] = {
    "episodes": EpisodeStream,
    AnyAUStream.NAME: AnyAUStream,
    AnyAUByPersonStream.NAME: AnyAUByPersonStream,
}
"""Name of the stream a learner reads -> its class."""


@dataclass(frozen=True)
class FewShotTraining:
    """How few-shot learners are trained; the defaults are what MAML-AU prints.

    Attributes:
        iterations: Meta-steps for each held-out person; for the baseline, steps on as many pictures.
        shared_iterations: Meta-steps of a common start that no test person takes part in; every fold goes on
            from it. 0 trains every fold from the initial weights.
        size: Side of the network's input in pixels; the store's crops may be larger (random crops).
        backbone: Which backbone, and with which weights it starts.
        shots: N, positive pictures per half of a training episode; as many negative ones.
        inner_rate: alpha.
        inner_steps: Gradient steps per task in training.
        second_order: Differentiate through the inner gradient.
        optimizer: How the initial parameters are stepped; its learning rate is beta.
        augmentation: Random changes of training pictures; the paper names none.
        seed: Seed of initial weights, episodes and augmentation.
        checkpoint_every: Iterations between checkpoints.

    Raises:
        ValueError: If a number is out of range.
    """

    iterations: int = 1000
    shared_iterations: int = 0
    size: int = 64
    backbone: Backbone = FEW_SHOT_BACKBONE
    shots: int = 5
    inner_rate: float = 0.03
    inner_steps: int = 1
    second_order: bool = True
    optimizer: OptimizerSpec = ADAM
    augmentation: Augmentation = NO_AUGMENTATION
    seed: int = 0
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        limits = {"iterations": (0, LONGEST_RUN), "shared_iterations": (0, LONGEST_RUN)}
        limits |= {"size": (SMALLEST_CROP, LARGEST_CROP), "seed": (0, LARGEST_SEED)}
        limits |= {"shots": (1, MOST_SHOTS), "inner_steps": (1, MOST_STEPS)}
        for name, (lowest, highest) in limits.items():
            check_number(f"training.{name}", getattr(self, name), lowest, highest)
        check_number("training.inner_rate", self.inner_rate, 0, HIGHEST_RATE)

    def options(self, name: str) -> dict[str, object]:
        """Return the keyword arguments of the learner with this name in ``FEW_SHOT``."""
        options: dict[str, object] = {
            "backbone": asdict(self.backbone),
            "inner_rate": self.inner_rate,
            "shots": self.shots,
        }
        if issubclass(FEW_SHOT[name], MetaLearner):
            options |= {"steps": self.inner_steps, "second_order": self.second_order}
        return options


def train_few_shot(
    name: str,
    store: Store,
    aus: tuple[int, ...],
    split: Split,
    plan: FewShotTraining,
    out: Path,
    *,
    iterations: int,
    start: Path | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> Path:
    """Train a few-shot learner; a run that was stopped goes on where it was.

    Args:
        name: Name in ``FEW_SHOT``.
        store: Prepared store with AU labels.
        aus: FACS numbers to make tasks of.
        split: Who trains and who is held out.
        plan: How to train.
        out: Folder of the run; receives ``model.safetensors``.
        iterations: Number of iterations of this run.
        start: Model to go on from; nobody it was trained on may be held out here.
        device: Where to train, see :func:`metafacs.models.devices.check_device`.
        progress: Show a progress bar.

    Returns:
        Path of the finished model.

    Raises:
        ValueError: If stores, labels, people or options do not fit together.
        SplitError: If the start has seen somebody who is held out.
    """
    torch.manual_seed(plan.seed)
    learner = FEW_SHOT[name].build(aus, options=plan.options(name))
    stream = _stream(learner, store, split, plan)
    pictures = {stream_name: len(stream.rows) for stream_name in learner.streams}
    description = describe_data(
        store, [store], plan.size, pictures=pictures, seed=plan.seed, split=split
    ).with_more(
        augmentation=plan.augmentation.settings(),
        optimizer=asdict(plan.optimizer),
        iterations=iterations,
        start=None,
    )
    if isinstance(stream, EpisodeStream):
        description = description.with_more(
            tasks=len(stream.choice.tasks), skipped_tasks=[task._asdict() for task in stream.choice.skipped]
        )
    if isinstance(stream, AnyAUByPersonStream):
        description = description.with_more(people_drawn=stream.chosen)
    if start is not None:
        before = load_checkpoint(start)
        seen = before.description.held_out
        refuse_overlap(seen.train, split.test, one="the training of the start")
        learner.load_state_dict(before.weights)
        description = description.with_more(
            start={"iterations": before.iteration, "split": before.description.to_json()["split"]}
        )
    trainer = Trainer(
        name,
        learner,
        complete_options(type(learner), plan.options(name)),
        dict.fromkeys(learner.streams, stream),
        TrainingPlan(iterations, checkpoint_every=plan.checkpoint_every),
        out,
        description,
        {"base": plan.optimizer},
        fabric_on(check_device(device)),
    )
    return trainer.run(progress=progress)


def _stream(
    learner: FewShotLearner, store: Store, split: Split, plan: FewShotTraining
) -> EpisodeStream | BalancedStream:
    labelled = ~np.isnan(store.action_units[:, store.columns_of(learner.aus)]).all(axis=1)
    (kind,) = (STREAMS[stream] for stream in learner.streams)
    return kind(
        store,
        np.flatnonzero(labelled & split.rows(store, "train")),
        aus=learner.aus,
        shots=plan.shots,
        size=plan.size,
        seed=plan.seed,
        augmentation=plan.augmentation,
    )
