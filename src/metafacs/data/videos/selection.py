"""Which frames of a video are taken: every N-th, some per second, a span of time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

_TOLERANCE = 0.00075
"""Seconds; Matroska and others round their stamps to milliseconds."""

_ROUNDING = 0.0011
"""Seconds; what rounding to milliseconds moves a frame against the line through the first and the last."""

_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)", re.ASCII)


@dataclass(frozen=True)
class Selection:
    """Which frames are taken.

    Attributes:
        every: Every so many-th frame, beginning with the first of the span.
        fps: So many frames per second instead: those shown at ``start``, ``start + 1 / fps`` and so on,
            where ``start`` is the time of the first frame if it is not given. No frame is taken twice, so
            that a video slower than this gives every frame once.
        start: Seconds; frames that appear before are left out, except one that is still shown at ``start``
            where ``fps`` is given.
        end: Seconds; frames that appear at this time or later are left out.

    Raises:
        ValueError: If a value is out of range, or both ``every`` and ``fps`` are given.
    """

    every: int = 1
    fps: float | None = None
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every {self.every}-th frame cannot be taken; give a number from 1")
        if self.fps is not None and not (self.fps > 0 and math.isfinite(self.fps)):
            raise ValueError(f"{self.fps:g} frames per second cannot be taken; give a number above 0")
        if self.fps is not None and self.every != 1:
            raise ValueError("every N-th frame and frames per second exclude each other; give one of them")
        for name, seconds in (("start", self.start), ("end", self.end)):
            if seconds is not None and not (seconds >= 0 and math.isfinite(seconds)):
                raise ValueError(f"{name} is {seconds:g} seconds; give a time from 0")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"the span ends at {self.end:g} s, not after its start at {self.start:g} s")

    def choose(self, frames: Iterable[T], time: Callable[[T], float]) -> Iterator[T]:
        """Yield those frames that are taken; with ``fps`` each is held until the next one is known.

        Args:
            frames: All frames from the first on, in the order of showing.
            time: Returns the time of a frame in seconds.
        """
        return self._steps(frames, time) if self.fps is None else self._instants(frames, time, self.fps)

    def _steps(self, frames: Iterable[T], time: Callable[[T], float]) -> Iterator[T]:
        inside = 0
        for frame in frames:
            seconds = time(frame)
            if self.end is not None and seconds >= self.end - _TOLERANCE:
                return
            if self.start is not None and seconds < self.start - _TOLERANCE:
                continue
            if inside % self.every == 0:
                yield frame
            inside += 1

    def _instants(self, frames: Iterable[T], time: Callable[[T], float], fps: float) -> Iterator[T]:
        held: T | None = None
        first = shown = begin = 0.0
        seen = 0
        for frame in frames:
            seconds = time(frame)
            if not seen:
                first, begin = seconds, seconds if self.start is None else self.start
            elif held is not None and self._shown_at_instant(shown, seconds, begin, fps):
                yield held
            if self.end is not None and seconds >= self.end - _TOLERANCE:
                return
            held, shown = frame, seconds
            seen += 1
        # How long the last frame is shown no stamp tells: as long as the others on average.
        until = shown + (shown - first) / (seen - 1) if seen > 1 else math.inf
        if held is not None and self._shown_at_instant(shown, until, begin, fps):
            yield held

    def _shown_at_instant(self, shown: float, until: float, begin: float, fps: float) -> bool:
        """Return whether an instant lies between a frame's time and that of the next one."""
        step = max(0, math.ceil((shown - _TOLERANCE - begin) * fps))
        instant = begin + step / fps
        return instant < until - _TOLERANCE and (self.end is None or instant < self.end - _TOLERANCE)


EVERY_FRAME = Selection()


def without_rounding(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return evenly spaced times where the given ones are even but for the rounding of their container.

    With 33 and 34 ms in turns, some frames of 30 per second would be shown too shortly to be taken.

    Args:
        times: Seconds, ascending.
    """
    even = np.linspace(times[0], times[-1], len(times))
    return even if np.abs(times - even).max() < _ROUNDING else times


def parse_time(text: str) -> float:
    """Return the seconds that a time as players write it stands for.

    Args:
        text: ``HH:MM:SS.fraction``, ``MM:SS`` or seconds.

    Raises:
        ValueError: If it is written otherwise.

    >>> parse_time("1:02:03.5")
    3723.5
    >>> parse_time("90")
    90.0
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is not None:
        hours, minutes, seconds = int(match[1] or 0), int(match[2] or 0), float(match[3])
        if (match[2] is None or seconds < 60) and (match[1] is None or minutes < 60):
            return 3600 * hours + 60 * minutes + seconds
    raise ValueError(f"{text!r} is no time; write seconds (90.5), minutes (1:30.5) or hours (0:01:30.5)")
