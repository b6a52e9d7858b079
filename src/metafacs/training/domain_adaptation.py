"""Adapt a detector to unlabelled pictures: the stages of training, at a size for a CPU."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from metafacs.data.shards import StoreError
from metafacs.data.splits import SplitName
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation, check_crop
from metafacs.faces.landmarks import LANDMARKS_68_TO_49
from metafacs.methods import METHODS
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.options import refuse_reading
from metafacs.models.dual_domain import Reading
from metafacs.parsing import check_number
from metafacs.training.pseudo_labels import read_labeller
from metafacs.training.run import train
from metafacs.training.trainer import LONGEST_RUN, TrainingPlan
from metafacs.training.training_data import BatchSizes

AdaptingMethod = Literal["dual_domain", "adld", "dann", "adda", "source_only"]

SHORT_RUN = {
    "base": 10.0,
    "task": 10.0,
    "source": 10.0,
    "target": 10.0,
    "generators": 20.0,
    "landmark_discriminator": 20.0,
}
"""Group -> factor on its published learning rate, which is for 75,600 iterations, too slow for some hundred.

Judged on validation people of the twins of BP4D and EmotioNet, see configs/dual_domain_settings_twin.yaml.
D_l learns as fast as the generators: left behind, it finds no landmarks and G_b collapses. Landmark branches
and domain discriminators keep their rates: ten times as fast, loss_domain_discriminator fell to .0006 within
160 iterations from the twin of BP4D to that of DISFA."""

_SUPERVISED_RATE = 20.0
"""The same factor while there is no adversary yet."""

_NEED_LANDMARKS = ("dual_domain", "adld")
_AUGMENTATION = Augmentation(flip=0.5, brightness=8.0, contrast=0.1)


def adapt(
    source: Path,
    target: Path,
    out: Path,
    method: AdaptingMethod = "dual_domain",
    read: Reading | None = None,
    aus: list[int] | None = None,
    pseudo_labels: Path | None = None,
    split: SplitName = "everybody",
    fold: int = 1,
    validation_people: int = 0,
    landmarks_iterations: int = 1600,
    supervised_iterations: int = 1600,
    iterations: int = 600,
    pairs: int = 16,
    size: int = 64,
    width: int = 8,
    seed: int = 0,
    checkpoint_every: int = 200,
    accelerator: str = "cpu",
    progress: bool = True,
) -> Path:
    """Train a detector of the action units of one store for the pictures of another; goes on where it was.

    Three runs, each from the one before: landmark branches of both domains; these and the source's action
    units; then the method. So every method starts from action units that are learned. Learning rates are
    the published ones times ``SHORT_RUN``, those of landmark branches and discriminators as published.

    Args:
        source: Prepared store with AU labels and landmarks.
        target: Prepared store of the pictures to adapt to, cut as those of ``source``; its AU labels are
            never looked at.
        out: Folder of the run; receives ``model.safetensors``.
        method: Method of adaptation; ``source_only`` trains on without the target, to compare with.
        read: How ``dual_domain`` and ``adld`` read target pictures; default as each does.
        aus: FACS numbers to detect; default: those the field evaluates on the source's data set.
        pseudo_labels: A detector trained here on pictures cut alike, or another one's table (``.csv``), whose
            labels of the target ``dual_domain`` and ``adld`` learn from too, see
            :class:`metafacs.training.pseudo_labels.LabelTable`.
        split: Who of the source is held out, to test the model there; by default nobody.
        fold: Fold of the split, from 1.
        validation_people: People of the source taken out of training, by whom thresholds are chosen then.
        landmarks_iterations: Iterations of the landmark branches; 0 leaves this stage out.
        supervised_iterations: Iterations of landmarks and action units without adversaries; 0 leaves this
            stage out.
        iterations: Iterations of the method itself.
        pairs: Source pictures per batch, and target pictures; with 16 instead of 32 and twice the iterations
            ``source_only`` and ``dual_domain`` learned more on the twin of BP4D in about the same time.
        size: Side of the network's input in pixels.
        width: Channels of the first module, 32 in the papers.
        seed: Seed of training.
        checkpoint_every: Iterations between checkpoints.
        accelerator: ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ``gpu`` or ``auto``.
        progress: Show progress bars, and say which stage begins.

    Returns:
        Path of the finished model.

    Raises:
        StoreError: If the source cannot be learned from, see :func:`check_source`.
        ValueError: If stores or settings do not fit together.
    """
    # What does not fit is told before hours of training, and of cutting faces.
    check_source(source, method, size, landmarks_iterations + supervised_iterations)
    check_lengths(landmarks_iterations, supervised_iterations, iterations, checkpoint_every)
    batch = BatchSizes(au=pairs)
    if pseudo_labels is not None:
        read_labeller(pseudo_labels, Store(target), size)
    if read:
        refuse_reading(method, METHODS[method], read)
    options: dict[str, object] = {"width": width, **({"read": read} if read else {})}
    learn = partial(
        train,
        action_units=source,
        target=target,
        aus=aus,
        split=split,
        fold=fold,
        validation_people=validation_people,
        batch=batch,
        size=size,
        augmentation=_AUGMENTATION,
        seed=seed,
        checkpoint_every=checkpoint_every,
        accelerator=accelerator,
        progress=progress,
    )
    first: Path | None = None
    stages = (("landmarks", landmarks_iterations, None), ("supervised", supervised_iterations, _supervised()))
    for stage, length, optimizers in stages:
        if not length:
            continue
        if progress:
            print(f"{_STAGES[stage]}: {length:,} iterations of {pairs} pairs of pictures")
        first = learn(
            "dual_domain",
            options={"width": width, "stage": stage, "focus": 0.0},
            out=out / stage,
            iterations=length,
            optimizers=optimizers,
            initialise=first,
        )
    if progress:
        print(f"{method}: {iterations:,} iterations of {pairs} pairs; a stopped run goes on where it was")
    return learn(
        method,
        options=options,
        out=out,
        iterations=iterations,
        optimizers=short_run_optimizers(method, width),
        initialise=first,
        pseudo_labels=pseudo_labels,
    )


_STAGES = {"landmarks": "landmark branches", "supervised": "landmark branches and action units"}


def _supervised() -> dict[str, OptimizerSpec]:
    """Return the optimisers of the second stage: landmark branches go on as they will in the third."""
    joint = METHODS["dual_domain"].build((1,), options={"width": 1}).optimizers()
    return {
        "task": replace(joint["task"], lr=_SUPERVISED_RATE * joint["task"].lr),
        "landmarks": joint["landmarks"],
    }


def short_run_optimizers(method: str, width: int) -> dict[str, OptimizerSpec]:
    """Return a method's optimisers for a short run: faster than published where that is safe."""
    options: dict[str, object] = {"width": width}
    published = METHODS[method].build((1,), options=options).optimizers()
    return {group: replace(spec, lr=SHORT_RUN.get(group, 1.0) * spec.lr) for group, spec in published.items()}


def check_lengths(
    landmarks_iterations: int, supervised_iterations: int, iterations: int, checkpoint_every: int
) -> None:
    """Refuse lengths of the stages that are out of range.

    Raises:
        ValueError: Naming the one.
    """
    check_number("landmarks_iterations", landmarks_iterations, 0, LONGEST_RUN)
    check_number("supervised_iterations", supervised_iterations, 0, LONGEST_RUN)
    TrainingPlan(iterations, checkpoint_every=checkpoint_every)


def check_source(source: Path, method: str, size: int, first: int) -> Store:
    """Return the store to learn from, if a method can.

    Args:
        source: The store.
        method: Name of the method.
        size: Side of the network's input in pixels.
        first: Iterations of the stages before the method, which learn landmarks.

    Raises:
        StoreError: If it is no store, or has no AU labels, or none of the landmarks that the method needs.
        ValueError: If its crops are smaller than the network's input.
    """
    store = Store(source)
    if not (~np.isnan(store.action_units)).any():
        raise StoreError(f"{source} has no AU labels to learn from; give a labelled store as the source")
    needed = first > 0 or method in _NEED_LANDMARKS
    if needed and np.isnan(store.landmarks[:, list(LANDMARKS_68_TO_49)]).any((1, 2)).all():
        raise StoreError(
            f"{source} knows no face's landmarks, and {'the first stages' if first else method} cannot learn "
            "without; prepare it again, or choose dann, adda or source_only with --landmarks_iterations 0 "
            "--supervised_iterations 0"
        )
    check_crop(store.size, size)
    return store
