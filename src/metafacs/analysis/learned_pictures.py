"""The expression pictures and labels that a model has learned from, drawn again as its training drew them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from metafacs.checkpoints.description import Description
from metafacs.data.expression_pictures import ChosenPictures, ExpressionPictures, choose_expression_pictures
from metafacs.data.splits import own_training_rows
from metafacs.data.store import Store

TOLD = "expression_pictures"
"""Where a description tells how they were chosen; nothing where it was all as labelled."""


def learned_pictures(
    description: Description, store: Store, provenance: Path | None = None
) -> ChosenPictures | None:
    """Return the pictures and labels that a model has learned from; None for all as they are labelled.

    Args:
        description: Of the model.
        store: Prepared store of the expressions it has learned from.
        provenance: ``twin_provenance.csv`` of the twin, where carriers had a part in the choice.

    Raises:
        ValueError: If the store is another one, or what the choice needs is not given.
    """
    told = description.more.get(TOLD)
    if not isinstance(told, dict):
        return None
    names = {field.name for field in fields(ExpressionPictures)}
    given = {name: value for name, value in told.items() if name in names}
    if provenance is None and "carriers" in told:
        raise ValueError(
            "the model's expression pictures were chosen by what carries the expression; give the twin's "
            "twin_provenance.csv with --provenance"
        )
    settings = ExpressionPictures(**given, provenance=provenance if "carriers" in told else None)
    rows = np.flatnonzero(own_training_rows(store) & (store.expression >= 0))
    found = choose_expression_pictures(store, rows, settings, description.seed)
    if found.told != told:
        raise ValueError(
            f"{store.path} does not hold the expression pictures that the model has learned from; give the "
            "store it was trained with"
        )
    return found
