"""Whether two codings of a video would agree better a few frames apart: a sign of different numbering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metafacs.data.codings.coding import Floats, Integers
from metafacs.data.codings.delimited import CodingError
from metafacs.evaluation.agreement_alignment import AlignedPair, AlignedPerson
from metafacs.metrics.agreement import cohen_kappa

FARTHEST = 15
"""So many frames in either direction are looked at."""

_FEWEST_ONSETS = 5
_LESS_DISAGREEMENT = 0.1
_MORE_KAPPA = 0.01
_MOST_FRAMES = 20_000_000


@dataclass(frozen=True)
class ShiftEvidence:
    """Agreement of a pair if one side were moved.

    Attributes:
        shifts: In frames; at shift s, frame i of the left is compared with frame i + s of the right.
        kappas: Mean kappa over AUs at each shift.
        disagreements: Share of known frames and AUs that differ at each shift.
        onsets: Onsets on the right, over all AUs and people.
    """

    shifts: Integers
    kappas: Floats
    disagreements: Floats
    onsets: int

    @property
    def best(self) -> int:
        """The shift with the fewest disagreements, of equal ones the smallest."""
        order = np.lexsort((np.abs(self.shifts), self.disagreements))
        return int(self.shifts[order[0]])

    @property
    def is_clear(self) -> bool:
        """Whether another shift is clearly better: fewer disagreements by a tenth, and kappa higher."""
        here, there = self.at(0), self.at(self.best)
        return (
            self.best != 0
            and self.onsets >= _FEWEST_ONSETS
            and there[1] <= (1 - _LESS_DISAGREEMENT) * here[1]
            and there[0] - here[0] >= _MORE_KAPPA
        )

    def at(self, shift: int) -> tuple[float, float]:
        """Return kappa and share of disagreements at a shift."""
        place = int(np.flatnonzero(self.shifts == shift)[0])
        return float(self.kappas[place]), float(self.disagreements[place])

    def warning(self, video: str) -> str:
        """Return what to tell about the better shift as a sentence."""
        here, there = self.at(0), self.at(self.best)
        way = "earlier" if self.best > 0 else "later"
        frames = "1 frame" if abs(self.best) == 1 else f"{abs(self.best)} frames"
        return (
            f"{video}: left and right agree better with the right {frames} {way}: kappa {there[0]:.3f} "
            f"instead of {here[0]:.3f}, and {there[1]:.1%} instead of {here[1]:.1%} of frames differ. "
            "Nothing was moved. Does one number its frames from 1 (--first_frame), belong to another cut of "
            "the video, or was it coded with a delay?"
        )


def check_shift(pair: AlignedPair, evidence: ShiftEvidence) -> list[str]:
    """Return sentences on a shift that is clear.

    Raises:
        CodingError: If the shift is one frame and a file does not tell whether its first frame is 0 or 1: it
            was taken for the wrong one, most likely.
    """
    if not evidence.is_clear:
        return []
    if abs(evidence.best) == 1 and pair.guessed:
        here, there = evidence.at(0), evidence.at(evidence.best)
        files = " and ".join(map(str, pair.guessed))
        raise CodingError(
            f"{files}: nothing tells whether the first frame is 0 or 1, "
            f"and left and right agree better one frame apart (kappa {there[0]:.3f} instead of "
            f"{here[0]:.3f}); say which it is with --first_frame"
        )
    return [evidence.warning(pair.video)]


def shift_evidence(pair: AlignedPair) -> ShiftEvidence | None:
    """Return how a pair would agree at other shifts; None if it has no frames in common.

    Where only some frames were analysed, shifts are multiples of their usual distance.
    """
    steps = {_usual_step(one) for one in pair.people if one.account.both}
    if len(steps) != 1:
        return None
    step = steps.pop()
    dense = [each for one in pair.people for au in one.aus if (each := _dense(one, au, step)) is not None]
    if not dense:
        return None
    kappas, disagreements = [], []
    shifts = np.arange(-FARTHEST, FARTHEST + 1)
    for shift in shifts:
        pairs = np.array([_pairs_at(left, right, int(shift)) for left, right in dense])
        right_present, right_absent = pairs[:, 0] + pairs[:, 2], pairs[:, 1] + pairs[:, 3]
        told = (right_present > 0) & (right_absent > 0)
        kappas.append(float(np.mean(cohen_kappa(pairs[told]))) if told.any() else np.nan)
        total = pairs.sum()
        disagreements.append(float(pairs[:, 1:3].sum() / total) if total else np.inf)
    onsets = sum(int(((right[1:] == 1) & (right[:-1] == 0)).sum()) for _, right in dense)
    return ShiftEvidence(shifts * step, np.array(kappas), np.array(disagreements), onsets)


def _usual_step(one: AlignedPerson) -> int:
    """Return the usual number of frames between two that both sides know."""
    told = np.zeros(len(one.grid.frames), dtype=bool)
    for au in one.aus:
        told |= ~np.isnan(one.left[au].presence) & ~np.isnan(one.right[au].presence)
    steps = np.diff(one.grid.frames[told])
    return max(int(np.median(steps)), 1) if len(steps) else 1


def _dense(one: AlignedPerson, au: int, step: int) -> tuple[Floats, Floats] | None:
    """Return both sides of an AU over every usual frame from the first to the last, NaN where unknown."""
    frames = one.grid.frames
    known = ~np.isnan(one.left[au].presence) & ~np.isnan(one.right[au].presence)
    if not known.any() or frames[-1] - frames[0] > _MOST_FRAMES:
        return None
    phase = frames[np.flatnonzero(known)[0]] % step
    fits = frames % step == phase
    place = (frames[fits] - frames[fits][0]) // step
    sides = []
    for series in (one.left[au], one.right[au]):
        dense = np.full(int(place[-1]) + 1, np.nan)
        dense[place] = series.presence[fits]
        sides.append(dense)
    return sides[0], sides[1]


def _pairs_at(left: Floats, right: Floats, shift: int) -> Floats:
    if shift >= 0:
        a, b = left[: len(left) - shift], right[shift:]
    else:
        a, b = left[-shift:], right[: len(right) + shift]
    if len(a) != len(b) or not len(a):
        return np.zeros(4)
    known = ~np.isnan(a) & ~np.isnan(b)
    codes = (2 * (a[known] == 0) + (b[known] == 0)).astype(int)
    return np.bincount(codes, minlength=4).astype(np.float64)
