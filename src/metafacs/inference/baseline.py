"""Takes a person's resting face into account: what looks like an action unit at rest is no action unit.

Faces differ at rest: one has low brows, another full lips or corners of the mouth that point down, and a
detector says more or less of an AU of them when they do nothing. The baseline of a person in a video are the
medians, over frames in which this person is quiet, of the logits and of the intensities. Then

- every logit of the person is moved by the difference between what rest looks like to the model in general
  and this person's rest: the median over the packaged resting faces minus that over the quiet frames.
  Thresholds keep their meaning;
- from every intensity the person's is taken away, down to 0.

Quiet frames are named by the user, or chosen (``auto``): of each person the quarter of the frames in which
the probabilities of all AUs together rise least above what is usual for the person, the 40th percentile of
each; from ten frames on. So somebody who smiles nearly all the time is taken to look like that at rest: name
quiet frames where that may be. ``benchmarks/person_baseline.py`` measures what it is worth.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from io import BytesIO
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metafacs.faces.face import Face
from metafacs.facs import HIGHEST_INTENSITY, au_column
from metafacs.inference.detector import Detector, Picture
from metafacs.inference.engine import FrameResults
from metafacs.inference.result import FaceResult
from metafacs.parsing import parse_json
from metafacs.seals import unsealed
from metafacs.tensor_files import REINSTALL
from metafacs.texts import shown

AUTO = "auto"

QUIET_SHARE = 0.25
"""Share of a person's frames that are taken to be quiet."""

LEAST_QUIET = 10
"""Frames from which on a person's rest is known, if they are chosen automatically."""

_MOST_FRAMES = 1 << 14
"""Frames per person that are held; beyond that every second one is, then every fourth and so on."""

_LEAST_CERTAIN = 1e-6
_USUAL = 0.4
"""Quantile of a person's probabilities that is usual: low enough for people who are busy most of the time."""

_RANGE = re.compile(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", re.ASCII)

Array = NDArray[np.float64]
Ranges = tuple[tuple[int, int], ...]


class BaselineError(ValueError):
    """A baseline that cannot be found; the message says why and what to do."""


@dataclass(frozen=True)
class Rest:
    """How a person is at rest, compared with others.

    Attributes:
        frames: Quiet frames that tell.
        logits: AU -> what is taken away from the logit.
        intensities: AU -> what is taken away from the intensity; empty if the model gives none.
    """

    frames: int
    logits: Mapping[int, float]
    intensities: Mapping[int, float]


@dataclass(frozen=True)
class Baseline:
    """The rest of the people of one video.

    Attributes:
        neutral: Which frames are quiet, as it was asked for.
        people: Person -> how this person is at rest.
        unknown: People whose rest is not known; their results stay as they are.
    """

    neutral: str
    people: Mapping[int, Rest] = field(default_factory=dict)
    unknown: tuple[int, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return it as plain data for the sidecar, with names of columns."""
        return {
            "frames": self.neutral,
            "rule": "logits are moved by the median over resting faces minus that over the person's quiet "
            "frames; the median intensity over these is taken from intensities",
            "people": {
                str(person): {
                    "quiet_frames": rest.frames,
                    "logits": {au_column(au): round(-value, 3) for au, value in rest.logits.items()},
                    "intensities": {
                        au_column(au): round(-value, 2) for au, value in rest.intensities.items()
                    },
                }
                for person, rest in self.people.items()
            },
            "people_as_they_are": list(self.unknown),
        }


def parse_neutral(neutral: str) -> Ranges | None:
    """Return the first and last frames of the ranges that are named; None for ``auto``.

    Raises:
        BaselineError: If it is neither.

    >>> parse_neutral("100-200, 250")
    ((100, 200), (250, 250))
    """
    if neutral.strip() == AUTO:
        return None
    ranges = []
    for part in neutral.split(","):
        match = _RANGE.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise BaselineError(
                f"{shown(neutral)!r} names no quiet frames: write {AUTO}, or numbers of frames as "
                "100-200,250-300"
            )
        ranges.append((first, last))
    return tuple(ranges)


def find_baseline(frames: Iterable[FrameResults], detector: Detector, neutral: str = AUTO) -> Baseline:
    """Return how every person of a video is at rest.

    Args:
        frames: All frames of the video with exact probabilities, see
            :func:`metafacs.inference.journal.read_journal`; gone through once.
        detector: That made them.
        neutral: Which frames are quiet: ``auto``, or numbers of frames as ``100-200,250-300``.

    Raises:
        BaselineError: If ``neutral`` cannot be read, names a range that holds no frame, or nobody is seen in
            the frames that it names.
    """
    ranges = parse_neutral(neutral)
    people: dict[int, _Rows] = {}
    reached: set[tuple[int, int]] = set()
    last_frame = -1
    for frame in frames:
        inside = [(first, last) for first, last in ranges or () if first <= frame.number <= last]
        wanted, last_frame = ranges is None or bool(inside), frame.number
        reached.update(inside)
        for face in frame.faces:
            if face.success:
                rows = people.setdefault(face.face_id, _Rows(detector))
                if wanted:
                    rows.add(face)
    if ranges is not None and (beyond := [each for each in ranges if each not in reached]):
        first, last = beyond[0]
        raise BaselineError(
            f"no frame that was analysed has a number from {first} to {last}, as the neutral frames "
            f"{shown(neutral)} say; the last one is {last_frame}, and the first frame of a video is 0"
        )
    if ranges is not None and people and not any(rows.count for rows in people.values()):
        raise BaselineError(
            f"nobody is seen in the frames {shown(neutral)}; name frames that show people at rest"
        )
    usual = resting_logits(detector) if people else np.zeros(0)
    rests = {}
    for person, rows in sorted(people.items()):
        probabilities, intensities = rows.values()
        quiet = np.arange(len(probabilities)) if ranges is not None else quiet_rows(probabilities)
        if not len(quiet):
            continue
        moved = np.median(_logits(probabilities[quiet]), axis=0) - usual
        resting = np.median(intensities[quiet], axis=0)
        rests[person] = Rest(
            len(quiet),
            dict(zip(detector.aus, moved.tolist(), strict=True)),
            dict(zip(detector.aus, resting.tolist(), strict=True)) if detector.intensities else {},
        )
    return Baseline(neutral, rests, tuple(person for person in sorted(people) if person not in rests))


def apply_baseline(frames: Iterable[FrameResults], baseline: Baseline) -> Iterator[FrameResults]:
    """Yield the results with everybody's rest taken into account, rounded as in all tables.

    Args:
        frames: With exact probabilities.
        baseline: Of the same video.
    """
    for frame in frames:
        yield replace(frame, faces=[_moved(face, baseline) for face in frame.faces]).rounded()


def quiet_rows(probabilities: Array) -> NDArray[np.intp]:
    """Return which frames of a person are quiet; none if there are too few to tell.

    Args:
        probabilities: ``frame x au``.
    """
    if len(probabilities) < LEAST_QUIET:
        return np.zeros(0, np.intp)
    risen = probabilities - np.quantile(probabilities, _USUAL, axis=0)
    activity = risen.clip(min=0).sum(axis=1)
    count = max(LEAST_QUIET, round(QUIET_SHARE * len(probabilities)))
    return np.sort(np.argsort(activity, kind="stable")[:count])


def resting_logits(detector: Detector) -> Array:
    """Return what rest looks like to a detector: ``au`` medians of its logits over the packaged faces."""
    crops = [
        detector.crops(picture, [Face((0.0, 0.0, *picture.shape[1::-1]), 1.0, landmarks)])
        for picture, landmarks in _resting_faces()
    ]
    return np.median(_logits(detector.probabilities_of(np.concatenate(crops))), axis=0)


class _Rows:
    """Probabilities and intensities of one person, of many frames only of every second, fourth and so on."""

    def __init__(self, detector: Detector) -> None:
        self.count = 0
        self._aus, self._detector = len(detector.aus), detector
        self._every = 1
        self._values: array[float] = array("f")

    def add(self, face: FaceResult) -> None:
        self.count += 1
        if (self.count - 1) % self._every:
            return
        self._values.extend(face.probabilities[au] for au in self._detector.aus)
        self._values.extend(face.intensities.get(au, 0.0) for au in self._detector.aus)
        if len(self._values) >= _MOST_FRAMES * 2 * self._aus:
            self._every *= 2
            self._values = array("f", self._table()[::2].tobytes())

    def values(self) -> tuple[Array, Array]:
        """Return ``frame x au`` probabilities and intensities."""
        table = self._table().astype(np.float64)
        return table[:, : self._aus], table[:, self._aus :]

    def _table(self) -> NDArray[np.float32]:
        return np.array(self._values, np.float32).reshape(-1, 2 * self._aus)


def _moved(face: FaceResult, baseline: Baseline) -> FaceResult:
    rest = baseline.people.get(face.face_id)
    if rest is None or not face.success:
        return face
    return replace(
        face,
        probabilities={
            au: _probability(float(_logits(np.float64(value))) - rest.logits[au])
            for au, value in face.probabilities.items()
        },
        intensities={
            au: round(min(max(value - rest.intensities[au], 0.0), HIGHEST_INTENSITY), 2)
            for au, value in face.intensities.items()
        },
    )


def _logits(probabilities: Array | np.float64) -> Array:
    certain = np.clip(probabilities, _LEAST_CERTAIN, 1 - _LEAST_CERTAIN)
    return np.asarray(np.log(certain / (1 - certain)))


def _probability(logit: float) -> float:
    return 1 / (1 + exp(-logit))


@cache
def _resting_faces() -> tuple[tuple[Picture, Array], ...]:
    """Return rendered people at rest with their 68 points; ``scripts/build_resting_faces.py`` makes them."""
    folder = files("metafacs.inference").joinpath("assets")
    path = folder.joinpath("resting_faces.json")
    content = parse_json(path.read_bytes(), dict[str, Any], str(path), ValueError, REINSTALL)
    known = unsealed(content, str(path), ValueError, REINSTALL)
    picture = folder.joinpath("resting_faces.jpg").read_bytes()
    if hashlib.sha256(picture).hexdigest() != known.get("picture"):
        raise ValueError(f"{folder.joinpath('resting_faces.jpg')} is damaged; {REINSTALL}")
    sheet = np.array(Image.open(BytesIO(picture), formats=["JPEG"]).convert("RGB"))
    size = known["size"]
    places = ((top, left) for top in range(0, len(sheet), size) for left in range(0, sheet.shape[1], size))
    return tuple(
        (np.ascontiguousarray(sheet[top : top + size, left : left + size]), np.array(points))
        for (top, left), points in zip(places, known["landmarks"], strict=True)
    )
