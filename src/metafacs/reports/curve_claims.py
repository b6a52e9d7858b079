"""Claims on the shape of training curves, answered run by run from the histories of records.

"Yes" needs the claimed shape in every run, beyond the curve's own fluctuation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from metafacs.evaluation.records import Record
from metafacs.reports.claims import Claim
from metafacs.reports.papers.claimed import Course, FasterFall, Move, RisingWeight

_SMALLEST_RISE = 0.001


def rising_weight(claimed: RisingWeight, name: str, runs: Sequence[Record]) -> Claim:
    """Answer whether a row raises an average weight during training.

    Compares the mean over the last tenth of the curve with the mean over its first tenth, run by run; "yes"
    needs, in every run, a rise above the curve's own fluctuation and above 0.001, below which the share has
    not moved for any practical purpose. A curve fluctuates from point to point (its standard deviation over
    the last tenth) and in long waves (that of its tenths' means around a straight line).

    Args:
        claimed: What is claimed.
        name: Of the row in the comparison.
        runs: Its runs; every history has the curve.
    """
    starts, ends, clear = [], [], []
    for run in runs:
        curve = np.asarray(run.history[claimed.curve])
        start, end = curve[_tenth(curve, 0.0)], curve[_tenth(curve, 1.0)]
        starts.append(float(start.mean()))
        ends.append(float(end.mean()))
        clear.append(ends[-1] - starts[-1] > max(_SMALLEST_RISE, float(end.std()), _waves(curve)))
    rise = float(np.mean(ends) - np.mean(starts))
    scale = f"; {claimed.scale}" if claimed.scale else ""
    return Claim(
        f"{name} raises the average weight of {claimed.of} during training",
        "yes" if all(clear) else "no",
        f"from {np.mean(starts):.4f} to {np.mean(ends):.4f}, {rise:+.4f}, beyond its fluctuation in "
        f"{_runs(clear)}{scale}",
    )


def faster_fall(claimed: FasterFall, name: str, runs: Sequence[Record]) -> Claim:
    """Answer whether one loss of a row falls faster in training than another.

    Losses of different tasks have different scales, so each is taken relative to its own start, the mean over
    the first tenth of its curve: the faster one has lost the larger share of it after the same number of
    iterations. Both shares are compared in the middle of training and at its end (means over a tenth of the
    curve), run by run; "yes" needs, in every run and at both places, a lead above the fluctuation of the two
    (the root of the sum of their variances over that tenth).

    Args:
        claimed: What is claimed.
        name: Of the row in the comparison.
        runs: Its runs; every history has both curves.
    """
    shares, clear, opposite = [], [], []
    for run in runs:
        remaining = [_of_start(np.asarray(run.history[curve])) for curve in (claimed.faster, claimed.slower)]
        leads = []
        for place in (0.5, 1.0):
            low, high = (curve[_tenth(curve, place)] for curve in remaining)
            shares.append((1 - low.mean(), 1 - high.mean()))
            lead, fluctuation = high.mean() - low.mean(), np.hypot(low.std(), high.std())
            leads.append(0 if abs(lead) <= fluctuation else np.sign(lead))
        clear.append(all(lead > 0 for lead in leads))
        opposite.append(all(lead < 0 for lead in leads))
    (half_faster, half_slower), (end_faster, end_slower) = (
        np.mean(shares[place::2], axis=0) for place in (0, 1)
    )
    faster, slower = (
        curve.removeprefix("loss_").replace("_", " ") for curve in (claimed.faster, claimed.slower)
    )
    return Claim(
        f"in {name} the loss of {faster} falls faster than that of {slower}",
        "yes" if all(clear) else "no",
        f"half-way they have lost {half_faster:.0%} and {half_slower:.0%} of their starting values, at the "
        f"end {end_faster:.0%} and {end_slower:.0%}; beyond fluctuation in {_runs(clear)}, the opposite in "
        f"{sum(opposite)}",
    )


def course(claimed: Course, name: str, runs: Sequence[Record]) -> Claim:
    """Answer whether a learned weight of a row goes up and down in the order claimed.

    A curve moves where the mean of a tenth of it lies away from that of an earlier one by more than it
    fluctuates from point to point (its standard deviation over the last tenth) and more than 0.001; a move
    ends where the next begins. "Yes" needs the claimed moves, and no other, in every run.

    Args:
        claimed: What is claimed.
        name: Of the row in the comparison.
        runs: Its runs; every history has the curve.
    """
    curves = [np.asarray(run.history[claimed.curve]) for run in runs]
    found = [_moves(curve) for curve in curves]
    clear = [moves == claimed.moves for moves in found]
    start, end = (float(np.mean([curve[_tenth(curve, at)].mean() for curve in curves])) for at in (0.0, 1.0))
    seen = ", ".join(
        f"{_in_order(moves)} in {count}" for moves, count in sorted(Counter(found).items(), reverse=True)
    )
    return Claim(
        f"in {name} the average weight of {claimed.of} {_in_order(claimed.moves)} during training",
        "yes" if all(clear) else "no",
        f"so in {_runs(clear)}: it {seen}; from {start:.3f} to {end:.3f}",
    )


def _in_order(moves: Sequence[Move]) -> str:
    return " and then ".join(moves) or "stays"


def _moves(curve: np.ndarray) -> tuple[Move, ...]:
    """Return how the means of a curve's tenths move, what is within its fluctuation left out."""
    means = [float(part.mean()) for part in np.array_split(curve, min(10, len(curve)))]
    smallest = max(_SMALLEST_RISE, float(curve[_tenth(curve, 1.0)].std()))
    moves: list[Move] = []
    low = high = means[0]
    for mean in means[1:]:
        low, high = min(low, mean), max(high, mean)
        before = moves[-1] if moves else None
        if before != "rises" and mean - low > smallest:
            moves.append("rises")
        elif before != "falls" and high - mean > smallest:
            moves.append("falls")
        else:
            continue
        low = high = mean
    return tuple(moves)


def _waves(curve: np.ndarray) -> float:
    """Return how far the means of a curve's tenths lie from a straight line, standard deviation.

    Zero for one or two points: a line goes through them.
    """
    means = np.array([part.mean() for part in np.array_split(curve, min(10, len(curve)))])
    if len(means) < 3:
        return 0.0
    places = np.arange(len(means))
    return float((means - np.polyval(np.polyfit(places, means, 1), places)).std())


def _tenth(curve: np.ndarray, place: float) -> slice:
    """Return a tenth of a curve, at least two points: the first at 0, the middle at .5, the last at 1."""
    width = min(len(curve), max(2, len(curve) // 10))
    first = round(place * (len(curve) - width))
    return slice(first, first + width)


def _of_start(curve: np.ndarray) -> np.ndarray:
    return np.asarray(curve / curve[_tenth(curve, 0.0)].mean())


def _runs(clear: Sequence[bool]) -> str:
    return f"{sum(clear)} of {len(clear)} run{'' if len(clear) == 1 else 's'}"
