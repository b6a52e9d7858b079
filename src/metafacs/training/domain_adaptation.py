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
from metafacs.parsing import check_number
from metafacs.training.pseudo_labels import read_labeller
from metafacs.training.run import train
from metafacs.training.trainer import LONGEST_RUN, TrainingPlan
from metafacs.training.training_data import BatchSizes

AdaptingMethod = Literal["dual_domain", "adld", "dann", "adda", "source_only"]

SHORT_RUN = {
    "base": 20.0,
    "task": 20.0,
    "source": 20.0,
    "target": 10.0,
    "generators": 40.0,
    "landmark_discriminator": 40.0,
}
"""Group -> factor on its published learning rate, which is for 75,600 iterations, too slow for a thousand.

What learns action units and the generators were judged on six validation people of the twin of BP4D, see
configs/dual_domain_settings_twin.yaml. D_l learns as fast as the generators: left behind, it finds no
landmarks and G_b collapses. Landmark branches and domain discriminators keep their rates: ten times as
fast, dual_domain's loss_domain_discriminator fell to .0006 within 160 iterations from the twin of BP4D to
that of DISFA; as published it stays near .06."""

_NEED_LANDMARKS = ("dual_domain", "adld")
_AUGMENTATION = Augmentation(flip=0.5, brightness=8.0, contrast=0.1)


def adapt(
    source: Path,
    target: Path,
    out: Path,
    method: AdaptingMethod = "dual_domain",
    aus: list[int] | None = None,
    pseudo_labels: Path | None = None,
    split: SplitName = "everybody",
    fold: int = 1,
    validation_people: int = 0,
    landmarks_iterations: int = 1600,
    iterations: int = 3000,
    pairs: int = 16,
    size: int = 64,
    width: int = 8,
    seed: int = 0,
    checkpoint_every: int = 200,
    accelerator: str = "cpu",
    progress: bool = True,
) -> Path:
    """Train a detector of the action units of one store for the pictures of another; goes on where it was.

    The dual-domain method is trained in two runs, the landmark branches first. Learning rates are the
    published ones times ``SHORT_RUN``, those of landmark branches and discriminators as published.

    Args:
        source: Prepared store with AU labels and landmarks.
        target: Prepared store of the pictures to adapt to, cut as those of ``source``; its AU labels are
            never looked at.
        out: Folder of the run; receives ``model.safetensors``.
        method: Method of adaptation; ``source_only`` trains without the target, to compare with.
        aus: FACS numbers to detect; default: those the field evaluates on the source's data set.
        pseudo_labels: A detector trained here on pictures cut alike, or another one's table (``.csv``), whose
            labels of the target ``dual_domain`` and ``adld`` learn from too, see
            :class:`metafacs.training.pseudo_labels.LabelTable`.
        split: Who of the source is held out, to test the model there; by default nobody.
        fold: Fold of the split, from 1.
        validation_people: People of the source taken out of training, by whom thresholds are chosen then.
        landmarks_iterations: Iterations of the landmark branches before the rest of ``dual_domain``; 0 leaves
            this stage out.
        iterations: Iterations of the training itself.
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
    check_source(source, method, size)
    check_lengths(landmarks_iterations, iterations, checkpoint_every)
    batch = BatchSizes(au=pairs)
    if pseudo_labels is not None:
        read_labeller(pseudo_labels, Store(target), size)
    options: dict[str, object] = {"width": width}
    learn = partial(
        train,
        method,
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
    if method == "dual_domain" and landmarks_iterations:
        if progress:
            print(f"landmark branches: {landmarks_iterations:,} iterations of {pairs} pairs of pictures")
        staged = {**options, "stage": "landmarks"}
        first = learn(options=staged, out=out / "landmarks", iterations=landmarks_iterations)
    if progress:
        print(f"{method}: {iterations:,} iterations of {pairs} pairs; a stopped run goes on where it was")
    optimizers = short_run_optimizers(method, width)
    return learn(
        options=options,
        out=out,
        iterations=iterations,
        optimizers=optimizers,
        initialise=first,
        pseudo_labels=pseudo_labels,
    )


def short_run_optimizers(method: str, width: int) -> dict[str, OptimizerSpec]:
    """Return a method's optimisers for a short run: faster than published where that is safe."""
    options: dict[str, object] = {"width": width}
    published = METHODS[method].build((1,), options=options).optimizers()
    return {group: replace(spec, lr=SHORT_RUN.get(group, 1.0) * spec.lr) for group, spec in published.items()}


def check_lengths(landmarks_iterations: int, iterations: int, checkpoint_every: int) -> None:
    """Refuse lengths of the stages that are out of range.

    Raises:
        ValueError: Naming the one.
    """
    check_number("landmarks_iterations", landmarks_iterations, 0, LONGEST_RUN)
    TrainingPlan(iterations, checkpoint_every=checkpoint_every)


def check_source(source: Path, method: str, size: int) -> Store:
    """Return the store to learn from, if a method can.

    Raises:
        StoreError: If it is no store, or has no AU labels, or none of the landmarks that the method needs.
        ValueError: If its crops are smaller than the network's input.
    """
    store = Store(source)
    if not (~np.isnan(store.action_units)).any():
        raise StoreError(f"{source} has no AU labels to learn from; give a labelled store as the source")
    if method in _NEED_LANDMARKS and np.isnan(store.landmarks[:, list(LANDMARKS_68_TO_49)]).any((1, 2)).all():
        raise StoreError(
            f"{source} knows no face's landmarks, which {method} learns from; prepare it again, or choose "
            "another method"
        )
    check_crop(store.size, size)
    return store
