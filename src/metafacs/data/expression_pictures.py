"""Which expression pictures a run learns from, and how many have permuted labels: doses of a study."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.data.store import Store
from metafacs.data.twins.carried_pictures import CarriedPictures, neutral_rows, read_carriers
from metafacs.parsing import check_number

MOST_PICTURES = 10**9


@dataclass(frozen=True)
class ExpressionPictures:
    """Which expression pictures are learned from, and how many have a wrong label.

    By default all, as they are labelled. Pictures and labels are drawn with the seed of the run. What
    misleads at one share misleads at every larger one, so that doses are steps on one way.

    Attributes:
        count: Pictures to take; neutral ones keep their share. 0 = all.
        permuted_labels: Share of the pictures that are not neutral whose labels are permuted among them. A
            permuted label tells nothing of the face, and is right by chance at times.
        without_action_units: Share of the pictures that are not neutral whose expression no action unit
            carries, but gaze, pose or nothing but the situation; None = as they are. Needs ``provenance``.
        oracle: Leave out pictures with a wrong label and those whose expression no action unit carries: a
            ceiling for methods that have to find them. Needs ``provenance``.
        provenance: ``twin_provenance.csv`` of the twin that the expression pictures are of. Nobody knows such
            things of real pictures, so there is none for licensed data.

    Raises:
        ValueError: If a number is out of range, or what needs ``provenance`` has none.
    """

    count: int = 0
    permuted_labels: float = 0.0
    without_action_units: float | None = None
    oracle: bool = False
    provenance: Path | None = None

    def __post_init__(self) -> None:
        check_number("expression_pictures.count", self.count, 0, MOST_PICTURES)
        check_number("expression_pictures.permuted_labels", self.permuted_labels, 0, 1)
        if self.without_action_units is not None:
            check_number("expression_pictures.without_action_units", self.without_action_units, 0, 1)
        if self.provenance is None and (self.oracle or self.without_action_units is not None):
            what = "oracle" if self.oracle else "without_action_units"
            raise ValueError(
                f"expression_pictures.{what} reads what a twin tells of its pictures: name its "
                "twin_provenance.csv as expression_pictures.provenance; it cannot run on licensed data, of "
                "which nobody knows it"
            )


ALL_AS_LABELLED = ExpressionPictures()


@dataclass(frozen=True)
class ChosenPictures:
    """Rows of a store to learn expressions from, with the labels to learn.

    Attributes:
        rows: ``picture``, row in the store.
        labels: ``row`` of the store, class index to learn, -1 unknown.
        wrong: ``row`` of the store, whether the label to learn is not the store's.
        told: What a record says of them, as plain data.
    """

    rows: np.ndarray
    labels: np.ndarray
    wrong: np.ndarray
    told: dict[str, Any]


def choose_expression_pictures(
    store: Store, rows: np.ndarray, settings: ExpressionPictures, seed: int
) -> ChosenPictures:
    """Return the pictures and labels that settings stand for.

    Args:
        store: Prepared store of expressions.
        rows: Rows with a label to choose from.
        settings: What to choose.
        seed: Seed of the choice and of the permutation.

    Raises:
        DatasetError: If the store is no twin's and has to be, see
            :func:`metafacs.data.twins.carried_pictures.read_carriers`.
        ValueError: If there are not as many pictures of a kind as are to be taken.
    """
    carried = None if settings.provenance is None else read_carriers(settings.provenance, store)
    neutral = neutral_rows(store)
    rng = np.random.default_rng((seed, zlib.crc32(b"expression_pictures")))
    order = rng.permutation(np.asarray(rows))
    at_rest, expressive = order[neutral[order]], order[~neutral[order]]
    count = settings.count or len(order)
    resting = round(count * len(at_rest) / max(len(order), 1)) if settings.count else len(at_rest)
    expressive = _expressive(expressive, count - resting, settings, carried, store)
    permuted = rng.permutation(expressive)[: round(settings.permuted_labels * len(expressive))]
    labels = store.expression.copy()
    labels[permuted] = labels[rng.permutation(permuted)]
    wrong = labels != store.expression
    chosen = np.sort(np.concatenate([_first(at_rest, resting, "neutral", store), expressive]))
    if settings.oracle:
        assert carried is not None
        chosen = chosen[~wrong[chosen] & ~carried.without_action_units[chosen]]
    told: dict[str, Any] = {
        "count": settings.count,
        "permuted_labels": settings.permuted_labels,
        "without_action_units": settings.without_action_units,
        "oracle": settings.oracle,
        "pictures": len(chosen),
        "wrong": int(wrong[chosen].sum()),
        "labels": hashlib.sha256(labels[chosen].astype(np.int64).tobytes()).hexdigest()[:16],
    }
    if carried is not None:
        names, counts = np.unique(carried.carriers[chosen], return_counts=True)
        told["carriers"] = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return ChosenPictures(chosen, labels, wrong, told)


def _expressive(
    rows: np.ndarray, count: int, settings: ExpressionPictures, carried: CarriedPictures | None, store: Store
) -> np.ndarray:
    """Return as many of the rows that are not neutral, in their order, of the kinds that are asked for."""
    if settings.without_action_units is None:
        return _first(rows, count, "not neutral", store)
    assert carried is not None
    misleading = carried.without_action_units[rows]
    if not settings.count:
        # As many as can be had with this share of both kinds.
        share = settings.without_action_units
        kinds = ((misleading.sum(), share), ((~misleading).sum(), 1 - share))
        count = int(min(there / part for there, part in kinds if part > 0))
    others = round(settings.without_action_units * count)
    return np.concatenate(
        [
            _first(rows[~misleading], count - others, "carried by action units", store),
            _first(rows[misleading], others, "carried by no action unit", store),
        ]
    )


def _first(rows: np.ndarray, count: int, kind: str, store: Store) -> np.ndarray:
    if count > len(rows):
        raise ValueError(
            f"{count} expression pictures that are {kind} are asked for, but {store.path} has {len(rows)} to "
            "train on; ask for a smaller count or another share"
        )
    return rows[:count]
