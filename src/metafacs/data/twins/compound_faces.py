"""Which faces show a compound expression: plans of pictures whose action units follow the published rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from metafacs.compounds import COMPONENTS, WILD_RATES, compound_of
from metafacs.data.twins.quotas import PICTURES_PER_PERSON, action_unit_counts, spread_action_units
from metafacs.data.twins.writer import chunk_generator
from metafacs.synthesis.expressions import PROTOTYPES

Plan = tuple[tuple[str, ...], frozenset[int]]
"""What one face is to show: the basic expressions that annotators see, and its action units."""

RARE_RATES: dict[int, float] = {
    **{1: 0.08, 2: 0.07, 4: 0.10, 5: 0.06, 6: 0.08, 7: 0.05, 9: 0.06, 10: 0.10, 12: 0.08, 14: 0.04},
    **{15: 0.05, 16: 0.07, 17: 0.09, 18: 0.02, 20: 0.04, 22: 0.02, 23: 0.03, 24: 0.05, 25: 0.12},
    **{26: 0.10, 27: 0.05, 28: 0.01, 34: 0.01, 43: 0.03},
}
"""AU -> share of the pictures that show it where the published table leaves it out; set by us.

AU11 is not among them: the RAF-CE paper says that it "is never detected" in the wild.
"""

_KINDRED = 1.5
_ATTRACTION = 0.35
_COUPLED: dict[tuple[int, int], float] = {(1, 2): 1.5, (6, 12): 1.5, (10, 25): 1.5, (17, 25): -1.5}


@dataclass(frozen=True)
class Face:
    """One picture that is to be rendered.

    Attributes:
        name: Of the picture, without ending, e.g. ``0001``.
        person: Number of the person in the twin's pool.
        winners: Basic expressions that most annotators see: two are a compound, one is seen by all, and
            of three the lower two tie.
        action_units: What the label will say, no more and no less.
        part: ``train``, ``test``, ``validation``, or why the picture is in no part.
    """

    name: str
    person: int
    winners: tuple[str, ...]
    action_units: frozenset[int]
    part: str

    @property
    def compound(self) -> str | None:
        """Name of the compound expression; None for any other mixture."""
        return compound_of(*self.winners) if len(self.winners) == 2 else None


def plan_compound(
    rng: np.random.Generator,
    compound: str,
    listed: Mapping[int, float],
    pictures: int,
    blank_share: float = 0.0,
) -> list[Plan]:
    """Return what the pictures of one compound expression show; their AUs come in exactly the listed shares.

    Args:
        rng: Random generator.
        compound: E.g. ``happily surprised``.
        listed: AU -> share of the pictures, e.g. a row of :data:`metafacs.compounds.WILD_RATES`.
        pictures: How many.
        blank_share: Share of the pictures without any AU, as far as the listed shares allow.

    Returns:
        One plan per picture, in random order.

    Raises:
        ValueError: If no faces have these shares.
    """
    components = COMPONENTS[compound]
    blank = math.floor(min(blank_share * pictures + 0.5, (1 - max(listed.values())) * pictures))
    counts = action_unit_counts(rng, listed, rare_rates(components), pictures, blank)
    faces = spread_action_units(rng, counts, pictures - blank, affinities(components))
    faces += [frozenset()] * blank
    return [(components, faces[index]) for index in rng.permutation(len(faces))]


def plan_parts(
    pool: str, seed: int, compounds: Sequence[str], counts: Mapping[str, Sequence[int]], blank_share: float
) -> dict[str, list[Plan]]:
    """Return what the pictures of each part of a set show, in random order.

    Of each class the action units come in the shares of :data:`metafacs.compounds.WILD_RATES`, over all
    parts together.

    Args:
        pool: Pool of the twin's people; with the seed it fixes the randomness.
        seed: Seed of the twin.
        compounds: Names of the classes.
        counts: Part -> pictures per class.
        blank_share: Share of the pictures without any AU, as far as the rates allow.
    """
    plans: dict[str, list[Plan]] = {part: [] for part in counts}
    for index, compound in enumerate(compounds):
        shares = {part: counts[part][index] for part in counts}
        rng = chunk_generator(pool, seed, "class", compound)
        planned = iter(plan_compound(rng, compound, WILD_RATES[compound], sum(shares.values()), blank_share))
        for part, share in shares.items():
            plans[part] += islice(planned, share)
    order = chunk_generator(pool, seed, "order")
    return {part: [planned[i] for i in order.permutation(len(planned))] for part, planned in plans.items()}


def rare_rates(expressions: Iterable[str]) -> dict[int, float]:
    """Return the rates of AUs that a table leaves out: higher where the expressions' prototypes have them."""
    kindred = {
        au
        for expression in expressions
        for prototype in PROTOTYPES[expression]
        for au in (*prototype.core, *prototype.optional)
    }
    return {au: rate * (_KINDRED if au in kindred else 1.0) for au, rate in RARE_RATES.items()}


def affinities(expressions: Iterable[str]) -> dict[tuple[int, int], float]:
    """Return how much AUs attract each other, in log-odds: those of one prototype come together.

    So some pictures of *happily surprised* lean to the smile and others to the raised brows.
    """
    attraction = dict(_COUPLED)
    for expression in expressions:
        for prototype in PROTOTYPES[expression]:
            for pair in combinations(sorted({*prototype.core, *prototype.optional}), 2):
                attraction.setdefault(pair, _ATTRACTION)
    return attraction


def prototype_rates(expressions: Sequence[str]) -> dict[int, float]:
    """Return how often the prototypes of the basic expressions show each AU, averaged over the expressions.

    >>> round(prototype_rates(["happiness"])[12], 2), round(prototype_rates(["happiness", "anger"])[12], 2)
    (1.0, 0.5)
    """
    rates: dict[int, float] = {}
    for expression in expressions:
        total = sum(prototype.share for prototype in PROTOTYPES[expression])
        for prototype in PROTOTYPES[expression]:
            weight = prototype.share / total / len(expressions)
            shares = {au: chance for au, (chance, _) in prototype.optional.items()}
            for au, share in (shares | dict.fromkeys(prototype.core, 1.0)).items():
                rates[au] = rates.get(au, 0.0) + weight * share
    return rates


def assign_people(names: Iterable[str], plans: Sequence[Plan], part: str, first_person: int) -> list[Face]:
    """Return the faces of one part, four in a row of each person."""
    return [
        Face(name, first_person + number // PICTURES_PER_PERSON, winners, aus, part)
        for number, (name, (winners, aus)) in enumerate(zip(names, plans, strict=True))
    ]


def draw_names(rng: np.random.Generator, count: int) -> list[str]:
    """Return different names ``NNNN`` in random order, with gaps between them as in RAF-AU and RAF-CE."""
    numbers = 1 + rng.choice(count + count // 16 + 2, count, replace=False)
    return [f"{number:04d}" for number in numbers]
