"""Counts lost faces and mixed-up people of the face tracker on rendered clips of known people.

    python benchmarks/tracking.py [--kinds one crossing ...] [--seeds 0 1] [--seconds 12] [--out FILE]

Every frame is tracked; on every fifth frame faces are also found from scratch, as in a photo, and the head's
turn read by the packaged detector is compared with the renderer's. Runs on one thread; times are processor
milliseconds, medians. Everything is rendered (*synthetic*). The last line is JSON.

- lost: faces of which at most 30 % are hidden that were not found
- false: faces found where nobody is
- switches: a person gets the number of another one
- new numbers: a person gets a number that nobody had; mended: gets back a number of its own
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from metafacs.faces.alignment import alignment_matrix, turned_pose
from metafacs.faces.face import Face
from metafacs.faces.pipeline import find_faces
from metafacs.faces.tracking import FaceTracker, TrackedFace
from metafacs.faces.warping import invert
from metafacs.files import write_json
from metafacs.inference.detector import Detector
from metafacs.inference.loading import load_detector
from metafacs.synthesis.clips import CLIPS, ClipFace, ClipFrame, render_clip

NEAR = 0.2
"""A found face is a person's if its landmarks lie, in the mean, within this share of the face's size."""

SMALLEST = 25.0
FAR_TURNED = np.radians(30)
EVERY = 5
COUNTS = ("faces", "lost", "false", "switches", "new_numbers", "mended")


@dataclass
class Count:
    """What went wrong in one clip so far."""

    totals: Counter[str] = field(default_factory=Counter)
    owners: dict[int, int] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    def add(self, known: Sequence[ClipFace], tracked: Sequence[TrackedFace]) -> None:
        """Compare one frame with the truth."""
        pairs = match(known, [each.face for each in tracked])
        for face in known:
            there = face.visible and min(face_size(face)) >= SMALLEST
            self.totals["faces"] += there
            place = pairs.get(face.person)
            if place is None:
                self.totals["lost"] += there
            else:
                self._name(face.person, tracked[place].person)
        for place, each in enumerate(tracked):
            if place not in pairs.values() and not any(covers(face, each.face) for face in known):
                self.totals["false"] += 1

    def _name(self, person: int, number: int) -> None:
        before = self.numbers.get(person)
        self.numbers[person] = number
        if number == before:
            return
        if number not in self.owners:
            self.owners[number] = person
            self.totals["new_numbers"] += before is not None
        elif self.owners[number] != person:
            self.totals["switches"] += 1
        else:
            self.totals["mended"] += 1


def face_size(face: ClipFace) -> tuple[float, float]:
    left, top, right, bottom = face.box
    return right - left, bottom - top


def distance(known: ClipFace, face: Face) -> float:
    """Return how far brows, eyes, nose and mouth lie apart in the mean, as a share of the face's size."""
    apart = np.linalg.norm(face.landmarks[17:] - known.landmarks[17:], axis=1)
    return float(apart.mean()) / max(face_size(known))


def covers(known: ClipFace, face: Face) -> bool:
    """Return whether the middle of a found face lies in a person's face, be it hidden or not."""
    x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    return known.box[0] <= x <= known.box[2] and known.box[1] <= y <= known.box[3]


def match(known: Sequence[ClipFace], faces: Sequence[Face]) -> dict[int, int]:
    """Return person -> which found face is this person's, those that are hidden least first."""
    pairs: dict[int, int] = {}
    for person in sorted(known, key=lambda face: face.hidden):
        free = [place for place in range(len(faces)) if place not in pairs.values()]
        nearest = min(free, key=lambda place: distance(person, faces[place]), default=None)
        if nearest is not None and distance(person, faces[nearest]) < NEAR:
            pairs[person.person] = nearest
    return pairs


def turn_errors(detector: Detector, frame: ClipFrame, faces: Sequence[Face]) -> list[NDArray[np.float64]]:
    """Return read minus true yaw, pitch and roll in degrees of the clearly seen faces within 30 degrees."""
    pairs = match(frame.faces, faces)
    clear = [
        face
        for face in frame.faces
        if face.person in pairs and face.hidden < 0.05 and np.abs(face.pose).max() <= FAR_TURNED
    ]
    if not clear:
        return []
    found = [faces[pairs[face.person]] for face in clear]
    said = detector.read(detector.crops(frame.image, found)).pose
    assert said is not None
    errors = []
    for face, seen, row in zip(clear, found, said, strict=True):
        yaw, pitch, roll = (float(angle) for angle in row)
        matrix = alignment_matrix(
            seen.landmarks, detector.crop_size or detector.input_size, detector.alignment
        )
        turned = turned_pose((yaw, pitch, roll), invert(matrix))
        errors.append(np.degrees(np.subtract(turned, face.pose)))
    return errors


@dataclass
class Figures:
    """What one kind of clip gave."""

    frames: int = 0
    seconds: float = 0.0
    totals: Counter[str] = field(default_factory=Counter)
    lost_without: int = 0
    faces_without: int = 0
    apart: list[float] = field(default_factory=list)
    with_tracking: list[float] = field(default_factory=list)
    without: list[float] = field(default_factory=list)
    turns: list[NDArray[np.float64]] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        """Return plain data for JSON."""
        turns = np.abs(self.turns).mean(0).round(2).tolist() if self.turns else None
        bias = np.mean(self.turns, 0).round(2).tolist() if self.turns else None
        return {
            "frames": self.frames,
            "seconds": round(self.seconds, 2),
            **{name: self.totals[name] for name in COUNTS},
            "switches_per_minute": round(60 * self.totals["switches"] / max(self.seconds, 1e-9), 2),
            "sampled": {"faces": self.faces_without, "lost_by_find_faces": self.lost_without},
            "pixels_from_find_faces": median(self.apart),
            "ms_with_tracking": median(self.with_tracking),
            "mean_ms_with_tracking": round(statistics.fmean(self.with_tracking), 2),
            "ms_without": median(self.without),
            "turn_error_degrees": turns,
            "turn_bias_degrees": bias,
        }


def median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values), 3) if values else None


def follow(figures: Figures, frames: Iterable[ClipFrame], detect_every: float, detector: Detector) -> None:
    """Track one clip and add to the figures of its kind."""
    tracker, count = FaceTracker(detect_every=detect_every), Count()
    last = 0.0
    for frame in frames:
        start = time.thread_time()
        tracked = tracker.advance(frame.image, frame.timestamp)
        figures.with_tracking.append(1000 * (time.thread_time() - start))
        count.add(frame.faces, tracked)
        figures.frames += 1
        last = frame.timestamp
        if frame.number % EVERY:
            continue
        start = time.thread_time()
        found = find_faces(frame.image)
        figures.without.append(1000 * (time.thread_time() - start))
        there = [face for face in frame.faces if face.visible and min(face_size(face)) >= SMALLEST]
        figures.faces_without += len(there)
        figures.lost_without += len(there) - len({face.person for face in there} & match(there, found).keys())
        theirs, ours = match(there, found), match(there, [each.face for each in tracked])
        for person in theirs.keys() & ours.keys():
            apart = found[theirs[person]].landmarks - tracked[ours[person]].face.landmarks
            figures.apart.append(float(np.linalg.norm(apart, axis=1).mean()))
        figures.turns += turn_errors(detector, frame, [each.face for each in tracked])
    figures.totals += count.totals
    figures.seconds += last


def main(arguments: list[str] | None = None) -> None:
    """Render, follow and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", default=list(CLIPS), choices=list(CLIPS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="one clip of each kind per seed")
    parser.add_argument("--seconds", type=float, default=12.0, help="length of a clip")
    parser.add_argument("--rate", type=float, default=25.0, help="frames per second")
    parser.add_argument("--size", nargs=2, type=int, default=(640, 360), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--detect-every", type=float, default=0.3, help="see FaceTracker")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    detector = load_detector()
    results: dict[str, dict[str, object]] = {}
    for kind in options.kinds:
        figures = Figures()
        for seed in options.seeds:
            frames = render_clip(kind, seed, options.seconds, options.rate, tuple(options.size))
            follow(figures, frames, options.detect_every, detector)
        results[kind] = figures.summary()
        cells = " ".join(f"{name} {figures.totals[name]}" for name in COUNTS)
        print(
            f"{kind:9s} {figures.frames} frames: {cells}; {results[kind]['pixels_from_find_faces']} px from "
            f"find_faces; {results[kind]['ms_with_tracking']} ms a frame, without tracking "
            f"{results[kind]['ms_without']} ms; turn off by {results[kind]['turn_error_degrees']} degrees",
            flush=True,
        )
    settings = {
        "seeds": options.seeds,
        "seconds": options.seconds,
        "rate": options.rate,
        "size": list(options.size),
        "detect_every": options.detect_every,
    }
    content = {"benchmark": "tracking", "synthetic": True, **settings, "results": results}
    if options.out is not None:
        write_json(options.out, content)
    print(json.dumps(content))


if __name__ == "__main__":
    main()
