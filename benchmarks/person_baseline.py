"""What it is worth to take people's resting faces into account, see :mod:`metafacs.inference.baseline`.

Rendered people: each is photographed many times in one room, at rest for a third to two thirds of the time,
and shows what faces do by themselves and free mixtures otherwise. Every true action unit is known. Half of
the frames at rest are named as quiet; scores are of all other frames, of all people together.

Real people (``--london``, Face Research Lab London Set): the neutral and the smiling photo of each, and
twenty variants of both as the frames of a video: turned, mirrored, smaller, lighter and darker. The variants
of the neutral photo are named as quiet; scores are of the two photos, across people. Both are of one sitting,
so that this is the most that can be gained.

What the detector says is kept in ``--cache``. Rendering takes about half a second per frame.

Example:
    python benchmarks/person_baseline.py --people 40 --london real_faces --cache runs/person_baseline
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from metafacs.data.datasets.people import PEOPLE_AUS
from metafacs.evaluation.real_photos import london_photos
from metafacs.faces.pictures import read_picture
from metafacs.faces.pipeline import face_detector, find_faces
from metafacs.inference.baseline import apply_baseline, find_baseline
from metafacs.inference.detector import Detector, Picture
from metafacs.inference.engine import FrameResults
from metafacs.inference.journal import Journal, is_complete, read_journal
from metafacs.inference.loading import load_detector
from metafacs.inference.result import FaceResult
from metafacs.metrics.intensity import intraclass_correlation
from metafacs.metrics.ranking import area_under_roc
from metafacs.synthesis.activations import Activation, continuous_level, is_present
from metafacs.synthesis.expressions import sample_action_units
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.natural_displays import sample_natural_display
from metafacs.synthesis.renderer import Subject, render
from metafacs.synthesis.scenes import lab_scene, sample_studio

PIXELS = 256
VARIANTS = 20
SMILE_AUS = (6, 12, 25)
WAYS = ("none", "named", "auto")
_WIDTHS = (8, 8, 10, 8, 8)
LEAST_PRESENT = 5
RESAMPLES = 200


@dataclass(frozen=True)
class Session:
    """The frames of one person.

    Attributes:
        pictures: What is seen.
        quiet: ``frame``, which of them may be named as quiet.
        scored: ``frame``, which of them are scored.
        truth: ``frame x au`` intensities 0 to 1, columns as ``PEOPLE_AUS``; of a photo 0 or 1 for smiling, in
            every column.
    """

    pictures: list[Picture]
    quiet: NDArray[np.bool_]
    scored: NDArray[np.bool_]
    truth: NDArray[np.float64]


@dataclass(frozen=True)
class Person:
    """A session as the detector sees it; rows are the frames in which a face was found."""

    frames: list[FrameResults]
    quiet: NDArray[np.bool_]
    scored: NDArray[np.bool_]
    truth: NDArray[np.float64]

    def baselined(self, detector: Detector, way: str) -> list[FrameResults]:
        """Return the results with rest taken into account in one of the ways."""
        if way == "none":
            return self.frames
        named = ",".join(str(frame.number) for frame in self.frames if self.quiet[frame.number])
        baseline = find_baseline(self.frames, detector, named if way == "named" else way)
        return list(apply_baseline(self.frames, baseline))


def render_session(number: int, frames: int) -> Session:
    subject = Subject(sample_identity(number, pool="person-baseline"))
    rng = np.random.default_rng([5, number])
    studio, share = sample_studio(rng), rng.uniform(0.33, 0.67)
    pictures: list[Picture] = []
    quiet: list[bool] = []
    truth: list[list[float]] = []
    for _ in range(frames):
        resting = rng.random() < share
        if resting:
            display = Activation({})
        elif rng.random() < 0.5:
            display, _ = sample_natural_display(rng)
        else:
            rates = dict.fromkeys(PEOPLE_AUS, 0.12)
            display = sample_action_units(rng, rates, intensity=(0.2, 1.0), gaze_deviation=(0.2, 0.1))
        shown = render(subject, display, lab_scene(rng, PIXELS, studio))
        pictures.append(shown.image)
        truth.append([shown.action_units.get(au, 0.0) for au in PEOPLE_AUS])
        # Every second one: the others tell what rest looks like afterwards.
        quiet.append(resting and len(quiet) % 2 == 0)
    return Session(pictures, np.array(quiet), ~np.array(quiet), np.array(truth))


def varied(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture turned, smaller, mirrored, lighter or darker."""
    scale, angle = rng.uniform(0.6, 1.0), rng.uniform(-8, 8)
    image = Image.fromarray(picture).rotate(angle, Image.Resampling.BICUBIC)
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BICUBIC)
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.2))
    found = np.array(image)
    return np.ascontiguousarray(found[:, ::-1]) if rng.random() < 0.5 else found


def photographed_session(neutral: Path, smiling: Path) -> Session:
    rng = np.random.default_rng([6, int.from_bytes(neutral.stem.encode()[:8], "big")])
    pictures, quiet, truth = [], [], []
    for smiles, path in enumerate((neutral, smiling)):
        photo = read_picture(path)
        pictures += [photo, *(varied(photo, rng) for _ in range(VARIANTS))]
        quiet += [False, *[not smiles] * VARIANTS]
        truth += [[float(smiles)] * len(PEOPLE_AUS)] * (VARIANTS + 1)
    scored = np.arange(len(pictures)) % (VARIANTS + 1) == 0
    return Session(pictures, np.array(quiet), scored, np.array(truth))


def look(detector: Detector, picture: Picture, number: int, cropped: bool) -> FrameResults:
    place = FaceResult("", number, timestamp=float(number))
    face = face_detector().find_in_aligned(picture) if cropped else next(iter(find_faces(picture)), None)
    if face is None:
        return FrameResults(number, float(number), [place])
    result = detector.result(detector.read(detector.crops(picture, [face])), 0, face, place)
    return FrameResults(number, float(number), [result])


def watch(detector: Detector, name: str, make: Callable[[], Session], folder: Path, cropped: bool) -> Person:
    """Return a session as the detector sees it; what was seen before is read from the folder."""
    path, beside = folder / f"{name}.journal", folder / f"{name}.npz"
    if not (path.exists() and is_complete(path)):
        session = make()
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(beside, quiet=session.quiet, scored=session.scored, truth=session.truth)
        with Journal.start(path, {"model": detector.description.get("model")}) as journal:
            for number, picture in enumerate(session.pictures):
                journal.append(look(detector, picture, number, cropped))
            journal.finish()
    run, frames = read_journal(path, exact=True)
    if run["model"] != detector.description.get("model"):
        raise ValueError(f"{folder} holds what another model says; give another folder")
    with np.load(beside) as known:
        return Person(list(frames), known["quiet"], known["scored"], known["truth"])


def columns_of(
    people: Sequence[Person], detector: Detector, way: str
) -> list[dict[str, NDArray[np.float64]]]:
    """Return for every person what is scored: ``frame x au`` probabilities, intensities and what is true."""
    chosen = [PEOPLE_AUS.index(au) for au in detector.aus]
    rows = []
    for person in people:
        seen = [
            (frame.number, frame.faces[0])
            for frame in person.baselined(detector, way)
            if person.scored[frame.number] and frame.faces[0].success
        ]
        true = person.truth[[number for number, _ in seen]][:, chosen]
        rows.append(
            {
                "probabilities": np.array(
                    [[face.probabilities[au] for au in detector.aus] for _, face in seen]
                ),
                "intensities": np.array(
                    [[face.intensities.get(au, 0.0) for au in detector.aus] for _, face in seen]
                ),
                "present": np.vectorize(is_present)(true).astype(np.float64),
                "level": np.vectorize(continuous_level)(true),
            }
        )
    return rows


def score(rows: Sequence[dict[str, NDArray[np.float64]]], detector: Detector) -> dict[str, float]:
    """Return means over the AUs that are present often enough."""
    joined = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    present = joined["present"] == 1
    often = np.flatnonzero((present.sum(0) >= LEAST_PRESENT) & ((~present).sum(0) >= LEAST_PRESENT))
    thresholds = np.array([detector.thresholds[au] for au in detector.aus])
    said = (joined["probabilities"] >= thresholds)[:, often]
    true, known = present[:, often], joined["level"][:, often]
    intensities = joined["intensities"][:, often]
    right = (said & true).sum(0)
    areas = area_under_roc(
        torch.from_numpy(joined["probabilities"][:, often]), torch.from_numpy(true.astype(np.float64))
    )
    return {
        "area": float(areas.mean()),
        "f1": float((2 * right / (said.sum(0) + true.sum(0))).mean()),
        "balanced": float(((right / true.sum(0) + (~said & ~true).sum(0) / (~true).sum(0)) / 2).mean()),
        "icc": float(
            np.nanmean([intraclass_correlation(*pair) for pair in zip(intensities.T, known.T, strict=True)])
        ),
        "error": float(np.abs(intensities - known).mean()),
    }


def gains(
    without: Sequence[dict[str, NDArray[np.float64]]],
    with_rest: Sequence[dict[str, NDArray[np.float64]]],
    detector: Detector,
) -> dict[str, list[float]]:
    """Return 95 % intervals of what is gained, over people drawn again and again."""
    rng = np.random.default_rng(0)
    differences = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(0, len(without), len(without))
        before, after = (score([rows[i] for i in drawn], detector) for rows in (without, with_rest))
        differences.append([after[name] - before[name] for name in before])
    low, high = np.percentile(differences, [2.5, 97.5], axis=0)
    return {name: [round(a, 4), round(b, 4)] for name, a, b in zip(before, low, high, strict=True)}


def smile_scores(
    rows: Sequence[dict[str, NDArray[np.float64]]], detector: Detector
) -> dict[str, dict[str, float]]:
    """Return for the AUs of smiles how well they tell smiling from neutral photos, across people."""
    probabilities, present = (
        np.concatenate([row[name] for row in rows]) for name in ("probabilities", "present")
    )
    found = {}
    for au in SMILE_AUS:
        column, smiles = probabilities[:, detector.aus.index(au)], present[:, 0] == 1
        area = area_under_roc(torch.from_numpy(column[:, None]), torch.from_numpy(present[:, :1]))
        said = column >= detector.thresholds[au]
        found[f"AU{au:02d}"] = {
            "area": round(float(area), 4),
            "said_of_neutral": round(float(said[~smiles].mean()), 4),
            "said_of_smiling": round(float(said[smiles].mean()), 4),
        }
    return found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=None, help="without it the detector in the package")
    parser.add_argument("--people", type=int, default=40, help="rendered people; 0 for none")
    parser.add_argument("--frames", type=int, default=40, help="frames of each")
    parser.add_argument("--london", type=Path, default=None, help="folder with neutral/ and smiling/")
    parser.add_argument("--cache", type=Path, default=None, help="folder to keep what the detector says")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    detector = load_detector(options.model)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.cache or Path(temporary)
        results: dict[str, object] = {}
        if options.people:
            results["rendered"] = measure_rendered(detector, options, folder / f"rendered_{options.frames}")
        if options.london is not None:
            results["london"] = measure_london(detector, options, folder / "london")
    settings = {
        "people": options.people,
        "frames": options.frames,
        "model": detector.description.get("model"),
    }
    print(json.dumps({"benchmark": "person_baseline", **settings, "results": results}))


def measure_rendered(detector: Detector, options: argparse.Namespace, folder: Path) -> dict[str, object]:
    people = []
    for number in range(options.people):
        make = partial(render_session, number, options.frames)
        people.append(watch(detector, str(number), make, folder, cropped=True))
        print(f"rendered person {number + 1} of {options.people}", file=sys.stderr, flush=True)
    found: dict[str, object] = {}
    rows = {way: columns_of(people, detector, way) for way in WAYS}
    print(f"\n{len(people)} rendered people; means over AUs, 95 % intervals of the gain over people")
    print(f"{'rest':8}{'area':>8}{'F1':>8}{'balanced':>10}{'ICC':>8}{'error':>8}")
    for way in WAYS:
        scores = score(rows[way], detector)
        found[way] = {name: round(value, 4) for name, value in scores.items()}
        print(f"{way:8}" + "".join(f"{v:{w}.3f}" for v, w in zip(scores.values(), _WIDTHS, strict=True)))
        if way != "none":
            gained = found[f"gain_{way}"] = gains(rows["none"], rows[way], detector)
            print(" " * 8 + "  ".join(f"{name} {a:+.3f} to {b:+.3f}" for name, (a, b) in gained.items()))
    return found


def measure_london(detector: Detector, options: argparse.Namespace, folder: Path) -> dict[str, object]:
    photos = london_photos(options.london)
    neutral = {photo.path.stem: photo.path for photo in photos if photo.kind == "neutral"}
    smiling = {photo.path.stem: photo.path for photo in photos if photo.kind == "smiling"}
    people = []
    for name in sorted(neutral.keys() & smiling.keys()):
        make = partial(photographed_session, neutral[name], smiling[name])
        people.append(watch(detector, name, make, folder, cropped=False))
        print(f"photographed person {name}", file=sys.stderr, flush=True)
    found: dict[str, object] = {}
    print(f"\n{len(people)} photographed people: area under the ROC curve of smiling against neutral photos")
    print(f"{'rest':8}" + "".join(f"{f'AU{au:02d}':>24}" for au in SMILE_AUS))
    for way in WAYS:
        scores = smile_scores(columns_of(people, detector, way), detector)
        found[way] = scores
        print(
            f"{way:8}"
            + "".join(
                f"{v['area']:12.3f} ({v['said_of_neutral']:.2f}, {v['said_of_smiling']:.2f})"
                for v in scores.values()
            )
        )
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
