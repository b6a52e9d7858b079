"""Finished results as the user wants them: rest taken into account, people left out, AUs chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metafacs.app.analysing import JOURNAL
from metafacs.app.curves import write_curves
from metafacs.app.records import Kind, View
from metafacs.data.videos import Selection
from metafacs.inference.detector import Detector
from metafacs.inference.engine import FrameResults
from metafacs.inference.events import Event, EventRules, find_events
from metafacs.inference.journal import is_complete
from metafacs.inference.predictions import FinishedFrames
from metafacs.inference.result import FaceResult
from metafacs.inference.smoothing import moving_median, smoothing_windows
from metafacs.inference.timelines import Timeline, Timelines, gather_timelines, shares_of_time
from metafacs.parsing import convert

_EVENT_PARTS = (
    *("person", "au", "onset", "peak", "offset", "onset_frame", "peak_frame", "offset_frame"),
    *("peak_probability", "peak_intensity", "complete"),
)


class Viewed:
    """The frames of an analysis, as often as they are gone through.

    Args:
        detector: That made them.
        folder: Of the analysis.
        view: What the user wants, as :meth:`metafacs.app.records.View.to_json` gives it.
        name: What the user calls the file.
        kind: What it is.
        path: Where it lies; None of a camera.
        source: What is known of the video: its size, rate, notes.
        fps: Frames per second that were taken of it; None for all.

    Attributes:
        detector: Writes what is wanted: it knows the chosen AUs alone.
        view: What the user wants.
        name: What the user calls the file.
        kind: What it is.
        path: Where it lies; None of a camera.
        source: What is known of the video.
        selection: Which of its frames were taken.
        complete: Whether the analysis is over.
        neutral: What was taken away as rest, for a reader; None if nothing was.
    """

    def __init__(
        self,
        detector: Detector,
        folder: Path,
        view: dict[str, Any],
        name: str,
        kind: Kind,
        path: Path | None,
        source: dict[str, Any],
        fps: float | None,
    ) -> None:
        self.view = convert(view, View, "the view")
        self.name, self.kind, self.path = name, kind, path
        self.source, self.selection = source, Selection(fps=fps)
        journal = folder / JOURNAL
        # Rest is told by the whole model.
        self._frames = FinishedFrames(detector, journal, self.view.neutral)
        self.complete = is_complete(journal)
        self.neutral = self._frames.more.get("neutral")
        self.detector = detector
        if self.view.aus is not None:
            kept = tuple(au for au in detector.aus if au in self.view.aus)
            pale = tuple(au for au in detector.experimental if au in kept)
            levels = {au: detector.thresholds[au] for au in kept}
            self.detector = replace(detector, aus=kept, thresholds=levels, experimental=pale)

    def __iter__(self) -> Iterator[FrameResults]:
        for frame in self._frames:
            faces = [self._chosen(face) for face in frame.faces if face.face_id not in self.view.hidden]
            problem = frame.faces[0].problem
            nobody = FaceResult(self.name, frame.number, timestamp=frame.timestamp, problem=problem)
            yield replace(frame, faces=faces or [nobody])

    @property
    def rate(self) -> float | None:
        """Frames per second of the video, if known."""
        rate: float | None = self.source.get("rate")
        return rate

    def _chosen(self, face: FaceResult) -> FaceResult:
        if self.view.aus is None:
            return face
        aus = self.detector.aus
        return replace(
            face,
            probabilities={au: value for au, value in face.probabilities.items() if au in aus},
            intensities={au: value for au, value in face.intensities.items() if au in aus},
        )

    @property
    def rules(self) -> EventRules:
        """How probabilities become events."""
        return EventRules(smoothing=self.view.smoothing)

    @cached_property
    def timelines(self) -> Timelines:
        """The people over time."""
        return gather_timelines((frame.faces for frame in self), self.detector, self.rate)

    @cached_property
    def events(self) -> list[Event]:
        """When action units come, are strongest and go."""
        return find_events(self.timelines, self.rules)


def write_timelines(viewed: Viewed, out: Path) -> dict[str, Any]:
    """Write the people over time with their events for :func:`metafacs.app.curves.read_curves`.

    Args:
        viewed: The results.
        out: The file to write.

    Returns:
        Nothing.
    """
    timelines = viewed.timelines
    shares = shares_of_time(timelines)
    head = {
        "complete": viewed.complete,
        "aus": list(timelines.aus),
        "thresholds": {str(au): timelines.thresholds[au] for au in timelines.aus},
        "step": round(timelines.step, 6),
        "seconds": round(timelines.seconds, 3),
        "lost": timelines.lost.tolist(),
        "rules": viewed.rules.describe(),
        "neutral": viewed.neutral,
        "events": [_event(event) for event in viewed.events],
    }
    write_curves(out, head, [_line(line, viewed, shares[line.person]) for line in timelines.people])
    return {}


def _line(line: Timeline, viewed: Viewed, shares: Mapping[int, float]) -> dict[str, Any]:
    windows = smoothing_windows(line, viewed.rules.smoothing)

    def curves(values: Mapping[int, NDArray[np.float32]]) -> NDArray[np.float32]:
        rows = [moving_median(values[au], windows) for au in viewed.timelines.aus if au in values]
        return np.array(rows, np.float32).reshape(len(rows), len(line.times))

    about = {
        "id": line.person,
        "name": viewed.view.names.get(line.person, ""),
        "seconds": round(line.seconds, 3),
        "share": {str(au): round(share, 4) for au, share in shares.items()},
    }
    return {
        "about": about,
        "frames": line.frames,
        "times": line.times,
        "ends": line.ends,
        "stretches": line.stretches,
        "p": curves(line.probabilities),
        "i": curves(line.intensities),
    }


def _event(event: Event) -> dict[str, Any]:
    known = asdict(event)
    content = {name: known[name] for name in _EVENT_PARTS}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in content.items()}
