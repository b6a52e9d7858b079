"""Counts that come out exactly: pictures per class, and action units per picture of a class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from metafacs.compounds import OBSERVED_RATE, PROTOTYPICAL_RATE
from metafacs.synthesis.activations import resolve_conflicts
from metafacs.synthesis.displays import EXCLUSIVE_PAIRS, PARTING_AUS, possible_together

PICTURES_PER_PERSON = 4
"""In the twins of sets from the web."""

_LEAST_SWEEPS, _MOST_SWEEPS = 30, 300
_RULE = 1000.0  # log-odds by which a rule outweighs everything that is only likely
_LONELY = 10.0


def class_counts(reference: Sequence[int], total: int) -> tuple[int, ...]:
    """Return class counts that sum to ``total`` in the proportions of ``reference``, none below one.

    Args:
        reference: Counts of the real set.
        total: Wanted number of pictures, at least the number of classes.

    Raises:
        ValueError: If there are fewer pictures than classes.

    >>> class_counts((10, 30, 60), 10)
    (1, 3, 6)
    """
    if total < len(reference):
        raise ValueError(f"{total} pictures cannot show {len(reference)} classes; ask for more")
    exact = np.asarray(reference, float) * total / sum(reference)
    counts = np.maximum(np.floor(exact).astype(int), 1)
    while counts.sum() < total:
        counts[int(np.argmax(exact - counts))] += 1
    while counts.sum() > total:
        counts[int(np.argmax(np.where(counts > 1, counts - exact, -np.inf)))] -= 1
    return tuple(int(count) for count in counts)


def action_unit_counts(
    rng: np.random.Generator,
    listed: Mapping[int, float],
    others: Mapping[int, float],
    pictures: int,
    blank: int = 0,
) -> dict[int, int]:
    """Return in how many pictures of a class each action unit is shown.

    Args:
        rng: Rounds the rates of ``others`` up or down, so that small classes are not all without them.
        listed: AU -> published share of the class's pictures; met to the nearest picture. A share printed
            as a threshold of :mod:`metafacs.compounds` is not rounded below it.
        others: AU -> plausible share of AUs that are not listed because they are not observed. They stay
            below :data:`metafacs.compounds.OBSERVED_RATE` and give way where listed AUs leave no room.
        pictures: Number of pictures of the class.
        blank: How many of them are to show no AU; the listed shares must leave them.

    Returns:
        AU -> 1 to ``pictures``.

    >>> action_unit_counts(np.random.default_rng(0), {12: 0.58, 25: 0.86}, {}, 100)
    {12: 58, 25: 86}
    """
    counts = {au: _rounded(rate * pictures, rate) for au, rate in listed.items()}
    most = max(math.ceil(OBSERVED_RATE * pictures) - 1, 0)
    # AU25 first: others need it.
    for au in sorted(others.keys() - listed.keys(), key=lambda au: (au != 25, au)):
        drawn = math.floor(others[au] * pictures + rng.random())
        counts[au] = min(drawn, most, _room(au, counts, pictures - blank))
    return {au: count for au, count in sorted(counts.items()) if count}


def spread_action_units(
    rng: np.random.Generator,
    counts: Mapping[int, int],
    pictures: int,
    affinities: Mapping[tuple[int, int], float],
) -> list[frozenset[int]]:
    """Return the action units of each picture such that every AU has exactly its count.

    One AU after the other is dealt out anew to the pictures where the other AUs there attract it most,
    with Gumbel noise: a Gibbs sampler of an Ising model whose columns keep their sums. A picture without
    any AU attracts all; what no face can show (:func:`metafacs.synthesis.displays.possible_together`)
    outweighs every attraction.

    Args:
        rng: Random generator.
        counts: AU -> number of pictures that show it.
        pictures: Number of pictures.
        affinities: Pair of AUs in either order -> log-odds by which one makes the other likelier.

    Returns:
        One set per picture, in no particular order.

    Raises:
        ValueError: If the counts cannot be met by faces that are possible.
    """
    aus = sorted(counts)
    affinity = _pairs(aus, affinities)
    exclusive = _pairs(aus, dict.fromkeys(EXCLUSIVE_PAIRS, 1.0))
    parting = np.isin(aus, PARTING_AUS)
    shown = np.zeros((pictures, len(aus)), bool)
    for sweep in range(_MOST_SWEEPS):
        for column in rng.permutation(len(aus)):
            shown[:, column] = False
            favour = shown @ affinity[column] + rng.gumbel(size=pictures) + _LONELY * ~shown.any(1)
            favour -= _RULE * (shown @ exclusive[column])
            if aus[column] == 25:
                favour += _RULE * shown[:, parting].sum(1)
            elif parting[column] and 25 in counts:
                favour += _RULE * shown[:, aus.index(25)]
            shown[np.argsort(-favour)[: counts[aus[column]]], column] = True
        faces = [frozenset(np.array(aus)[row].tolist()) for row in shown] if sweep >= _LEAST_SWEEPS else []
        if faces and all(possible_together(face) for face in faces):
            return faces
    raise ValueError(f"no {pictures} faces show the action units in these numbers: {dict(counts)}")


def draw_action_units(rng: np.random.Generator, rates: Mapping[int, float]) -> frozenset[int]:
    """Return the action units of one picture outside of any table, each drawn by its rate.

    AUs that no face shows together displace each other, so they come out rarer.

    Args:
        rng: Random generator.
        rates: AU -> probability.
    """
    drawn = {au: float(rng.random()) for au, rate in sorted(rates.items()) if rng.random() < rate}
    if drawn.keys() & set(PARTING_AUS):
        drawn[25] = 1.0  # the strongest stays
    kept = resolve_conflicts(drawn, rng)
    return frozenset(kept) - ({7} if 43 in kept else set())


def _rounded(exact: float, rate: float) -> int:
    threshold = rate in (OBSERVED_RATE, PROTOTYPICAL_RATE)
    return math.ceil(exact - 1e-9) if threshold else math.floor(exact + 0.5)


def _room(au: int, counts: Mapping[int, int], pictures: int) -> int:
    """Return how many pictures can surely take this AU beside those that are counted already."""
    rivals = {b if au == a else a for a, b in EXCLUSIVE_PAIRS if au in (a, b)} & counts.keys()
    if 25 in rivals:
        rivals -= set(PARTING_AUS)  # they are within the pictures of AU25
    hosts = counts.get(25, 0) if au in PARTING_AUS else pictures
    return max(hosts - sum(counts[rival] for rival in rivals), 0)


def _pairs(aus: Sequence[int], values: Mapping[tuple[int, int], float]) -> NDArray[np.float64]:
    """Return the symmetric matrix of values of pairs, zero where a pair has none."""
    matrix = np.zeros((len(aus), len(aus)))
    for (first, second), value in values.items():
        if first in aus and second in aus:
            i, j = aus.index(first), aus.index(second)
            matrix[i, j] = matrix[j, i] = value
    return matrix
