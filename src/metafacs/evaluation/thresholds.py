"""Thresholds of a model, chosen on its validation people: which they are, and what is told of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from metafacs.checkpoints.description import THRESHOLD, Description
from metafacs.data.splits import Split, SplitError
from metafacs.data.store import Store
from metafacs.evaluation.calibration import best_f1_threshold, both_kinds
from metafacs.evaluation.held_out import judged_by
from metafacs.evaluation.predictions import Predictions
from metafacs.models.model_file import origin, read_model_file
from metafacs.training.pseudo_labels import TABLE_SUFFIX
from metafacs.training.run import split_to_train
from metafacs.training.transfer import refuse_leak

Thresholds = Literal["validation"] | float
"""From which probability on AUs count as present: one number, or per AU what validation people say."""

VALIDATION: Literal["validation"] = "validation"


def choose_thresholds(
    description: Description, predictions: Predictions, read_as: str | None = None
) -> Description:
    """Return the description with the threshold of best F1 on validation people for each AU.

    An AU that none, or all, of the pictures show keeps .5.

    Args:
        description: Of the model.
        predictions: What the model says of its validation people.
        read_as: As which pictures, and how, it read them, from :func:`metafacs.evaluation.readings.read_as`.

    Warns:
        UserWarning: Naming the AUs that keep .5.
    """
    decidable = both_kinds(predictions.targets)
    undecided = [au for au, known in zip(predictions.aus, decidable, strict=True) if not known]
    if undecided:
        warnings.warn(
            f"the validation people do not tell a threshold of {', '.join(f'AU{au}' for au in undecided)}: "
            f"nobody shows it, or everybody all the time; it stays {THRESHOLD}",
            stacklevel=2,
        )
    thresholds = {
        au: best_f1_threshold(predictions.probabilities[:, column], predictions.targets[:, column])
        for column, au in enumerate(predictions.aus)
        if decidable[column]
    }
    chosen_on = {
        "side": VALIDATION,
        "rule": "best F1",
        "people": len(set(predictions.subjects.tolist()) - {""}),
        "pictures": len(predictions.index),
        "read_as": read_as,
        "undecided": undecided,
    }
    return replace(description, threshold=THRESHOLD, thresholds=thresholds, thresholds_chosen_on=chosen_on)


def has_validation_thresholds(description: Description, read_as: str | None) -> bool:
    """Return whether a model keeps thresholds that were chosen so, for pictures read as asked."""
    chosen = description.thresholds_chosen_on
    return chosen.get("side") == VALIDATION and chosen.get("read_as") == read_as


def refuse_choosers(description: Description, dataset: str) -> None:
    """Refuse to judge, on the validation people of a data set, thresholds that were chosen on them.

    Raises:
        ValueError: Saying what to do.
    """
    chosen = description.thresholds_chosen_on.get("side") == VALIDATION
    if chosen and dataset == description.data[0].dataset:
        raise ValueError(
            "thresholds chosen on the validation people look too good on the same people: test at a number, "
            "e.g. --thresholds 0.5, and go by AUC, which needs no thresholds"
        )


def refuse_without_validation(split: Split) -> None:
    """Refuse to choose thresholds where nobody was kept for it.

    Raises:
        SplitError: Saying what to do.
    """
    if not split.validation:
        raise SplitError(
            f"the split '{split.name}' has no validation people to choose thresholds on: take some out of "
            "training with validation_people, e.g. 6, or leave thresholds at one number, e.g. 0.5"
        )


def check_validation_people(training: Mapping[str, Any]) -> None:
    """Refuse, before hours of training, one after which thresholds could not be chosen.

    Args:
        training: Arguments of :func:`metafacs.training.run.train`.

    Raises:
        SplitError: If it keeps no validation people, or starts from, or is labelled by, a model that has
            learned from them.
    """
    store = Store(training["action_units"])
    chosen = split_to_train(
        store,
        training.get("split"),
        training.get("fold", 1),
        training.get("lists"),
        training.get("validation_people", 0),
    )
    refuse_without_validation(chosen)
    for path in (training.get("initialise"), training.get("pseudo_labels")):
        if path is not None and Path(path).suffix.lower() != TABLE_SUFFIX:
            refuse_known_choosers([origin(path, *read_model_file(path))], store.dataset, chosen)


def refuse_known_choosers(models: Iterable[Mapping[str, Any]], dataset: str, split: Split) -> None:
    """Refuse to choose thresholds on validation people whom models that were learned from know.

    Args:
        models: What :func:`metafacs.models.model_file.origin` says of each.
        dataset: Name of the data set that is split.
        split: Whose validation people.

    Raises:
        SplitError: Naming the people.
    """
    try:
        for model in models:
            refuse_leak(model, dataset, judged_by(split, "validation"))
    except SplitError as error:
        raise SplitError(f"thresholds cannot be chosen on the validation people: {error}") from error
