"""Protocols: from a trained model and a prepared store to a record."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.data.splits import SplitError, published_split, refuse_overlap
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.evaluation.predictions import Predictions, collect_predictions
from metafacs.evaluation.records import DataSource, Record
from metafacs.evaluation.scoring import score_predictions
from metafacs.training.checkpoint import Checkpoint, load_checkpoint


def evaluate_held_out(
    model: Path | str, action_units: Path | str, *, fold: int | None = None, batch_size: int = 256
) -> tuple[Record, Predictions]:
    """Test a model on the people its fold held out.

    Args:
        model: File that ``metafacs train`` wrote.
        action_units: Prepared store with AU labels.
        fold: Fold to test on; None = the fold the model was trained for.
        batch_size: Pictures at a time.

    Returns:
        The record and the predictions it was made from.

    Raises:
        SplitError: If the model was trained on everybody, or on people of this fold's test part.
    """
    checkpoint = load_checkpoint(model)
    store = Store(action_units)
    trained: Any = checkpoint.description["split"]
    if trained is None:
        raise SplitError(f"{model} was trained on everybody: nobody is held out; train with --fold 1, 2 or 3")
    people = sorted(set(store.subjects) - {""})
    split = published_split(store.dataset, trained["fold"] if fold is None else fold, people)
    # Ids are only comparable within one data set: F001 of BP4D is nobody in DISFA.
    sources: Any = checkpoint.description["data"]
    if any(source["dataset"] == store.dataset for source in sources):
        refuse_overlap(trained["train"], split.test)
    stream = held_out_stream(store, checkpoint, split.test, batch_size)
    began = time.perf_counter()
    predictions = collect_predictions(checkpoint.build_method(), stream)
    twin = store.description["twin"]
    data = DataSource(
        name=store.dataset,
        synthetic=bool(checkpoint.description["synthetic"]) or store.synthetic,
        split=split.name,
        split_hash=split.hash,
        fold=split.fold,
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


def held_out_stream(store: Store, checkpoint: Checkpoint, people: tuple[str, ...], batch_size: int) -> Stream:
    """Return the labelled pictures of the given people, as the model reads them.

    Raises:
        SplitError: If the store's crops were cut otherwise than the ones the model was trained on.
    """
    expected = {"size": checkpoint.description["crop_size"], "alignment": checkpoint.description["alignment"]}
    found = {key: store.description[key] for key in expected}
    if found != expected:
        raise SplitError(
            f"the model was trained on crops {expected}, {store.path} holds {found}; prepare it alike"
        )
    labelled = ~np.isnan(store.action_units[:, store.columns_of(checkpoint.aus)]).all(axis=1)
    return Stream(
        store,
        np.flatnonzero(labelled & np.isin(store.subjects, people)),
        aus=checkpoint.aus,
        name="test",
        batch_size=batch_size,
        size=int(checkpoint.description["input_size"]),  # type: ignore[call-overload]
        seed=0,
    )
