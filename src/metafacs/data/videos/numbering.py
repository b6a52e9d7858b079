"""Which packets of a video are frames that a player shows, and when: the one frame numbering."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from metafacs.data.videos.packets import NO_STAMP, Packets

_REORDERED_BY = 40
"""Packets; codecs move a picture by at most 16 places, so that stamps which jump farther are wrong."""

_USUAL_RATE = 25
_NOT_CODED = 10
"""Bytes; a smaller packet of MPEG-4 may stand for no picture, where the one before it holds two."""


@dataclass(frozen=True, eq=False)
class Numbering:
    """The frames of a video in the order of showing.

    Attributes:
        stamps: Presentation stamp of every frame, ascending.
        times: Seconds on the player's clock.
        held: Which frames the file holds a whole packet of.
        numbers: Of every packet in the order of the file the number of its frame; -1 if it is not shown.
        zero: Stamp at which the player's clock stands at 0.
        starts: Places of the packets that decoding can start at, ascending.
        passed: For each of ``starts`` the largest number of a frame whose packet lies before it.
    """

    stamps: NDArray[np.int64]
    times: NDArray[np.float64]
    held: NDArray[np.bool_]
    numbers: NDArray[np.int64]
    zero: int
    starts: NDArray[np.int64]
    passed: NDArray[np.int64]

    def number_of(self, stamp: int | None) -> int | None:
        """Return the number of the frame with a presentation stamp, or None if no frame has it."""
        if stamp is None:
            return None
        place = int(np.searchsorted(self.stamps, stamp))
        return place if place < len(self.stamps) and self.stamps[place] == stamp else None

    def start_for(self, number: int, *, spare: int = 0) -> int:
        """Return the place of the last packet from which this frame and all later ones can be decoded.

        Args:
            number: Of the frame.
            spare: So many key frames earlier.
        """
        place = int(np.searchsorted(self.passed, number)) - 1
        while place > 0 and self.numbers[self.starts[place]] > number:
            place -= 1
        return int(self.starts[place - spare]) if place > spare else 0


class CountedTimes:
    """Times of frames that are counted as they are decoded.

    Args:
        packets: Of the whole file.
        zero: Stamp at which the player's clock stands at 0; None where stamps of showing mean nothing.
    """

    def __init__(self, packets: Packets, zero: int | None) -> None:
        self._tick, self._zero = float(packets.time_base), zero
        self._step = 1 / (packets.rate or _USUAL_RATE)
        self._last = -self._step
        self._decoding: list[int] = []
        if packets.container == "avi":
            # The k-th frame shown takes the k-th place in the file, whichever packet it comes from.
            self._decoding = (packets.decoding - packets.decoding[:1]).tolist()
        self._count = 0

    def following(self, stamp: int | None) -> float:
        """Return the seconds of the next frame, whose presentation stamp may be known."""
        self._last += self._step
        if self._count < len(self._decoding):
            self._last = self._decoding[self._count] * self._tick
        elif self._zero is not None and stamp is not None:
            self._last = max(self._last - self._step / 2, (stamp - self._zero) * self._tick)
        self._count += 1
        return self._last


def number_frames(packets: Packets, first_shown: int | None) -> Numbering | None:
    """Number the frames by their stamps, or return None where the stamps do not tell them apart.

    Args:
        packets: Of the whole file.
        first_shown: Presentation stamp of the first frame that the decoder gives.
    """
    if _tell_no_order(packets):
        return None
    shown = packets.shown & ~leading(packets, first_shown)
    stamps = packets.presentation[shown]
    ordered = np.sort(stamps)
    if not len(stamps) or ordered[0] == NO_STAMP or not np.all(np.diff(ordered) > 0):
        return None
    ranks = np.searchsorted(ordered, stamps)
    if np.abs(ranks - np.arange(len(ranks))).max() > _REORDERED_BY:
        return None
    every = np.union1d(ordered, _missing_stamps(packets, ordered))
    numbers = np.full(len(packets), -1, np.int64)
    numbers[shown] = np.searchsorted(every, stamps)
    held = np.isin(every, ordered)
    if packets.cut_off and numbers[-1] >= 0:
        held[numbers[-1]] = False
    starts = np.flatnonzero(packets.key & (numbers >= 0))
    passed = np.concatenate([[-1], np.maximum.accumulate(numbers)])[starts]
    ticks = every
    if packets.container == "avi" and len(in_file := _decoding_order(packets, shown)) == len(every):
        # Its times of showing are guessed by FFmpeg; without reordering those of decoding are the true ones.
        ticks = in_file
    zero = clock_zero(packets, int(ticks[0]))
    times = np.asarray((ticks - zero) * float(packets.time_base), np.float64)
    return Numbering(every, times, held, numbers, zero, starts, passed)


def _decoding_order(packets: Packets, shown: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the decoding stamps of all frames, or none where pictures are reordered."""
    if np.any(np.diff(packets.presentation) <= 0):
        return np.zeros(0, np.int64)
    return np.union1d(packets.decoding[shown], packets.promised)


def leading(packets: Packets, first_shown: int | None) -> NDArray[np.bool_]:
    """Return which packets lean on pictures before the beginning of the file, so that nothing shows them.

    They lie before the first key frame or are shown before it, and before the first frame that is decoded.

    Args:
        packets: Of the whole file.
        first_shown: Presentation stamp of the first frame that the decoder gives.
    """
    keys = np.flatnonzero(packets.key)
    if not len(keys) or first_shown is None:
        return np.zeros(len(packets), np.bool_)
    before = np.arange(len(packets)) < keys[0]
    before |= packets.presentation < packets.presentation[keys[0]]
    return before & (packets.presentation < first_shown) & packets.shown


def clock_zero(packets: Packets, first: int) -> int:
    """Return the stamp at which a player's clock stands at 0.

    It starts with the first frame, or with the sound where that begins before. Sound before the zero of the
    container is cut by players and moves nothing. AVI knows no times of showing, so that its clock starts
    with the first frame.

    Args:
        packets: Of the file.
        first: Presentation stamp of the first frame.
    """
    if packets.sound_start is None or packets.container == "avi":
        return first
    return min(first, round(max(Fraction(0), packets.sound_start) / packets.time_base))


def _tell_no_order(packets: Packets) -> bool:
    """Return whether stamps that look right cannot be trusted, as in AVI, which knows no times of showing."""
    if packets.codec == "mpeg4" and bool((packets.sizes < _NOT_CODED).any()):
        return True
    in_order = bool(np.all(np.diff(packets.presentation) > 0))
    return packets.container == "avi" and packets.reorders and in_order


def _missing_stamps(packets: Packets, held: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return presentation stamps for the frames that the file promises and does not hold.

    The stamps of showing of a whole file are its stamps of decoding, moved by a constant; those without a
    packet near them are missing.
    """
    known = (packets.decoding != NO_STAMP) & packets.shown
    if not len(packets.promised) or not known.any():
        return np.zeros(0, np.int64)
    first = int(np.flatnonzero(known)[0])
    delay = packets.presentation[first] - packets.decoding[first]
    expected = np.union1d(packets.decoding[known], packets.promised) + delay
    half = max(1, int(np.median(np.diff(expected))) // 2)
    place = np.searchsorted(held, expected)
    after = np.abs(held[np.minimum(place, len(held) - 1)] - expected)
    before = np.abs(held[np.maximum(place - 1, 0)] - expected)
    missing = expected[(np.minimum(before, after) >= half) & (expected > held[0])]
    return missing[-len(packets.promised) :]
