"""RAF-CE's classes posed in a laboratory: every person poses every compound expression before a wall."""

from __future__ import annotations

from metafacs.compounds import COMPOUND_EXPRESSIONS, LAB_RATES
from metafacs.data.datasets.raf_ce import PARTS
from metafacs.data.raf_ce_construction import PUBLISHED_PART_SIZES
from metafacs.data.twins.compound_faces import Face, draw_names, plan_compound
from metafacs.data.twins.portraits import PIXELS, Album, plan_album
from metafacs.data.twins.quotas import class_counts
from metafacs.data.twins.raf_ce import ALIGNED_FOLDER, finish_raf_ce
from metafacs.data.twins.writer import Preset, TwinPlan, chunk_generator, size_of

POOL = "raf_ce_lab"

UNMET_CELLS: tuple[tuple[str, int], ...] = (("angrily disgusted", 24), ("disgustedly surprised", 24))
"""Laboratory rates that cannot be met: more than 90 % show AU10 there, and raised lips are not pressed."""

HAPPILY_SAD: dict[int, float] = {4: 0.825, 6: 0.825, 12: 0.825, 25: 0.825}
"""Stands for the row that is printed with another row's numbers.

Du and Martinez give these four AUs as prototypical. Their rates are not printed; that the averages in the
paper's text are right needs prototypical rates that sum to 3.30 in this row, here in equal shares.
"""

POSED_RATES: dict[str, dict[int, float]] = {
    **{
        name: {au: rate for au, rate in row.items() if (name, au) not in UNMET_CELLS}
        for name, row in LAB_RATES.items()
    },
    "happily sad": HAPPILY_SAD,
}
"""What this twin shows: :data:`metafacs.compounds.LAB_RATES` but for the two exceptions above."""

_PEOPLE: dict[Preset, int] = {"tiny": 3, "small": 60, "full": 230}


def plan_raf_ce_lab(preset: Preset, seed: int) -> TwinPlan[Album]:
    """Return what a laboratory counterpart of RAF-CE's twin holds, in its layout; no real set is like it.

    Every person poses all fourteen expressions, looking into the camera before a plain wall, with the action
    units of :data:`POSED_RATES`. Nobody votes: the label is what was asked for. No person is in two parts.
    ``TWIN.json`` tells the number of pictures per class and part.

    Presets: ``tiny`` (3 people, 42 pictures), ``small`` (60, 840), ``full`` (230, 3,220).
    """
    faces = tuple(plan_posed_faces(preset, seed))
    album = Album(POOL, seed, ALIGNED_FOLDER, PIXELS[preset], faces, laboratory=True)
    return plan_album("raf_ce_lab", preset, album, finish_raf_ce)


def plan_posed_faces(preset: Preset, seed: int) -> list[Face]:
    """Return every picture of a preset and seed, the fourteen of a person in a row.

    Raises:
        TwinError: If the seed is negative.
        ValueError: If the preset is unknown.
    """
    people = size_of(preset, _PEOPLE)
    shares = class_counts(PUBLISHED_PART_SIZES, people)
    parts = [part for part, share in zip(PARTS, shares, strict=True) for _ in range(share)]
    posed = [
        plan_compound(chunk_generator(POOL, seed, "class", name), name, POSED_RATES[name], people)
        for name in COMPOUND_EXPRESSIONS
    ]
    names = iter(draw_names(chunk_generator(POOL, seed, "names"), people * len(posed)))
    return [
        Face(next(names), person, *plans[person], parts[person])
        for person in range(people)
        for plans in posed
    ]
