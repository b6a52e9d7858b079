"""What carries the expression of each picture of a prepared twin: known of rendered faces only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metafacs.data.datasets.reading import DatasetError, find_twin, numbered_rows
from metafacs.data.store import Store
from metafacs.data.twins.carriers import CARRIERS

NEUTRAL = "neutral"
"""Class whose pictures show no expression: nothing has to carry one."""

_COLUMNS = ("name", "subject", "carrier")


@dataclass(frozen=True)
class CarriedPictures:
    """Pictures of a twin with what is true of them and no licensed set tells.

    Attributes:
        carriers: ``row``, one of :data:`metafacs.data.twins.carriers.CARRIERS`, or ``neutral``.
        people: ``row``, id of the person.
    """

    carriers: np.ndarray
    people: np.ndarray

    @property
    def without_action_units(self) -> np.ndarray:
        """Which pictures have an expression that no action unit carries, boolean, ``row``."""
        return ~np.isin(self.carriers, (CARRIERS[0], NEUTRAL))


def read_carriers(path: Path | str, store: Store) -> CarriedPictures:
    """Read what a twin writes beside its labels and match it with the pictures of a store.

    Args:
        path: ``twin_provenance.csv`` of the twin, of RAF-DB's in ``basic/EmoLabel``.
        store: Prepared store of that twin.

    Raises:
        DatasetError: If the store is no twin's, the table another one's, or a picture is not in it.
    """
    if not store.synthetic:
        raise DatasetError(
            f"{store.path} holds pictures of {store.dataset} itself: what carries an expression is known of "
            "rendered faces only; give the store of a twin"
        )
    path = Path(path)
    twin = find_twin(path.parent)
    if twin is None or twin != store.description["twin"]:
        raise DatasetError(
            f"{path} is not of the twin that {store.path} was prepared from; give the "
            "twin_provenance.csv of that one"
        )
    rows = numbered_rows(path)
    _, header = next(rows, (1, [""]))
    missing = [name for name in _COLUMNS if name not in header]
    if missing:
        raise DatasetError(f"{path}: no column {', '.join(missing)}; give the table of a twin of RAF-DB")
    places = [header.index(name) for name in _COLUMNS]
    told: dict[str, tuple[str, str]] = {}
    for number, cells in rows:
        if len(cells) != len(header):
            raise DatasetError(f"{path}, line {number}: {len(cells)} cells under {len(header)} heads")
        name, subject, carrier = (cells[place] for place in places)
        if carrier not in CARRIERS:
            raise DatasetError(f"{path}, line {number}: {carrier!r} is none of {', '.join(CARRIERS)}")
        told[name.rpartition(".")[0]] = subject, carrier
    absent = [key for key in store.keys.tolist() if key not in told]
    if absent:
        raise DatasetError(
            f"{path} does not tell of {len(absent)} pictures of {store.path}, e.g. {absent[0]}"
        )
    people, carriers = np.array([told[key] for key in store.keys.tolist()]).T
    return CarriedPictures(np.where(neutral_rows(store), NEUTRAL, carriers), people)


def neutral_rows(store: Store) -> np.ndarray:
    """Return which pictures are labelled neutral, boolean, ``row``; none where the set has no such class."""
    code = store.expressions.index(NEUTRAL) if NEUTRAL in store.expressions else None
    return np.zeros(len(store), bool) if code is None else store.expression == code
