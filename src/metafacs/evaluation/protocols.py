"""Protocols: from a trained model and a prepared store to a record."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.data.splits import Side, Split, SplitError, SplitName, choose_split, refuse_overlap
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.evaluation.predictions import Predictions, collect_predictions
from metafacs.evaluation.records import DataSource, Record
from metafacs.evaluation.scoring import score_predictions
from metafacs.training.checkpoint import Checkpoint, load_checkpoint


def evaluate_held_out(
    model: Path | str,
    action_units: Path | str,
    *,
    split: SplitName | None = None,
    fold: int | None = None,
    side: Side = "test",
    batch_size: int = 256,
) -> tuple[Record, Predictions]:
    """Test a model on the people its split held out.

    Args:
        model: File that ``metafacs train`` wrote.
        action_units: Prepared store with AU labels.
        split: Split of a data set that the model was not trained on; None = the usual one. On its own data
            set a model is tested by the split it was trained with.
        fold: Fold to test on; None = the fold the model was trained for.
        side: ``test``, or ``validation`` to choose settings by, where the model's split has such people.
        batch_size: Pictures at a time.

    Returns:
        The record and the predictions it was made from.

    Raises:
        SplitError: If the model was trained on everybody, or on people or pictures it would be tested on.
    """
    checkpoint = load_checkpoint(model)
    store = Store(action_units)
    chosen = _test_split(checkpoint, store, split, fold)
    stream = held_out_stream(store, checkpoint, chosen, side, batch_size)
    began = time.perf_counter()
    predictions = collect_predictions(checkpoint.build_method(), stream)
    twin = store.description["twin"]
    data = DataSource(
        name=store.dataset,
        synthetic=bool(checkpoint.description["synthetic"]) or store.synthetic,
        split=chosen.name if side == "test" else f"{chosen.name}, validation people",
        split_hash=chosen.hash,
        fold=chosen.fold,
        twin_seed=twin["seed"] if twin else None,
    )
    record = score_predictions(
        predictions,
        method=checkpoint.method,
        data=data,
        seed=int(checkpoint.description["seed"]),  # type: ignore[call-overload]
        config={"options": checkpoint.options, **checkpoint.description},
        threshold=float(checkpoint.description["threshold"]),  # type: ignore[arg-type]
        seconds={"train": checkpoint.seconds, "test": time.perf_counter() - began},
        iterations=checkpoint.iteration,
        history=checkpoint.history,
    )
    return record, predictions


def _test_split(checkpoint: Checkpoint, store: Store, name: SplitName | None, fold: int | None) -> Split:
    """Return the split to test a model by, after checking that it was trained on nobody it is tested on."""
    trained: Any = checkpoint.description["split"]
    sources: Any = checkpoint.description["data"]
    number = trained["fold"] if fold is None else fold
    # Ids are only comparable within one data set: F001 of BP4D is nobody in DISFA.
    if all(source["dataset"] != store.dataset for source in sources):
        return choose_split(store, name, number)
    if trained["name"] == "everybody":
        raise SplitError("the model was trained on everybody: nobody is held out; train with another --split")
    own = Split.from_mapping(trained)
    if own.by == "part":
        if own != choose_split(store, "parts"):
            raise SplitError(f"the parts of {store.path} are not those that the model was trained with")
        return own
    if fold is None or fold == own.fold:
        return own
    other = choose_split(store, name, fold)
    refuse_overlap(own.train, other.test)
    return other


def held_out_stream(
    store: Store, checkpoint: Checkpoint, split: Split, side: Side, batch_size: int
) -> Stream:
    """Return the labelled pictures on one side of a split, as the model reads them.

    Raises:
        SplitError: If the store's crops were cut otherwise than the ones the model was trained on, or nobody
            is on that side.
    """
    if not getattr(split, side):
        raise SplitError(f"the model's split '{split.name}' has no {side} side; train it with one")
    expected = {"size": checkpoint.description["crop_size"], "alignment": checkpoint.description["alignment"]}
    found = {key: store.description[key] for key in expected}
    if found != expected:
        raise SplitError(
            f"the model was trained on crops {expected}, {store.path} holds {found}; prepare it alike"
        )
    labelled = ~np.isnan(store.action_units[:, store.columns_of(checkpoint.aus)]).all(axis=1)
    return Stream(
        store,
        np.flatnonzero(labelled & split.rows(store, side)),
        aus=checkpoint.aus,
        name="test",
        batch_size=batch_size,
        size=int(checkpoint.description["input_size"]),  # type: ignore[call-overload]
        seed=0,
    )
