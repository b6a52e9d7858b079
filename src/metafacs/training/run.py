"""One training run: from prepared stores and a configuration to a model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from metafacs.data.expression_pictures import ALL_AS_LABELLED, ExpressionPictures
from metafacs.data.splits import Split, SplitError, SplitName, choose_split, with_validation_people
from metafacs.data.store import Store
from metafacs.data.streams import BatchStream
from metafacs.data.transforms import Augmentation
from metafacs.faces.alignment import LARGEST_CROP, SMALLEST_CROP
from metafacs.launch import is_first
from metafacs.methods import find_method, method_name
from metafacs.methods.base import Method, OptimizerChanges, OptimizerSpec
from metafacs.methods.options import complete_options, option_defaults
from metafacs.models.devices import check_device
from metafacs.models.initial_weights import describe_weights
from metafacs.parsing import check_number
from metafacs.training.computing import COMPUTING, USUAL_COMPUTING, Computing, Precision, check_computing
from metafacs.training.description import describe_run
from metafacs.training.pseudo_labels import LabelTable, PseudoLabelled, read_labeller
from metafacs.training.together import meet, part
from metafacs.training.trainer import LARGEST_SEED, LONGEST_RUN, Trainer, TrainingPlan
from metafacs.training.training_data import BatchSizes, choose_rows, chosen_aus, further_store, make_streams
from metafacs.training.transfer import refuse_leaks, transfer

PSEUDO_LABELS = "pseudo_labels"
"""Option of the methods that learn from such labels, and argument that says who gives them."""


MAL_BATCH = BatchSizes()
MAL_AUGMENTATION = Augmentation()


def train(
    method: str | type[Method],
    action_units: Path | str,
    out: Path | str,
    *,
    options: Mapping[str, object] | None = None,
    expression: Path | str | None = None,
    target: Path | str | None = None,
    aus: list[int] | None = None,
    split: SplitName | None = None,
    fold: int = 1,
    lists: tuple[Path, Path] | None = None,
    validation_people: int = 0,
    iterations: int = 1000,
    batch: BatchSizes = MAL_BATCH,
    size: int = 224,
    reserve: float = 0.02,
    augmentation: Augmentation = MAL_AUGMENTATION,
    expression_pictures: ExpressionPictures = ALL_AS_LABELLED,
    optimizers: Mapping[str, OptimizerChanges] | None = None,
    initialise: Path | None = None,
    stand_ins: dict[int, int] | None = None,
    pseudo_labels: Path | None = None,
    seed: int = 0,
    checkpoint_every: int = 200,
    accelerator: str = "cpu",
    precision: Precision = "32-true",
    computing: Computing = USUAL_COMPUTING,
    progress: bool = True,
) -> Path:
    """Train a detector; a run that was stopped goes on where it was.

    Args:
        method: Name of the method, see ``metafacs methods``; ``module:Class`` of your own; or its class.
        action_units: Prepared store with AU labels.
        out: Folder of the run; receives ``model.safetensors``.
        options: Options of the method.
        expression: Prepared store with expression labels, for methods that read them.
        target: Prepared store of the pictures to adapt to, for methods that read them; its AU labels are
            never looked at.
        aus: FACS numbers to detect; default: those the field evaluates on this data set.
        split: Who is held out: ``published`` folds, ``adld``, ``leave_one_subject_out``, the set's own
            ``parts``, ``listed`` people, or nobody (``everybody``); default ``published`` where there are
            published folds, else ``parts``.
        fold: Fold of the split whose people are held out, from 1.
        lists: Files with the people to train on and to test, one id a line, for ``listed``.
        validation_people: People taken out of training to choose settings by, never the test people.
        iterations: Number of iterations.
        batch: Pictures per batch.
        size: Side of the network's input in pixels; the store's crops may be larger (random crops).
        reserve: Share of each training person's pictures kept for validation, where the set has no validation
            part of its own; no method trains on them, and with 0 there are none, for methods that read none.
        augmentation: Random changes of training pictures.
        expression_pictures: Which pictures of ``expression`` are learned from, and how many with permuted
            labels; for studies of what misleads.
        optimizers: Changes of the method's optimisers by parameter group: what is not named stays as the
            method has it, unless another optimiser is named, which starts from its defaults.
        initialise: Model to start from, see :func:`metafacs.training.transfer.transfer`; MAL starts DISFA so,
            from BP4D.
        stand_ins: AU to detect -> AU of that model to start it from, where it has another number.
        pseudo_labels: Who labels the pictures to adapt to, for a method with an option ``pseudo_labels``,
            which is switched on: a detector trained here, or another one's table (``.csv``), see
            :class:`metafacs.training.pseudo_labels.LabelTable`.
        seed: Seed of initial weights, shuffling, augmentation and reserve.
        checkpoint_every: Iterations between checkpoints.
        accelerator: ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ``gpu`` or ``auto``.
        precision: ``32-true``; ``bf16-mixed`` where the device is fast at it; ``16-mixed``, float16 with
            scaled losses, for GPUs without bfloat16 and methods with a single loss.
        computing: What changes the speed and the rounding, not what is learned.
        progress: Show a progress bar.

    Returns:
        Path of the finished model.

    Raises:
        ValueError: If stores, labels, people or options do not fit together, or a number is out of range.
        CheckpointError: If ``out`` holds another run.
        FolderInUseError: If another process trains there.
    """
    _check_settings(size, seed, fold, reserve, validation_people)
    kind = find_method(method)
    name = method_name(kind)
    device = check_device(accelerator)
    progress = progress and is_first()
    if stand_ins and initialise is None:
        raise ValueError("stand-ins are AUs of a model to start from; name it with --initialise")
    chosen_options = complete_options(kind, _with_pseudo_labels(kind, name, options or {}, pseudo_labels))
    check_computing(name, kind, precision, computing, device, chosen_options.get("estimator"))
    store = Store(action_units)
    others = {
        role: further_store(role, path, name)
        for role, path in (("expression", expression), ("target", target))
        if role in kind.streams
    }
    numbers = chosen_aus(store, aus)
    chosen = split_to_train(store, split, fold, lists, validation_people)
    if progress:
        for role, path in (("expression", expression), ("target", target)):
            if path is not None and role not in kind.streams:
                print(f"{name} reads no {role} pictures: {path} is not used")
    data = choose_rows(store, others, numbers, chosen, reserve, seed, joint="joint" in kind.streams)
    if "validation" in kind.streams and not len(data.reserve):
        raise ValueError(
            f"{name} learns from a reserve of pictures: give --reserve a share above 0, such as .02"
        )
    if expression_pictures != ALL_AS_LABELLED:
        data = data.with_expressions(expression_pictures, seed)
    torch.manual_seed(seed)
    classes = others["expression"].expressions if "expression" in others else ()
    if "joint" in kind.streams:
        classes = store.expressions
    learner = kind.build(numbers, classes, chosen_options)
    changed = _changed(learner, name, optimizers or {})
    description = describe_run(data, kind.streams, size, seed, augmentation, batch, changed).with_more(
        initial_weights=_initial_weights(chosen_options),
        iterations=iterations,
        precision=precision,
        **{COMPUTING: computing.told()},
    )
    if data.expressions is not None:
        description = description.with_more(expression_pictures=data.expressions.told)
    if initialise is not None:
        taken = transfer(learner, initialise, stand_ins)
        description = taken.describe(description)
        if progress:
            print(taken)
    sizes = replace(batch, validation=batch.validation * learner.validation_batches)
    drawn = make_streams(data, numbers, sizes, size, seed, augmentation)
    streams: dict[str, BatchStream] = {**drawn}
    if pseudo_labels is not None:
        labeller, told = read_labeller(pseudo_labels, others["target"], size)
        description = description.with_more(pseudo_labels=told)
        if progress and isinstance(labeller, LabelTable):
            print("\n".join(labeller.notes))
        streams["target"] = PseudoLabelled(drawn["target"], labeller, numbers)
    fabric = meet(device, precision)
    trainer = Trainer(
        name,
        learner,
        chosen_options,
        streams,
        TrainingPlan(iterations, checkpoint_every=checkpoint_every),
        out,
        description,
        changed,
        fabric,
        computing,
    )
    refuse_leaks(trainer.description, store.dataset, chosen)
    model = trainer.run(progress=progress)
    part()
    return model


def split_to_train(
    store: Store,
    name: SplitName | None = None,
    fold: int = 1,
    lists: tuple[Path, Path] | None = None,
    validation_people: int = 0,
) -> Split:
    """Return whom a training learns from and whom it holds out; the arguments are those of :func:`train`.

    Raises:
        SplitError: If the store cannot be divided so.
    """
    chosen = choose_split(store, name, fold, lists)
    if chosen.fold != fold:
        raise SplitError(
            f"the split '{chosen.name}' has no fold {fold}, only fold {chosen.fold}; leave --fold out"
        )
    return with_validation_people(chosen, store, validation_people, seed=0) if validation_people else chosen


def _check_settings(size: int, seed: int, fold: int, reserve: float, validation_people: int) -> None:
    check_number("size", size, SMALLEST_CROP, LARGEST_CROP)
    check_number("seed", seed, 0, LARGEST_SEED)
    check_number("fold", fold, 1, LONGEST_RUN)
    check_number("reserve", reserve, 0, 0.9)
    check_number("validation_people", validation_people, 0, LONGEST_RUN)


def _changed(learner: Method, name: str, changes: Mapping[str, OptimizerChanges]) -> dict[str, OptimizerSpec]:
    """Return the optimisers of the groups that are to be stepped otherwise than the method has it."""
    usual = learner.optimizers()
    if unknown := sorted(changes.keys() - usual.keys()):
        raise ValueError(f"optimizers are given for {unknown} but {name} has the groups {sorted(usual)}")
    return {group: change.laid_over(usual[group]) for group, change in changes.items()}


def _initial_weights(options: Mapping[str, Any]) -> dict[str, object]:
    """Return what a record says of the weights that the backbone starts with."""
    backbone = options.get("backbone") or {"name": "", "weights": "none"}
    return describe_weights(backbone["weights"], backbone["name"])


def _with_pseudo_labels(
    kind: type[Method], name: str, options: Mapping[str, object], labeller: Path | None
) -> Mapping[str, object]:
    """Return the options of a method that learns from pseudo labels exactly if somebody gives them."""
    if labeller is None:
        if options.get(PSEUDO_LABELS):
            raise ValueError(
                f"{name} is to learn from pseudo labels, but nobody gives them: name a trained detector or "
                f"a table with --{PSEUDO_LABELS}"
            )
        return options
    if PSEUDO_LABELS not in option_defaults(kind):
        raise ValueError(f"{name} learns from no labels of other pictures; leave out --{PSEUDO_LABELS}")
    return {**options, PSEUDO_LABELS: True}
