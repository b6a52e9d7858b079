from __future__ import annotations

from collections import Counter

import numpy as np

from metafacs.data.twins.cohorts import Population, participant
from metafacs.data.twins.sessions import Programme

PEOPLE = tuple(f"P{number}" for number in range(12))
POPULATION = Population(women=5, ages=(0.0, 0.4), ancestry=(2, 4, 6))
PROGRAMME = Programme("nothing", {1: 0.1, 12: 0.3})


def test_sexes_and_ancestries_come_out_whatever_the_seed():
    for seed in (0, 1):
        cast = [participant("a", seed, PEOPLE, who, POPULATION, PROGRAMME) for who in PEOPLE]
        assert sum(p.identity.masculinity < 0.5 for p in cast) == 5
        assert all(0.0 <= p.identity.age <= 0.4 for p in cast)
        assert Counter(int(np.argmax(p.identity.ancestry)) for p in cast) == {0: 2, 1: 4, 2: 6}
        assert abs(np.mean([p.shares[12] for p in cast]) - 0.3) < 0.05
        assert len({p.identity.seed for p in cast}) == len(PEOPLE)


def test_people_repeat_and_differ_between_sets_and_seeds():
    one, again = (participant("a", 0, PEOPLE, "P3", POPULATION, PROGRAMME) for _ in range(2))
    assert one == again
    others = [participant(*words, PEOPLE, "P3", POPULATION, PROGRAMME) for words in (("b", 0), ("a", 1))]
    assert all(other.identity != one.identity and other.person != one.person for other in others)
