"""What prediction says of every person of one video over time, in arrays that stay small."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metafacs.inference.detector import Detector
from metafacs.inference.result import FaceResult

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Singles = NDArray[np.float32]

LONGEST_STAND = 1.0
"""Seconds for which one frame may stand; a picture shown for longer is followed by a gap, unless frames were
taken that rarely on purpose."""

# Twice, since sampling F frames per second off a video of slightly more takes every frame here and every
# second one there.
_LONGER = 2.001


@dataclass(frozen=True)
class Timeline:
    """One person of a video over the frames in which this person was seen.

    Attributes:
        person: The ``face_id`` of the results.
        frames: Numbers of the frames, ascending.
        times: When each frame is shown, in seconds.
        ends: Until when each frame stands, in seconds: until the next analysed one, or for the usual time
            before a gap.
        stretches: ``stretch x 2``: first position in ``frames`` and the one after the last, of every stretch
            without a gap.
        probabilities: AU -> probability per frame, as in the tables.
        intensities: AU -> intensity per frame, 0 to 5; empty if the model gives none.
    """

    person: int
    frames: Integers
    times: Floats
    ends: Floats
    stretches: Integers
    probabilities: Mapping[int, Singles]
    intensities: Mapping[int, Singles]

    @property
    def seconds(self) -> float:
        """For how long the person was seen."""
        return float((self.ends - self.times).sum())


@dataclass(frozen=True)
class Timelines:
    """All people of one video, and what is needed to read them.

    Attributes:
        input: The video, as results name it.
        people: In order of their numbers.
        frames: Numbers of the frames that were analysed, with or without a face, ascending.
        times: When each is shown, in seconds.
        ends: Until when each stands, as :attr:`Timeline.ends`.
        lost: Numbers of the frames that could not be decoded.
        step: Usual time between frames that were taken, in seconds; 0 if it is unknown.
        aus: FACS numbers of the model.
        thresholds: AU -> probability from which on it counts as present.
        experimental: AUs that are not shown to carry over to real people.
        synthetic: Whether the model was trained on rendered faces.
    """

    input: str
    people: tuple[Timeline, ...]
    frames: Integers
    times: Floats
    ends: Floats
    lost: Integers
    step: float
    aus: tuple[int, ...]
    thresholds: Mapping[int, float]
    experimental: tuple[int, ...] = ()
    synthetic: bool = False

    @property
    def seconds(self) -> float:
        """For how long the video was analysed."""
        return float((self.ends - self.times).sum())


class TimelineBuilder:
    """Takes the results of one video as they come. A face takes 4 bytes per value and frame.

    Args:
        detector: Whose results are given.
        rate: Frames per second of the video, if known; it tells how long a single frame stands.
    """

    def __init__(self, detector: Detector, rate: float | None = None) -> None:
        self._detector = detector
        self._rate = rate
        self._input = ""
        self._last: FaceResult | None = None
        self._frames, self._times = array("q"), array("d")
        # Places in the frames, here and below.
        self._lost = array("q")
        self._places: dict[int, array[int]] = {}
        self._values: dict[int, array[float]] = {}

    def add(self, results: FaceResult | Sequence[FaceResult]) -> None:
        """Append what was said of one frame, or of one face of it.

        Raises:
            ValueError: If the results are of another video, have no time or go back in it, name a person
                twice in a frame or lack AUs of the detector.
        """
        for result in [results] if isinstance(results, FaceResult) else results:
            self._start_frame(result)
            if result.success and result.probabilities:
                self._add_face(result)
            self._last = result

    def timelines(self) -> Timelines:
        """Return what was gathered so far; more can be added afterwards."""
        frames, times = np.array(self._frames, np.int64), np.array(self._times, np.float64)
        step = _usual_step(times, self._rate)
        joined = _joined(frames, times)
        ends = times + step
        ends[:-1] = np.where(joined, times[1:], np.minimum(ends[:-1], times[1:]))
        lost = np.zeros(len(frames), bool)
        lost[np.array(self._lost, np.int64)] = True
        analysed = slice(None) if not self._lost else ~lost
        return Timelines(
            self._input,
            tuple(self._timeline(person, frames, times, ends, joined) for person in sorted(self._places)),
            frames[analysed],
            times[analysed],
            ends[analysed],
            frames[lost],
            step,
            self._detector.aus,
            self._detector.thresholds,
            self._detector.experimental,
            self._detector.synthetic,
        )

    def _timeline(
        self, person: int, frames: Integers, times: Floats, ends: Floats, joined: NDArray[np.bool_]
    ) -> Timeline:
        """Return one person, given all frames and whether each is joined to the next."""
        places = np.array(self._places[person], np.int64)
        # A view, not a copy, if the person is there all the time.
        whole = places[-1] - places[0] + 1 == len(places)
        part = slice(places[0], places[-1] + 1) if whole else places
        rows = np.frombuffer(self._values[person], np.float32).reshape(len(places), -1)
        # A copy in every case: the array cannot grow while something looks into it.
        columns = np.array(rows.T, order="C")
        aus = self._detector.aus
        return Timeline(
            person,
            frames[part],
            times[part],
            ends[part],
            _stretches(places, joined),
            dict(zip(aus, columns, strict=False)),
            dict(zip(aus, columns[len(aus) :], strict=True)) if self._detector.intensities else {},
        )

    def _start_frame(self, result: FaceResult) -> None:
        """Note the frame of a result if it is a new one."""
        if math.isnan(result.timestamp):
            raise ValueError(
                f"{result.input}: frame {result.frame} has no time, without which there are no people over "
                "time, no events and no plot; give the frames' rate, as FrameFolder(path, rate=25)"
            )
        last = self._last
        if last is None:
            self._input = result.input
        elif result.input != self._input:
            raise ValueError(
                f"results of {result.input} follow those of {self._input}; gather every video by itself"
            )
        elif result.frame == last.frame:
            return
        elif result.frame < last.frame or result.timestamp < last.timestamp:
            raise ValueError(
                f"{self._input}: frame {result.frame} at {result.timestamp} s follows frame {last.frame} at "
                f"{last.timestamp} s; give results in the order of the frames"
            )
        if result.problem:
            self._lost.append(len(self._frames))
        self._frames.append(result.frame)
        self._times.append(result.timestamp)

    def _add_face(self, result: FaceResult) -> None:
        said = [(result.probabilities, 4)]
        if self._detector.intensities:
            said.append((result.intensities, 2))
        try:
            # Rounded as in the tables, so that both agree on what reaches the threshold.
            values = [round(by_au[au], decimals) for by_au, decimals in said for au in self._detector.aus]
        except KeyError as error:
            raise ValueError(
                f"{self._input}: the result of frame {result.frame} lacks AU{error.args[0]}; gather results "
                "with the detector that made them"
            ) from None
        place = len(self._frames) - 1
        places = self._places.setdefault(result.face_id, array("q"))
        if places and places[-1] == place:
            raise ValueError(
                f"{self._input}: person {result.face_id} is named twice in frame {result.frame}; give each "
                "face of a frame a number of its own"
            )
        places.append(place)
        self._values.setdefault(result.face_id, array("f")).extend(values)


def gather_timelines(
    results: Iterable[FaceResult | Sequence[FaceResult]], detector: Detector, rate: float | None = None
) -> Timelines:
    """Return the people of one video over time.

    Args:
        results: Of one video in the order of its frames, face by face or a list per frame.
        detector: That made them.
        rate: Frames per second of the video, if known.

    Raises:
        ValueError: As :meth:`TimelineBuilder.add`.
    """
    builder = TimelineBuilder(detector, rate)
    for part in results:
        builder.add(part)
    return builder.timelines()


def shares_of_time(timelines: Timelines) -> dict[int, dict[int, float]]:
    """Return person -> AU -> share, 0 to 1, of the time this person was seen in which the AU was present.

    Present is what the tables call so (``AUxx_c``), without smoothing; a frame counts as long as it stands.
    """
    return {
        line.person: {
            au: time_average(values >= np.float32(timelines.thresholds[au]), line.ends - line.times)
            for au, values in line.probabilities.items()
        }
        for line in timelines.people
    }


def check_told(timelines: Timelines, aus: Sequence[int] | None) -> tuple[int, ...]:
    """Return the AUs asked for, all of the model if None.

    Raises:
        ValueError: If the model does not tell one of them.
    """
    if aus is None:
        return timelines.aus
    if missing := [au for au in aus if au not in timelines.aus]:
        raise ValueError(f"the model does not tell the action units {missing}; it tells {timelines.aus}")
    return tuple(aus)


def time_average(values: NDArray[np.generic], durations: Floats) -> float:
    """Return the mean over time, or over frames if how long they stand is unknown."""
    known = durations.sum() > 0
    return float(np.average(values.astype(np.float64), weights=durations if known else None))


def _usual_step(times: Floats, rate: float | None) -> float:
    if len(times) > 1:
        return float(np.median(np.diff(times)))
    return 1 / rate if rate else 0.0


def _joined(frames: Integers, times: Floats) -> NDArray[np.bool_]:
    """Return for each frame but the last whether the next one follows without a gap."""
    if len(frames) < 2:
        return np.zeros(0, bool)
    numbers, seconds = np.diff(frames), np.diff(times)
    usual = float(np.median(seconds))
    # With a variable rate, either of them may be long where nothing was left out.
    longer = (numbers > _LONGER * np.median(numbers)) & (seconds > _LONGER * usual)
    return ~(longer | (seconds > max(LONGEST_STAND, _LONGER * usual)))


def _stretches(places: Integers, joined: NDArray[np.bool_]) -> Integers:
    """Return first and one past the last position of every run of neighbouring places without a gap."""
    broken = (np.diff(places) != 1) | ~joined[places[:-1]]
    cuts = np.flatnonzero(broken) + 1
    return np.stack([np.r_[0, cuts], np.r_[cuts, len(places)]], axis=1)
