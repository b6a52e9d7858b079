"""Protocols: from a trained model and a prepared store to a record."""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description
from metafacs.data.splits import Side, Split, SplitError, SplitName
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.evaluation.diagnostics import levels_of
from metafacs.evaluation.held_out import (
    choose_test_split,
    judged_by,
    refuse_other_parts,
    warn_if_learned_from,
)
from metafacs.evaluation.landmarks import LandmarkScores, measurable, score_landmarks
from metafacs.evaluation.predictions import collect_predictions
from metafacs.evaluation.readings import made_to_read, read_as
from metafacs.evaluation.records import Record, TestedData
from metafacs.evaluation.scoring import score_predictions
from metafacs.evaluation.thresholds import (
    VALIDATION,
    Thresholds,
    choose_thresholds,
    has_validation_thresholds,
    refuse_choosers,
    refuse_known_choosers,
    refuse_without_validation,
)
from metafacs.methods.base import Method
from metafacs.models.devices import check_device, device_of
from metafacs.models.dual_domain import Domain, Reading
from metafacs.models.model_file import learned_from
from metafacs.parsing import check_number
from metafacs.training.transfer import refuse_leaks


@dataclass(frozen=True)
class HeldOutTest:
    """A model, ready to be tested on pictures that it has not learned from.

    Attributes:
        checkpoint: The model.
        method: The same as a network, reading the pictures as those of their domain.
        stream: The pictures, as the model reads them.
        data: What to say of them in a record.
    """

    checkpoint: Checkpoint
    method: Method
    stream: Stream
    data: TestedData


def open_test(
    model: Path | str,
    store: Path | str,
    *,
    split: SplitName | None = None,
    fold: int | None = None,
    side: Side = "test",
    domain: Domain | None = None,
    read: Reading | None = None,
    batch_size: int = 256,
    labelled: bool = True,
    device: str | torch.device = "cpu",
) -> HeldOutTest:
    """Open a model and the pictures its split held out.

    Args:
        model: File that ``metafacs train`` wrote.
        store: Prepared store.
        split: Split of a data set that the model was not trained on; None = the usual one, ``everybody`` =
            all of it. On its own data set a model is tested by the split it was trained with, on one it was
            adapted to by its parts.
        fold: Fold to test on; None = the fold the model was trained for.
        side: ``test``, or ``validation`` to choose settings by, where the model's split has such people.
        domain: As which pictures a method that reads domains apart takes these; None = ``source`` for the
            data set it was trained on, otherwise as the model was made for.
        read: How a method that has a choice reads target pictures; None = as the model was made for.
        batch_size: Pictures at a time.
        labelled: Whether to leave out pictures without a label of the model's AUs.
        device: Where the model runs, see :func:`metafacs.models.devices.check_device`.

    Raises:
        SplitError: If the model was trained on everybody, or it, or the one it started from, on people or
            pictures it would be tested on.
        ValueError: If a domain is asked for and the method reads all pictures alike, or a way to read and it
            has no choice.
    """
    there = check_device(device)
    checkpoint = load_checkpoint(model)
    _refuse_without_aus(checkpoint)
    if read:
        checkpoint = made_to_read(checkpoint, read)
    opened = Store(store)
    chosen = choose_test_split(checkpoint, opened, split, fold)
    described = checkpoint.description
    refuse_leaks(described, opened.dataset, judged_by(chosen, side))
    stream = held_out_stream(opened, checkpoint, chosen, side, batch_size, labelled=labelled)
    method = checkpoint.build(Method).to(there)
    if side == "validation":
        warn_if_learned_from(method, chosen)
    if domain and not method.domain:
        raise ValueError(f"{checkpoint.method} reads all pictures alike; leave --domain {domain} out")
    if domain:
        method.domain = domain
    elif method.domain and opened.dataset == described.data[0].dataset:
        method.domain = "source"
    if read and method.domain == "source":
        raise ValueError(
            f"source pictures are read in one way; leave --read {read} out, or add --domain target"
        )
    return HeldOutTest(checkpoint, method, stream, tested_data(checkpoint, opened, chosen, side))


def tested_data(checkpoint: Checkpoint, store: Store, split: Split, side: Side) -> TestedData:
    """Return what a record says of the pictures of one side of a split that a model is tested on."""
    return TestedData(
        name=store.dataset,
        synthetic=checkpoint.description.synthetic or store.synthetic,
        split=split.name if side == "test" else f"{split.name}, validation people",
        split_hash=split.hash,
        fold=split.fold,
        twin_seed=store.twin_seed,
        store=store.fingerprint,
    )


def evaluate(
    model: Path | str,
    action_units: Path | str,
    *,
    split: SplitName | None = None,
    fold: int | None = None,
    side: Side = "test",
    domain: Domain | None = None,
    read: Reading | None = None,
    thresholds: Thresholds | None = None,
    validation_store: Path | str | None = None,
    batch_size: int = 256,
    device: str | torch.device = "cpu",
) -> Record:
    """Test a model on the people its split held out, the arguments of :func:`open_test`.

    Args:
        model: File that ``metafacs train`` wrote.
        action_units: Prepared store with AU labels.
        split: Split of a data set that the model was not trained on.
        fold: Fold to test on.
        side: ``test``, or ``validation`` to choose settings by.
        domain: As which pictures a method that reads domains apart takes these.
        read: How a method that has a choice reads target pictures; becomes an option of the record.
        thresholds: From which probability on an AU counts as present: a number; ``validation`` for the best
            F1 per AU on the validation people of the data the model was trained on, read as the tested
            pictures are, see :func:`validation_thresholds`; None = as the model says, .5 if it says nothing.
        validation_store: Prepared store with these people; None = ``action_units``.
        batch_size: Pictures at a time.
        device: Where the model runs.

    Returns:
        Scores per AU with their intervals, and everything they depend on. The record of a method that finds
        landmarks tells how far they were off, where the pictures' landmarks are known; that of a method with
        telling curves, at which level they ended.

    Raises:
        SplitError: If the model has learned from somebody it would be tested on, or thresholds are to be
            chosen and it has no validation people.
        ValueError: If a domain or a way to read is asked for and the method knows one only, or the thresholds
            were chosen on the people that they would be judged on.
    """
    test = open_test(
        model,
        action_units,
        split=split,
        fold=fold,
        side=side,
        domain=domain,
        read=read,
        batch_size=batch_size,
        device=device,
    )
    began = time.perf_counter()
    checkpoint, method = test.checkpoint, test.method
    description = checkpoint.description
    if thresholds == VALIDATION:
        description = validation_thresholds(
            checkpoint, method, validation_store or action_units, batch_size=batch_size
        )
    elif thresholds is not None:
        check_number("thresholds", thresholds, 0, 1)
        description = description.cut_at(thresholds)
    if side == "validation":
        refuse_choosers(description, test.data.name)
    checkpoint = replace(checkpoint, description=description)
    record = score_predictions(
        collect_predictions(method, test.stream),
        method=checkpoint.method,
        data=test.data,
        seed=description.seed,
        config=described(checkpoint),
        threshold=torch.tensor([description.threshold_of(au) for au in checkpoint.aus]),
        seconds={"train": checkpoint.seconds, "test": time.perf_counter() - began},
        iterations=checkpoint.iteration,
        history=checkpoint.history,
    )
    record = replace(record, diagnostics=levels_of(checkpoint, method))
    if method.domain in method.landmark_domains and len(measurable(test.stream)):
        return replace(record, landmarks=evaluate_landmarks(test))
    return record


def validation_thresholds(
    checkpoint: Checkpoint, method: Method, store: Path | str, *, batch_size: int = 256
) -> Description:
    """Return a model's description with thresholds that its validation people say.

    They are people of the data set that the labels came from, whom the split kept out of training, and never
    those who are tested. They are read as the pictures that the thresholds are for, where a method has a
    choice: a threshold cuts what one and the same function says.

    Args:
        checkpoint: The model; where it keeps such thresholds for that reading, they stand.
        method: The same as a network.
        store: Prepared store of the data set with AU labels that it was trained on.
        batch_size: Pictures at a time.

    Raises:
        SplitError: If it has no validation people, the store is of another data set, or the model that it
            started from has learned from these people.

    Warns:
        UserWarning: Naming the AUs of which the validation people tell no threshold, which keep .5.
    """
    description = checkpoint.description
    if has_validation_thresholds(description, read_as(method)):
        return description
    split, opened = description.held_out, Store(store)
    refuse_without_validation(split)
    if opened.dataset != description.data[0].dataset:
        raise SplitError(
            f"the model's validation people are of {description.data[0].dataset}, {opened.path} holds "
            f"{opened.dataset}; name the store it was trained on with --validation_store"
        )
    refuse_other_parts(split, opened)
    refuse_known_choosers(learned_from(description.to_json()), opened.dataset, split)
    warn_if_learned_from(method, split)
    stream = held_out_stream(opened, checkpoint, split, "validation", batch_size)
    return choose_thresholds(description, collect_predictions(method, stream), read_as(method))


def keep_thresholds(model: Path | str, store: Path | str, *, device: str | torch.device = "cpu") -> None:
    """Write thresholds that its validation people say into a model's file, for pictures as it reads them.

    Args:
        model: File that ``metafacs train`` wrote; one that has such thresholds stays as it is.
        store: Prepared store of the data set with AU labels that it was trained on.
        device: Where the model runs.

    Raises:
        SplitError: As :func:`validation_thresholds`.
        OSError: If the file cannot be written.
    """
    checkpoint = load_checkpoint(model)
    _refuse_without_aus(checkpoint)
    method = checkpoint.build(Method).to(check_device(device))
    description = validation_thresholds(checkpoint, method, store)
    if description != checkpoint.description:
        save_checkpoint(model, replace(checkpoint, description=description))


def described(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what a record says of its model, as plain data."""
    return {"options": checkpoint.options, **checkpoint.description.to_json()}


def evaluate_landmarks(test: HeldOutTest) -> LandmarkScores:
    """Return how far the landmarks of a model are off on pictures held out.

    Args:
        test: Opened with ``labelled=False`` where AU labels do not matter; its method's domain says which
            landmark branch is asked.

    Raises:
        ValueError: If the model has no landmarks of that domain, or no picture has known ones.
    """
    method, domain = test.method, test.method.domain or "target"
    return score_landmarks(
        lambda images: method.predict_landmarks(images, domain), test.stream, device=device_of(method)
    )


def _refuse_without_aus(checkpoint: Checkpoint) -> None:
    if not checkpoint.aus:
        raise SplitError(
            f"{checkpoint.source} detects no action units ({checkpoint.method}): there is nothing to test"
        )


def held_out_stream(
    store: Store, checkpoint: Checkpoint, split: Split, side: Side, batch_size: int, *, labelled: bool = True
) -> Stream:
    """Return the pictures on one side of a split as the model reads them; without ``labelled`` no labels.

    Raises:
        SplitError: If the store's crops were cut otherwise than the ones the model was trained on, or nobody
            is on that side.
    """
    if not getattr(split, side):
        raise SplitError(f"the model's split '{split.name}' has no {side} side; train it with one")
    framing = checkpoint.description.framing
    expected = {"size": framing.crop_size, "alignment": asdict(framing.alignment)}
    found = {key: store.description[key] for key in expected}
    if found != expected:
        raise SplitError(
            f"the model was trained on crops {expected}, {store.path} holds {found}; prepare it alike"
        )
    aus, rows = (checkpoint.aus if labelled else ()), split.rows(store, side)
    present = set((store.subjects if split.by == "subject" else store.parts)[rows])
    if absent := sorted(set(getattr(split, side)) - present):
        warnings.warn(
            f"{len(absent)} of the {len(absent) + len(present)} {side} people of the model's split "
            f"'{split.name}' are not in {store.path}, and are left out: {', '.join(absent[:10])}",
            stacklevel=2,
        )
    if labelled:
        rows &= ~np.isnan(store.action_units[:, store.columns_of(aus)]).all(axis=1)
    if not rows.any():
        raise SplitError(
            f"{store.path} holds no picture of the {side} side of the split '{split.name}'"
            + (" with a label of the model's action units" if labelled else "")
        )
    return Stream(
        store,
        np.flatnonzero(rows),
        aus=aus,
        name="test",
        batch_size=batch_size,
        size=framing.input_size,
        seed=0,
    )
