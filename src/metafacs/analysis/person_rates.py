"""How often each person shows each action unit: the imbalance that few-shot tasks are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metafacs.data.facts import facts_of
from metafacs.data.store import Store


@dataclass(frozen=True)
class PersonRates:
    """Counts of action units per person in one data set.

    Attributes:
        dataset: Its name.
        synthetic: The faces are rendered.
        aus: FACS numbers.
        people: Ids, sorted.
        present: ``person au``, pictures that show the AU.
        known: ``person au``, pictures whose label of the AU is known.
        pictures: ``person``, pictures with at least one known label.
    """

    dataset: str
    synthetic: bool
    aus: tuple[int, ...]
    people: tuple[str, ...]
    present: NDArray[np.int64]
    known: NDArray[np.int64]
    pictures: NDArray[np.int64]

    @property
    def rates(self) -> NDArray[np.float64]:
        """``person au``, share of the known labels that are present; NaN where none is known."""
        return np.where(self.known > 0, self.present / np.maximum(self.known, 1), np.nan)

    @property
    def everybody(self) -> NDArray[np.float64]:
        """``au``, share of all known labels of people that are present; NaN where none is known."""
        known = self.known.sum(axis=0)
        return np.where(known > 0, self.present.sum(axis=0) / np.maximum(known, 1), np.nan)


def person_rates(store: Store) -> PersonRates:
    """Count how often each person shows each action unit, as Fig. 3 of Lee et al. (MAML-AU).

    Args:
        store: A prepared store that tells its people. Of its AUs those count that the field evaluates on this
            data set; all where it evaluates none of them.

    Raises:
        ValueError: If the store has no AU labels or tells no people.
    """
    evaluated = facts_of(store.dataset).evaluated_aus
    aus = tuple(au for au in store.aus if au in evaluated) or store.aus
    if not aus:
        raise ValueError(f"{store.path} has no labels of action units; there are no rates per person")
    labels = store.action_units[:, store.columns_of(aus)]
    people = sorted(set(store.subjects.tolist()) - {""})
    if not people:
        raise ValueError(f"{store.path} does not tell its people; there are no rates per person")
    known = ~np.isnan(labels)
    of_person = (store.subjects[:, None] == np.array(people)).T.astype(np.int64)
    return PersonRates(
        store.dataset,
        store.synthetic,
        aus,
        tuple(people),
        present=of_person @ (labels == 1).astype(np.int64),
        known=of_person @ known.astype(np.int64),
        pictures=of_person @ known.any(axis=1).astype(np.int64),
    )
