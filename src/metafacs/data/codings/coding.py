"""What somebody, a person or a program, says of the action units of a video: by frames or by intervals.

Presence is 1, 0 or NaN. NaN means that nobody said anything: what was not coded is unknown, not absent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Unit = Literal["seconds", "frames"]
Stretch = tuple[float, float]

NOBODY = ""
"""Name of the person where a file does not tell its people."""


@dataclass(frozen=True)
class ReadingRules:
    """How files are read whose format leaves something open.

    Attributes:
        first_frame: Number of the first frame of the video in codings by people, 0 or 1; None to take it
            from the file.
        threshold: Probability from which on an AU counts as present in every table with probabilities; None
            for what the table itself or its sidecar says, or else .5.
        present_from: Least intensity that counts as present where only intensities were coded; 1 is level A.
        least_confidence: Rows of tables with a lower confidence are unknown.
        coded_range: Stretches of the video, in seconds, that interval lists code; ``((-inf, inf),)`` for all
            of it; None to take them from the file.

    Raises:
        ValueError: If a value is outside its range.
    """

    first_frame: int | None = None
    threshold: float | None = None
    present_from: float = 1.0
    least_confidence: float = 0.0
    coded_range: tuple[Stretch, ...] | None = None

    def __post_init__(self) -> None:
        if self.first_frame not in (None, 0, 1):
            raise ValueError(f"the first frame of a video has the number 0 or 1, not {self.first_frame}")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ValueError(f"a threshold of probabilities lies in (0, 1], not {self.threshold}")
        if not 0 < self.present_from <= 5:
            raise ValueError(f"the least intensity that is present lies in (0, 5], not {self.present_from}")
        if not 0 <= self.least_confidence <= 1:
            raise ValueError(f"a confidence lies in [0, 1], not {self.least_confidence}")
        if any(not start < end for start, end in self.coded_range or ()):
            raise ValueError(f"a coded range ends before it begins: {self.coded_range}")


@dataclass(frozen=True)
class AuSeries:
    """One AU of one person over frames.

    Attributes:
        presence: ``frame``, 1, 0 or NaN.
        intensity: ``frame``, 0 to 5 or NaN; None where the file has none.
        score: ``frame``, any number that grows with certainty, a probability if there is one; None where the
            file has none.
    """

    presence: Floats
    intensity: Floats | None = None
    score: Floats | None = None


@dataclass(frozen=True)
class FrameCoding:
    """A file with a row for each frame.

    Attributes:
        path: The file.
        kind: What it is, e.g. ``OpenFace table``.
        frames: Numbers of the frames, counted from 0, ascending; None where the file tells only times.
        times: When each frame is shown, in seconds; None where the file does not tell it.
        people: Name of the person -> AU -> series over the frames.
        synthetic: Whether its sidecar says that the model was trained on rendered faces.
        first_frame_guessed: Nothing told whether the video's first frame is 0 or 1 in it.
        notes: Sentences: what was assumed, what is unknown and why.
        warnings: Sentences that should not be overlooked.
    """

    path: Path
    kind: str
    frames: Integers | None
    times: Floats | None
    people: Mapping[str, Mapping[int, AuSeries]]
    synthetic: bool = False
    first_frame_guessed: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of frames."""
        told = self.frames if self.frames is not None else self.times
        return 0 if told is None else len(told)


@dataclass(frozen=True)
class CodedInterval:
    """One AU from onset to offset.

    Attributes:
        onset: In seconds, or the first frame.
        offset: In seconds, not included; or the last frame, included.
        presence: 1; 0 where it was coded as absent; NaN where it was marked as not to be judged.
        intensity: 1 to 5; NaN where only presence was coded.
        side: Left, right or another part of the face, as ``L`` or ``R``; empty for the whole face.
        place: Where it stands, for messages.
    """

    onset: float
    offset: float
    presence: float = 1.0
    intensity: float = math.nan
    side: str = ""
    place: str = field(default="", compare=False)


@dataclass(frozen=True)
class IntervalCoding:
    """A file with intervals; within the stretches coded, an AU is absent outside its intervals.

    Attributes:
        path: The file.
        kind: What it is, e.g. ``ELAN file``.
        unit: Of onsets and offsets; frames are counted from 0.
        people: Name of the person -> AU -> its intervals, sorted; an AU without intervals was coded and never
            seen, an AU that is missing was not coded.
        coded: Name of the person -> the stretches that were coded, sorted.
        coded_unit: Of the stretches.
        with_intensities: Whether intensities were coded, so that absence is intensity 0.
        synthetic: As of :class:`FrameCoding`.
        first_frame_guessed: As of :class:`FrameCoding`.
        notes: Sentences: what was assumed, what is unknown and why.
        warnings: Sentences that should not be overlooked.
    """

    path: Path
    kind: str
    unit: Unit
    people: Mapping[str, Mapping[int, Sequence[CodedInterval]]]
    coded: Mapping[str, tuple[Stretch, ...]]
    coded_unit: Unit
    with_intensities: bool = False
    synthetic: bool = False
    first_frame_guessed: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


Coding = FrameCoding | IntervalCoding
