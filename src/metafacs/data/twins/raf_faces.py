"""The pictures that the twins of RAF-ML, RAF-AU and RAF-CE share: one plan, so that a name means one face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metafacs.compounds import BASIC_EXPRESSIONS, COMPONENTS, COMPOUND_EXPRESSIONS, WILD_RATES
from metafacs.data.datasets.raf_ce import PARTS
from metafacs.data.twins.compound_faces import (
    Face,
    Plan,
    assign_people,
    draw_names,
    plan_parts,
    prototype_rates,
    rare_rates,
)
from metafacs.data.twins.quotas import PICTURES_PER_PERSON, class_counts, draw_action_units
from metafacs.data.twins.writer import Preset, chunk_generator, size_of

POOL = "raf_faces"

TEST_COUNTS: tuple[int, ...] = (126, 54, 36, 44, 25, 178, 43, 113, 6, 44, 194, 37, 1, 8)
"""Test pictures per class of the real RAF-CE: what gives all accuracies of its paper's Table 2."""

PRINTED_TOTALS: dict[str, int] = {"fearfully disgusted": 36, "happily sad": 29, "happily fearful": 11}
"""Pictures of a class in the real RAF-CE, where its paper (section 3.2) prints them."""

PICTURES, VALIDATION_PICTURES = 4549, 931
"""Of the real RAF-CE, in all and in its validation part."""

BLANK_SHARE = 253 / 4601
"""Share of the pictures of the real RAF-AU that are coded ``null``: no AU."""

DISCARDED = "common to RAF-ML and RAF-AU, no compound"
"""Part of the pictures that fall out when RAF-CE is made."""

UNCODED = "in RAF-ML only"
"""Part of the pictures without action unit codes."""

# Happily angry is the one mixture that is no compound; the paper tells the sum of discarded pictures only.
_OUT_OF_CATEGORY, _TIES, _SINGLE = 28, 16, 8


@dataclass(frozen=True)
class _Size:
    """How many pictures there are of each kind."""

    compounds: int
    discarded: int
    uncoded: int


_SIZES: dict[Preset, _Size] = {
    "tiny": _Size(60, 5, 4),
    "small": _Size(1300, 15, 88),
    "full": _Size(PICTURES, _OUT_OF_CATEGORY + _TIES + _SINGLE, 307),
}


def real_counts() -> dict[str, tuple[int, ...]]:
    """Return part -> pictures per class of a RAF-CE of the real size.

    The test part is the real one. Of the totals three are printed; the others are taken in the proportions
    of the test part. What is not tested is dealt to training and validation in the proportions of these.
    """
    others = [name for name in COMPOUND_EXPRESSIONS if name not in PRINTED_TOTALS]
    tested = dict(zip(COMPOUND_EXPRESSIONS, TEST_COUNTS, strict=True))
    left = class_counts([tested[name] for name in others], PICTURES - sum(PRINTED_TOTALS.values()))
    totals = {**dict(zip(others, left, strict=True)), **PRINTED_TOTALS}
    rest = [totals[name] - tested[name] for name in COMPOUND_EXPRESSIONS]
    validation = class_counts(rest, VALIDATION_PICTURES)
    train = tuple(a - b for a, b in zip(rest, validation, strict=True))
    return dict(zip(PARTS, (train, TEST_COUNTS, validation), strict=True))


def compound_counts(preset: Preset) -> dict[str, tuple[int, ...]]:
    """Return part -> pictures per class of a preset: the real ones or their proportions, none below one."""
    real = real_counts()
    classes = len(COMPOUND_EXPRESSIONS)
    flat = class_counts([count for part in PARTS for count in real[part]], size_of(preset, _SIZES).compounds)
    return {part: flat[i * classes : (i + 1) * classes] for i, part in enumerate(PARTS)}


def plan_raf_faces(preset: Preset, seed: int) -> list[Face]:
    """Return every picture of a preset and seed: those of RAF-CE, the discarded, and those without codes.

    Four pictures per person, and no person in two parts. Of each class the action units come in exactly
    the shares of :data:`metafacs.compounds.WILD_RATES`, over the three parts together.

    Args:
        preset: Size.
        seed: Seed of the twins.

    Raises:
        TwinError: If the seed is negative.
        ValueError: If the preset is unknown.
    """
    size = size_of(preset, _SIZES)
    plans = plan_parts(POOL, seed, COMPOUND_EXPRESSIONS, compound_counts(preset), BLANK_SHARE)
    plans[DISCARDED] = _plan_discarded(chunk_generator(POOL, seed, "discarded"), size.discarded)
    plans[UNCODED] = _plan_uncoded(chunk_generator(POOL, seed, "uncoded"), size.uncoded)
    names = draw_names(chunk_generator(POOL, seed, "names"), sum(map(len, plans.values())))
    faces: list[Face] = []
    person = 0
    for part, planned in plans.items():
        faces += assign_people(names[len(faces) : len(faces) + len(planned)], planned, part, person)
        person += -(-len(planned) // PICTURES_PER_PERSON)
    return faces


def _plan_discarded(rng: np.random.Generator, count: int) -> list[Plan]:
    """Return mixtures out of category, ties for the second place and single expressions."""
    mixed, tied, single = class_counts((_OUT_OF_CATEGORY, _TIES, _SINGLE), count)
    winners: list[tuple[str, ...]] = [("happiness", "anger")] * mixed
    for size, number in ((3, tied), (1, single)):
        winners += [
            tuple(map(str, rng.choice(BASIC_EXPRESSIONS, size, replace=False))) for _ in range(number)
        ]
    return [(some, draw_action_units(rng, prototype_rates(some))) for some in winners]


def _plan_uncoded(rng: np.random.Generator, count: int) -> list[Plan]:
    """Return compounds for which no action units will be published."""
    totals = np.sum(list(real_counts().values()), axis=0)
    names = rng.choice(COMPOUND_EXPRESSIONS, count, p=totals / totals.sum())
    return [
        (COMPONENTS[name], draw_action_units(rng, rare_rates(COMPONENTS[name]) | WILD_RATES[name]))
        for name in map(str, names)
    ]
