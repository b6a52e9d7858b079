"""From probabilities over time to events: when an action unit comes, is strongest and goes."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metafacs.facs import au_name
from metafacs.files import written_whole
from metafacs.inference.smoothing import SLACK, Windows, moving_median, smoothing_windows
from metafacs.inference.timelines import Singles, Timeline, Timelines, check_told, time_average
from metafacs.texts import cell

Completeness = Literal["both", "onset", "offset", "neither"]

EVENT_COLUMNS = (
    "input",
    "face_id",
    "au",
    "name",
    "onset_frame",
    "onset",
    "peak_frame",
    "peak",
    "offset_frame",
    "offset",
    "duration",
    "peak_probability",
    "peak_intensity",
    "mean_probability",
    "mean_intensity",
    "complete",
)
"""Columns of the table of events, as the attributes of :class:`Event`; ``face_id`` is the person."""

_COMPLETE: dict[tuple[bool, bool], Completeness] = {
    (True, True): "both",
    (True, False): "onset",
    (False, True): "offset",
    (False, False): "neither",
}


@dataclass(frozen=True)
class EventRules:
    """How probabilities become events; goes into the sidecar of a table of events.

    An event begins with the first frame whose smoothed probability reaches the threshold and lasts as long as
    it stays above a lower one. No smoothing and no event reaches over a gap.

    Attributes:
        smoothing: Width in seconds of the centred moving median that smooths probabilities and intensities;
            0 for none. At 25 or 30 frames per second the default takes out single frames and keeps blinks,
            which .2 s takes out too. Toward a gap the window narrows on both sides, so that no event moves.
        hysteresis: How far below the threshold the probability must fall for the event to end, in logits, so
            that it means the same for thresholds near 0, .5 and 1.
        minimum_duration: Shorter events are dropped, in seconds.
        merge_pause: Events of one AU with a shorter pause between them become one, in seconds; this comes
            before short ones are dropped.

    Raises:
        ValueError: If a value is negative or not finite.
    """

    smoothing: float = 0.1
    hysteresis: float = 0.5
    minimum_duration: float = 0.1
    merge_pause: float = 0.1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} of events must be 0 or more, not {value}")

    def off_threshold(self, threshold: float) -> float:
        """Return the probability below which an event ends that began at the threshold.

        >>> EventRules(hysteresis=1.0).off_threshold(0.5)
        0.2689414213699951
        """
        if not 0 < threshold < 1:
            return threshold
        return 1 / (1 + (1 - threshold) / threshold * math.exp(self.hysteresis))

    def describe(self) -> str:
        """Return the rules as a sentence for a method section or a caption."""
        smoothing = (
            f"probabilities smoothed by a centred moving median of {self.smoothing:g} s"
            if self.smoothing
            else "probabilities not smoothed"
        )
        return (
            f"{smoothing}; an event begins at the threshold and ends {self.hysteresis:g} logits below it; "
            f"pauses shorter than {self.merge_pause:g} s are closed, events shorter than "
            f"{self.minimum_duration:g} s dropped; no event reaches over a gap"
        )


@dataclass(frozen=True)
class Event:
    """One appearance of one AU on one face.

    Attributes:
        input: The video.
        person: Whose face.
        au: FACS number.
        onset_frame: First frame of the event.
        onset: When it is shown, in seconds.
        peak_frame: Frame of the highest smoothed intensity, or probability if the model gives no intensities.
        peak: When it is shown.
        offset_frame: Last frame of the event.
        offset: Until when it stands: an event is the time from ``onset`` up to, not including, ``offset``.
        peak_probability: Smoothed probability at the peak.
        peak_intensity: Smoothed intensity at the peak; None if the model gives none.
        mean_probability: Mean over the time of the event, not smoothed.
        mean_intensity: As that; None if the model gives none.
        complete: Which ends were seen. An event that runs into a gap, or into the beginning or end of what
            was analysed, is cut there: it may have been longer.
    """

    input: str
    person: int
    au: int
    onset_frame: int
    onset: float
    peak_frame: int
    peak: float
    offset_frame: int
    offset: float
    peak_probability: float
    peak_intensity: float | None
    mean_probability: float
    mean_intensity: float | None
    complete: Completeness

    @property
    def duration(self) -> float:
        """Seconds from onset to offset."""
        return self.offset - self.onset


def find_events(
    timelines: Timelines, rules: EventRules | None = None, aus: Sequence[int] | None = None
) -> list[Event]:
    """Return the events of every person, ordered by person, AU and onset.

    Args:
        timelines: Of one video.
        rules: How events are made; the defaults if None.
        aus: Which AUs; all of the model if None.

    Raises:
        ValueError: If the model does not tell one of the AUs.
    """
    rules = rules or EventRules()
    aus = check_told(timelines, aus)
    found: list[Event] = []
    for line in timelines.people:
        windows = smoothing_windows(line, rules.smoothing)
        for au in aus:
            found += _events_of(timelines.input, line, au, timelines.thresholds[au], rules, windows)
    return found


def write_events_csv(path: str | Path, events: Sequence[Event]) -> None:
    """Write events as a table with the columns :data:`EVENT_COLUMNS`.

    Times are in seconds with 3 decimals as in the tables of frames; what is unknown is empty.
    """
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(EVENT_COLUMNS)
        for event in events:
            onset, peak, offset = (round(time, 3) for time in (event.onset, event.peak, event.offset))
            table.writerow(
                [
                    cell(event.input),
                    event.person,
                    event.au,
                    au_name(event.au),
                    event.onset_frame,
                    onset,
                    event.peak_frame,
                    peak,
                    event.offset_frame,
                    offset,
                    round(offset - onset, 3),
                    round(event.peak_probability, 4),
                    _rounded(event.peak_intensity),
                    round(event.mean_probability, 4),
                    _rounded(event.mean_intensity),
                    event.complete,
                ]
            )


def _rounded(intensity: float | None) -> float | None:
    return None if intensity is None else round(intensity, 2)


def _events_of(
    input: str, line: Timeline, au: int, threshold: float, rules: EventRules, windows: Windows
) -> Iterator[Event]:
    """Yield the events of one AU of one person in order."""
    probability = moving_median(line.probabilities[au], windows)
    intensity = moving_median(line.intensities[au], windows) if line.intensities else None
    on = probability >= np.float32(threshold)
    held = probability >= np.float32(rules.off_threshold(threshold))
    for start, stop in line.stretches.tolist():
        runs = [(start + a, start + b) for a, b in _runs(on[start:stop], held[start:stop])]
        for first, last in _merged(runs, line, rules.merge_pause):
            if line.ends[last] - line.times[first] < rules.minimum_duration - SLACK:
                continue
            seen = (first > start, last < stop - 1)
            yield _event(input, line, au, slice(first, last + 1), probability, intensity, _COMPLETE[seen])


def _event(
    input: str,
    line: Timeline,
    au: int,
    span: slice,
    probability: Singles,
    intensity: Singles | None,
    complete: Completeness,
) -> Event:
    """Return the event over a span of positions; probability and intensity are smoothed."""
    first, last = span.start, span.stop - 1
    durations = line.ends[span] - line.times[span]
    mean = time_average(line.probabilities[au][span], durations)
    if intensity is None:
        peak = first + _strongest(probability[span], line.probabilities[au][span])
    else:
        peak = first + _strongest(intensity[span], line.intensities[au][span])
    return Event(
        input,
        line.person,
        au,
        int(line.frames[first]),
        float(line.times[first]),
        int(line.frames[peak]),
        float(line.times[peak]),
        int(line.frames[last]),
        float(line.ends[last]),
        float(probability[peak]),
        None if intensity is None else float(intensity[peak]),
        mean,
        None if intensity is None else time_average(line.intensities[au][span], durations),
        complete,
    )


def _strongest(smooth: Singles, raw: Singles) -> int:
    """Return the position of the maximum; of a plateau of the median, where the raw value is highest."""
    plateau = np.flatnonzero(smooth == smooth.max())
    return int(plateau[raw[plateau].argmax()])


def _runs(on: NDArray[np.bool_], held: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield first and last position of every run that begins where it is on and lasts while it is held."""
    edges = np.flatnonzero(np.diff(held, prepend=False, append=False))
    for start, stop in edges.reshape(-1, 2).tolist():
        if on[start:stop].any():
            yield start + int(on[start:stop].argmax()), stop - 1


def _merged(runs: Iterable[tuple[int, int]], line: Timeline, pause: float) -> list[tuple[int, int]]:
    """Return runs of one stretch, those with a shorter pause between them as one."""
    merged: list[tuple[int, int]] = []
    for first, last in runs:
        if merged and line.times[first] - line.ends[merged[-1][1]] < pause - SLACK:
            first = merged.pop()[0]
        merged.append((first, last))
    return merged
