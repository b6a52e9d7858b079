"""What detectors say of real people, on two sets of photos, with the best single distance as the floor.

London set (Face Research Lab London Set, CC BY 4.0): ``neutral/NNN.jpg`` and ``smiling/NNN.jpg`` of the same
person, who was told to. Web faces: a folder of pictures and a ``legend.csv`` with the columns ``image`` and
``emotion``, as in the public repository muxspace/facial_expressions: what others saw in press photos and
film stills. Nobody coded action units in either, so scores say whether an action unit tells an expression
from neutral faces, not whether it was there.

Faces and crops are kept in ``--cache``, so that a further model costs seconds. Without ``--model`` only the
floors are printed. Of the web faces, those whose name's SHA-256 begins with 0 to 7 are the half to develop
on; leave the other to a final test.

Example:
    python benchmarks/real_faces.py --london real_faces --web facial_expressions/images \
        --legend facial_expressions/data/legend.csv --model runs/mine/model.safetensors \
        --cache runs/real_faces/cache --out runs/real_faces
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isnan
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL
import torch
from jsonargparse import ArgumentParser

import metafacs.faces
from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.evaluation.real_people import (
    EXPRESSION_AUS,
    Floor,
    area_interval,
    best_measure,
    directions_of,
    pairs_won,
    share_interval,
)
from metafacs.evaluation.real_photos import HALVES, NEUTRAL, Photo, PhotoSetError, london_photos, web_photos
from metafacs.evaluation.statistics import Estimate
from metafacs.faces.face import Face
from metafacs.faces.measures import measure_faces
from metafacs.faces.pictures import PictureError, read_picture
from metafacs.faces.pipeline import find_faces
from metafacs.files import write_json, written_whole
from metafacs.inference.detector import Detector
from metafacs.inference.loading import load_detector
from metafacs.metrics.ranking import area_under_roc
from metafacs.models.model_file import names_of
from metafacs.progress import progress_bar
from metafacs.reports.detector_card import area_cell

FACE_FIELDS = ("box", "score", "landmarks", "mesh")
"""What is kept of a face; of a picture without one nothing is."""

LIPS_APART = 0.05
"""Lip gap over the distance of the outer eye corners from which on lips count as apart."""


@dataclass
class Gathered:
    """The largest face of every picture of a set that shows one, and what was left out."""

    name: str
    photos: list[Photo] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)
    without_face: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    contradictory: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> np.ndarray:
        """What every picture shows."""
        return np.array([photo.kind for photo in self.photos], dtype=str)

    @property
    def people(self) -> np.ndarray | None:
        """Who is on every picture; None where nobody is known."""
        known = [photo.person for photo in self.photos]
        return None if None in known else np.array(known, dtype=str)


class FaceCache:
    """Faces and crops of pictures in a folder, by everything that decides about them.

    A face depends on the bytes of the picture and on the code and networks of ``metafacs.faces`` (with the
    versions of what they compute with); a crop on how the detector cuts besides.
    """

    def __init__(self, folder: Path) -> None:
        package = Path(metafacs.faces.__file__).parent
        parts = [f"{torch.__version__} {np.__version__} {PIL.__version__}".encode()]
        for path in sorted(package.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                parts += [str(path.relative_to(package)).encode(), path.read_bytes()]
        self.version = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
        self._folder = folder

    def face(self, path: Path, digest: str) -> Face | None:
        """Return the largest face of a picture, or None."""
        kept = self._folder / f"faces-{self.version}" / f"{digest}.npz"
        if kept.is_file():
            with np.load(kept) as known:
                if not known.files:
                    return None
                left, top, right, bottom = map(float, known["box"])
                box = (left, top, right, bottom)
                return Face(box, float(known["score"]), known["landmarks"], known["mesh"])
        face = next(iter(find_faces(read_picture(path))), None)
        content = {} if face is None else {name: getattr(face, name) for name in FACE_FIELDS}
        with written_whole(kept) as temporary, temporary.open("wb") as file:
            np.savez(file, **content)
        return face

    def crops(self, gathered: Gathered, detector: Detector) -> Iterator[np.ndarray]:
        """Yield ``picture x crop x crop x 3``, a batch at a time; what is not there is cut and kept."""
        size = detector.crop_size or detector.input_size
        how = json.dumps([self.version, size, asdict(detector.alignment)], sort_keys=True)
        folder = self._folder / f"crops-{hashlib.sha256(how.encode()).hexdigest()[:16]}"
        for start in range(0, len(gathered.photos), detector.batch_size):
            places = range(start, min(start + detector.batch_size, len(gathered.photos)))
            yield np.stack([self._crop(gathered, place, folder, detector) for place in places])

    def probabilities(self, gathered: Gathered, detector: Detector) -> np.ndarray:
        """Return ``picture x au`` of a detector."""
        return np.concatenate([detector.probabilities_of(crops) for crops in self.crops(gathered, detector)])

    def _crop(self, gathered: Gathered, place: int, folder: Path, detector: Detector) -> np.ndarray:
        kept = folder / f"{gathered.digests[place]}.npy"
        if kept.is_file():
            return np.load(kept)
        crops = detector.crops(read_picture(gathered.photos[place].path), [gathered.faces[place]])
        with written_whole(kept) as temporary, temporary.open("wb") as file:
            np.save(file, crops[0])
        return crops[0]


def gather(name: str, photos: Sequence[Photo], cache: FaceCache, *, progress: bool = True) -> Gathered:
    """Find the largest face of every picture; those without one are named."""
    found = Gathered(name)
    with progress_bar(progress) as bar:
        for photo in bar.track(photos, description=f"{name}: faces"):
            try:
                if not photo.path.is_file():
                    raise PictureError(f"{photo.path} does not exist; give the path of a picture file")
                digest = hashlib.sha256(photo.path.read_bytes()).hexdigest()
                face = cache.face(photo.path, digest)
            except PictureError as error:
                found.unreadable.append(str(error))
                continue
            if face is None:
                found.without_face.append(f"{photo.path.parent.name}/{photo.path.name}")
                continue
            found.photos.append(photo)
            found.digests.append(digest)
            found.faces.append(face)
    if not found.faces:
        raise PhotoSetError(f"no face was found in any picture of {name}; is it the right folder?")
    return found


def estimate(area: Estimate, pairs: float | None = None) -> dict[str, object]:
    """Return an area and its interval as plain data; what is unknown is None."""
    numbers = {"auc": area.value, "low": area.low, "high": area.high, "pairs_won": pairs}
    return {name: None if number is None or isnan(number) else number for name, number in numbers.items()}


def floor_row(floor: Floor) -> dict[str, object]:
    return {
        "measure": floor.measure,
        "direction": floor.direction,
        **estimate(floor.area, floor.pairs),
    }


def score(gathered: Gathered, probabilities: Mapping[str, Mapping[int, np.ndarray]]) -> list[dict]:
    """Return one row per expression and action unit: the floors, and every model that knows it.

    Args:
        gathered: The set.
        probabilities: Model -> AU -> ``picture``.
    """
    kinds, people = gathered.kinds, gathered.people
    measures = measure_faces(np.stack([face.landmarks for face in gathered.faces]))
    rows = []
    for expression, aus in EXPRESSION_AUS.items():
        chosen = np.isin(kinds, (NEUTRAL, expression))
        present = kinds[chosen] == expression
        if not present.any() or present.all():
            continue
        who = None if people is None else people[chosen]
        lengths = {name: values[chosen] for name, values in measures.items()}
        of_any = floor_row(best_measure(lengths, directions_of(aus), present, who))
        for au in aus:
            row: dict[str, Any] = {
                "expression": expression,
                "au": au,
                "pictures": {expression: int(present.sum()), NEUTRAL: int((~present).sum())},
                "floor": floor_row(best_measure(lengths, directions_of([au]), present, who)),
                "floor_of_expression": of_any,
                "models": {},
                "against_others": {},
            }
            for model, known in probabilities.items():
                if au in known:
                    scores = known[au][chosen]
                    won, both = (0.0, 0) if who is None else pairs_won(scores, present, who)
                    area = area_interval(scores, present, who)
                    row["models"][model] = estimate(area, won / both if both else None)
                    if len(set(kinds)) > 2:
                        all_scores, shows = (
                            torch.tensor(v)[:, None] for v in (known[au], kinds == expression)
                        )
                        row["against_others"][model] = float(area_under_roc(all_scores, shows.double())[0])
            rows.append(row)
    return rows


def fired(gathered: Gathered, known: Mapping[int, np.ndarray], thresholds: Mapping[int, float]) -> dict:
    """Return AU -> on how many neutral faces it reaches its threshold."""
    neutral = gathered.kinds == NEUTRAL
    counts = {au: int((scores[neutral] >= thresholds[au]).sum()) for au, scores in known.items()}
    of = int(neutral.sum())
    return {
        str(au): {
            "fired": count,
            "of": of,
            "share": count / of,
            **dict(zip(("low", "high"), share_interval(count, of), strict=True)),
        }
        for au, count in counts.items()
        if of
    }


def lips_apart(gathered: Gathered, probabilities: Mapping[str, Mapping[int, np.ndarray]]) -> dict:
    """Return how well AU25 ranks lips that the landmarks see apart above closed ones, all pictures taken."""
    gap = measure_faces(np.stack([face.landmarks for face in gathered.faces]))["lip gap"]
    apart = gap >= LIPS_APART
    return {
        "pictures": {"apart": int(apart.sum()), "closed": int((~apart).sum())},
        "models": {
            name: estimate(area_interval(known[25], apart, gathered.people))
            for name, known in probabilities.items()
            if 25 in known
        },
    }


def measured(gathered: Gathered, cache: FaceCache, detectors: Mapping[str, Detector]) -> dict:
    """Return everything that is told of a set, as plain data."""
    probabilities = {
        name: dict(zip(detector.aus, cache.probabilities(gathered, detector).T, strict=True))
        for name, detector in detectors.items()
    }
    people = gathered.people
    return {
        "pictures": dict(Counter(gathered.kinds.tolist())),
        "people": None if people is None else len(set(people.tolist())),
        "without_face": gathered.without_face,
        "unreadable": gathered.unreadable,
        "contradictory": gathered.contradictory,
        "rows": score(gathered, probabilities),
        "lips_apart": lips_apart(gathered, probabilities),
        "neutral": {
            name: fired(gathered, known, detectors[name].thresholds) for name, known in probabilities.items()
        },
    }


def distance(floor: Mapping) -> str:
    return f"{floor['measure']} {'larger' if floor['direction'] > 0 else 'smaller'}: {area_cell(floor)}"


def listed(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names)})" if names else "0"


def report(results: Mapping, detectors: Mapping[str, Detector]) -> str:
    """Return the results as Markdown."""
    lines = []
    for name, told in results.items():
        counts = ", ".join(f"{number} {kind}" for kind, number in told["pictures"].items())
        who = f"{told['people']} people" if told["people"] else "people unknown"
        lines += [
            f"## {name}: {who}, {counts}",
            "",
            f"AUC against neutral, with 95 % intervals over {'people' if told['people'] else 'pictures'}; "
            "*others*: against all other pictures of the set, neutral or not.",
            "",
            f"- without a found face, left out: {listed(told['without_face'])}",
            f"- not readable, left out: {listed(told['unreadable'])}",
            f"- with several emotions, left out: {listed(told['contradictory'])}",
            "",
        ]
        heads = ["expression", "AU", "best distance of the AU", "best distance of the expression", *detectors]
        lines += [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        for row in told["rows"]:
            cells = [row["expression"], str(row["au"]), distance(row["floor"])]
            cells += [distance(row["floor_of_expression"])]
            cells += [area_cell(row["models"].get(m), row["against_others"].get(m)) for m in detectors]
            lines.append(f"| {' | '.join(cells)} |")
        apart = told["lips_apart"]
        if apart["models"]:
            cells = ["lips apart", "25", "-", f"lip gap of {LIPS_APART} is the label"]
            cells += [area_cell(apart["models"].get(model)) for model in detectors]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
        asked = {row["au"] for row in told["rows"]}
        for model, detector in detectors.items():
            lines.append(f"{model}{', trained on synthetic faces' if detector.synthetic else ''}:")
            if unknown := sorted(asked - set(detector.aus)):
                lines.append(f"It does not know AUs {', '.join(map(str, unknown))}.")
            shares = [
                f"AU{au} {row['share']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
                for au, row in told["neutral"][model].items()
            ]
            of = told["pictures"].get(NEUTRAL, 0)
            lines += [f"It fires on neutral faces ({of}): {', '.join(shares)}.", ""]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--london", type=Path | None, default=None, help="folder with neutral/ and smiling/")
    parser.add_argument("--web", type=Path | None, default=None, help="folder of the legend's pictures")
    parser.add_argument(
        "--legend",
        type=Path | None,
        default=None,
        help="table of the web faces; default legend.csv beside them",
    )
    parser.add_argument("--half", type=Literal[tuple(HALVES)], default="first", help="half of the web faces")
    parser.add_argument("--model", type=Path, nargs="+", default=[], help="model.safetensors, any number")
    parser.add_argument("--cache", type=Path | None, default=None, help="folder for faces and crops to keep")
    parser.add_argument("--out", type=Path | None, default=None, help="folder for real_faces.json and .md")
    parser.add_argument("--device", type=str, default="cpu", help="where the models run: cpu, cuda or mps")
    add_foreign_options(parser)
    options = parser.parse_args(arguments)
    if options.london is None and options.web is None:
        parser.error("give a set with --london or --web")
    torch.set_num_threads(1)
    import_foreign(options)
    models = names_of(options.model)
    detectors = {name: load_detector(path, options.device) for name, path in models.items()}
    with tempfile.TemporaryDirectory() as passing:
        cache = FaceCache(options.cache or Path(passing))
        sets = {}
        if options.london is not None:
            sets["London set"] = gather("London set", london_photos(options.london), cache)
        if options.web is not None:
            photos, contradictory = web_photos(
                options.web, options.legend or options.web / "legend.csv", options.half
            )
            name = f"Web faces, half: {options.half}"
            sets[name] = gather(name, photos, cache)
            sets[name].contradictory = contradictory
        results = {name: measured(gathered, cache, detectors) for name, gathered in sets.items()}
    text = report(results, detectors)
    print(text)
    if options.out is not None:
        content = {
            "benchmark": "real_faces",
            "metafacs.faces": cache.version,
            "models": {
                name: {**detectors[name].description, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
                for name, path in models.items()
            },
            "results": results,
        }
        write_json(options.out / "real_faces.json", content)
        with written_whole(options.out / "real_faces.md") as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"real_faces: {error}")
