"""Who takes part in a recorded set: sexes, ages, ancestries and tempers, dealt over all its people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from metafacs.data.twins.sessions import Person, Programme, sample_person, share_out
from metafacs.data.twins.writer import chunk_generator
from metafacs.synthesis.identities import Identity, find_identity

_NUMBERS_PER_PERSON = 1000


@dataclass(frozen=True)
class Population:
    """Whom a set recorded.

    Attributes:
        women: How many are women.
        ages: Least and greatest age, see `metafacs.synthesis.identities.Identity`.
        ancestry: How many are mainly of African, Asian and European ancestry; their sum is everybody.
    """

    women: int
    ages: tuple[float, float]
    ancestry: tuple[int, int, int]


@dataclass(frozen=True)
class Participant:
    """One person of a set.

    Attributes:
        identity: What the person looks like.
        person: How the person expresses emotion.
        shares: AU -> share of the frames of the person's one session that show it.
    """

    identity: Identity
    person: Person
    shares: Mapping[int, float]


@lru_cache(maxsize=4)
def _tempers(
    twin: str, seed: int, subjects: tuple[str, ...], rates: tuple[tuple[int, float], ...]
) -> dict[str, tuple[Person, Mapping[int, float]]]:
    rng = chunk_generator(twin, seed, "tempers")
    people = [sample_person(rng, dict(rates)) for _ in subjects]
    return dict(zip(subjects, zip(people, share_out(rng, dict(rates), people), strict=True), strict=True))


def participant(
    twin: str, seed: int, subjects: Sequence[str], subject: str, population: Population, programme: Programme
) -> Participant:
    """Return one person of a set whose people each have one session.

    Sexes and ancestries are dealt like cards, so their numbers come out whatever the seed, and so do the
    rates of the action units.

    Args:
        twin: Name of the set; every set and seed has people of its own.
        seed: Seed of the twin.
        subjects: Ids of everybody.
        subject: Id of the person wanted.
        population: Whom the set recorded.
        programme: The session.
    """
    place = list(subjects).index(subject)
    rng = chunk_generator(twin, seed, "people")
    female = rng.permutation(len(subjects)) < population.women
    ancestries = rng.permutation(np.repeat(np.arange(3), population.ancestry))
    identity = find_identity(
        place * _NUMBERS_PER_PERSON,
        pool=f"{twin}-{seed}",
        sex="female" if female[place] else "male",
        ages=population.ages,
        ancestry=int(ancestries[place]),
    )
    person, shares = _tempers(twin, seed, tuple(subjects), tuple(sorted(programme.rates.items())))[subject]
    return Participant(identity, person, shares)
