"""Build the detector that metafacs ships, or print a detector's card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
import torch
from jsonargparse import ArgumentParser, Namespace
from scipy.special import logit
from torch import Tensor

from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from metafacs.checkpoints.description import THRESHOLD
from metafacs.cli.own_files import begins_alike, refuse_foreign_file
from metafacs.data.prepare import prepare_store, read_dataset
from metafacs.data.transforms import Augmentation
from metafacs.data.twins.rendering import render_twin
from metafacs.data.twins.writer import Preset
from metafacs.evaluation.calibration import MOST_FALSE_ALARMS, both_kinds, choose_threshold, fit_logistic
from metafacs.evaluation.detector_scores import DetectorScores, Told, collect_told, score_told
from metafacs.evaluation.protocols import open_test
from metafacs.evaluation.real_photos import NEUTRAL, london_photos
from metafacs.faces.alignment import AlignmentSpec
from metafacs.faces.pictures import read_picture
from metafacs.faces.pipeline import find_faces
from metafacs.facs import au_column
from metafacs.files import write_bytes
from metafacs.inference.loading import PACKAGED_REAL_FACES, detector_of, load_model
from metafacs.methods.base import Method
from metafacs.parsing import read_json
from metafacs.reports.detector_card import Measured, detector_card
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes

METHOD = "mesh_reader"

DETECTOR_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 23, 24, 25, 26, 27, 28, 43)
"""What it detects: the action units that tools of the field agree on, as far as the renderer has them."""

CARRIED_OVER = (1, 2, 4, 5, 6, 7, 10, 12, 25, 26)
"""Action units that were seen to tell expressions of real people; the others are marked experimental."""

INPUT, CROP, ENLARGE = 192, 240, 4.625
"""Sides of the network's input and of the stored crops in pixels, and the crop's in extents of the face.

The input shows 3.7 extents, which is what landmark detection looks at; the rest is for turns and shifts.
"""

BATCH = 64
ITERATIONS: Mapping[str, int] = {"tiny": 20, "small": 600, "full": 2000}
"""Preset -> iterations of training."""

LICENCE = (
    "Apache-2.0, as metafacs. Trained on faces that metafacs rendered; reads them with MediaPipe's attention "
    "mesh (Apache-2.0), which has seen real faces"
)
MODEL = "people.safetensors"


class _RealFaces(TypedDict):
    results: dict[str, Measured]


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "action",
        type=Literal["build", "card"],
        help="build: render people, train, choose thresholds, test, write; card: tell what one is worth",
    )
    parser.add_argument(
        "--out",
        type=Path | None,
        default=None,
        help="build: folder, takes up stopped work; card: file",
    )
    parser.add_argument(
        "--model",
        type=Path | None,
        default=None,
        help="card: model.safetensors; default the packaged one",
    )
    parser.add_argument(
        "--real",
        type=Path | None,
        default=None,
        help="card: real_faces.json of benchmarks/real_faces.py; the packaged detector has its own",
    )
    parser.add_argument("--preset", type=Preset, default="full", help="number of rendered people")
    parser.add_argument("--seed", type=int, default=0, help="seed of people and of training")
    parser.add_argument(
        "--london",
        type=Path | None,
        default=None,
        help="folder of the London set: thresholds are raised until each action unit is seen on at most "
        f"{MOST_FALSE_ALARMS:.0%} of its neutral faces; without it, of the neutral rendered faces",
    )
    parser.add_argument("--iterations", type=int | None, default=None, help="iterations of training instead")
    parser.add_argument("--options", type=dict[str, Any], default={}, help=f"options of {METHOD}")
    parser.add_argument("--workers", type=int | None, default=None, help="processes; default one per core")
    parser.add_argument("--progress", type=bool, default=True, help="show progress bars")
    return parser


def run(arguments: Namespace) -> None:
    """Do what is asked for."""
    if arguments.action == "card":
        _card(arguments.model, arguments.real, arguments.out)
    elif arguments.out is None:
        raise ValueError("build needs a folder to work in; name it with --out")
    else:
        _build(arguments)


def _card(model: Path | None, real: Path | None, out: Path | None) -> None:
    """Print a card, or write it."""
    checkpoint, _ = load_model(model)
    if real is None and model is None:
        real = PACKAGED_REAL_FACES
    measured = None
    if real is not None:
        measured = read_json(real, _RealFaces, ValueError, "make it with benchmarks/real_faces.py")["results"]
    text = detector_card(checkpoint.aus, checkpoint.description, measured)
    if out is None:
        print(text)
        return
    content = text.encode()
    refuse_foreign_file(out, lambda there: begins_alike(there, content), "card of a detector")
    write_bytes(out, content)
    print(f"card: {out}")


def _build(arguments: Namespace) -> None:
    """Do every step; steps that are done already are not done again."""
    out, progress = arguments.out, arguments.progress
    people, workers = out / "people", arguments.workers
    render_twin(
        "people", people, preset=arguments.preset, seed=arguments.seed, workers=workers, progress=progress
    )
    store = cut_faces(people, out / "store", workers=workers, progress=progress)
    model = train(
        METHOD,
        store,
        out / "model",
        options=arguments.options,
        aus=list(DETECTOR_AUS),
        split="parts",
        iterations=ITERATIONS[arguments.preset] if arguments.iterations is None else arguments.iterations,
        batch=BatchSizes(au=BATCH),
        size=INPUT,
        augmentation=Augmentation.styled(),
        seed=arguments.seed,
        progress=progress,
    )
    path, scores = finish(model, store, out / MODEL, arguments.london)
    print(
        f"held-out rendered people (synthetic): mean AUC {scores.mean('auc'):.3f}, "
        f"F1 {scores.mean('f1'):.3f}, ICC {scores.mean('icc'):.3f}\nmodel: {path}"
    )


def cut_faces(
    people: Path, store: Path, crop: int = CROP, *, workers: int | None = None, progress: bool = True
) -> Path:
    """Cut the faces out of the rendered people as the detector sees them; return the store.

    Args:
        people: Folder of the people.
        store: Folder of the store.
        crop: Side of the crops in pixels; the network's input is smaller as ``INPUT`` is to ``CROP``.
        workers: Processes; None = one per core.
        progress: Show a progress bar.
    """
    # The exact landmarks cut as well as found ones here, because training shifts and turns the crops, and
    # no face is lost that detection does not find.
    reading = read_dataset("people", people, {"landmarks": True})
    print(reading)
    alignment = AlignmentSpec(ENLARGE, border=0)
    prepare_store(reading, store, size=crop, alignment=alignment, workers=workers, progress=progress)
    return store


def finish(
    model: Path, store: Path, path: Path, london: Path | None, *, off_intensity: bool = True
) -> tuple[Path, DetectorScores]:
    """Choose thresholds, test, and write the detector in half precision.

    Args:
        model: What training wrote.
        store: The people; those of the part ``validation`` choose thresholds, those of ``test`` test.
        path: File to write.
        london: Folder of the London set, whose neutral faces are to raise no false alarms; None for the
            neutral faces of the part ``validation``.
        off_intensity: Read presence off the intensity, where the method tells one.

    Returns:
        The file and what it is worth on the held-out rendered people.
    """
    checkpoint = load_checkpoint(model).finished()
    checkpoint.weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in checkpoint.weights.items()
    }
    off_intensity &= checkpoint.build(Method).gives_intensities
    if off_intensity:
        for part in ("weight", "bias"):
            checkpoint.weights[f"action_units.{part}"] = checkpoint.weights[f"intensities.{part}"].clone()
    validation = _told(checkpoint, model, store, "validation")
    if off_intensity:
        read_presence_off_intensity(checkpoint.weights, logit(validation.probabilities), validation.targets)
    if validation.intensities is not None:
        stretch_intensities(checkpoint.weights, validation.intensities, validation.known_intensities)
        validation = _told(checkpoint, model, store, "validation")
    at_rest, rest = _at_rest(checkpoint, validation, london)
    thresholds = _thresholds(validation, at_rest)
    test = open_test(model, store)
    people = len(set(test.stream.store.subjects[test.stream.rows]))
    scores = score_told(_told(checkpoint, model, store, "test"), thresholds, people)
    alarms = {
        au_column(au): float((at_rest[:, i] >= thresholds[au]).mean()) if len(at_rest) else None
        for i, au in enumerate(checkpoint.aus)
    }
    description = replace(
        checkpoint.description,
        thresholds=thresholds,
        thresholds_chosen_on={
            "rendered people": "part validation, best F1",
            "faces at rest": rest,
            "share seen at rest": alarms,
        },
        licence=LICENCE,
    ).with_more(
        experimental=[au for au in checkpoint.aus if au not in CARRIED_OVER],
        scores_on_held_out_rendered_people=scores.to_json(),
    )
    save_checkpoint(path, replace(checkpoint, description=description))
    return path, scores


def read_presence_off_intensity(weights: dict[str, Tensor], scores: np.ndarray, targets: np.ndarray) -> None:
    """Make logits of presence out of the layer of the intensities.

    Learned from rendered faces, intensity tells expressions of real people better than presence does: it
    asks most of strong displays, which rendered and real faces share. An action unit that nobody shows is
    left as it is.

    Args:
        weights: The method's state; ``action_units.weight`` and ``.bias``, which hold those of the
            intensities, are scaled.
        scores: ``picture x au``, what these give for held-out people.
        targets: ``picture x au``, 1 present, 0 absent, NaN unknown.
    """
    weight, bias = weights["action_units.weight"], weights["action_units.bias"]
    for column in np.flatnonzero((targets == 1).any(0)).tolist():
        slope, offset = fit_logistic(scores[:, column], targets[:, column])
        weight[column] = (slope * weight[column].float()).to(weight)
        bias[column] = (slope * bias[column].float() + offset).to(bias)


def stretch_intensities(weights: dict[str, Tensor], told: np.ndarray, known: np.ndarray) -> None:
    """Change the last layer so that intensities have the mean and the spread of the labels.

    Regression answers near the mean where it is unsure; scales of strong and weak displays would shrink. An
    action unit that nobody shows is left as it is.

    Args:
        weights: The method's state; ``intensities.weight`` and ``intensities.bias`` are changed.
        told: ``picture x au``, what the method tells of held-out people.
        known: ``picture x au``, what is true of them.
    """
    varies = known.std(0) > 0
    scale = np.where(varies, known.std(0) / np.maximum(told.std(0), 1e-3), 1.0)
    factor = torch.from_numpy(scale).float()
    shift = torch.from_numpy(np.where(varies, known.mean(0) - scale * told.mean(0), 0.0)).float()
    weight, bias = weights["intensities.weight"], weights["intensities.bias"]
    weights["intensities.weight"] = (factor[:, None] * weight.float()).to(weight)
    weights["intensities.bias"] = (factor * bias.float() + shift).to(bias)


def _told(checkpoint: Checkpoint, model: Path, store: Path, side: Literal["validation", "test"]) -> Told:
    """Return what the detector, in the precision of its file, tells of held-out people."""
    return collect_told(checkpoint.build(Method), open_test(model, store, side=side, batch_size=64).stream)


def _thresholds(validation: Told, at_rest: np.ndarray) -> dict[int, float]:
    """Choose the thresholds; one that nobody or everybody shows stays the usual one, which is said."""
    thresholds, decidable = {}, both_kinds(validation.targets)
    for column, au in enumerate(validation.aus):
        targets = validation.targets[:, column]
        if not decidable[column]:
            print(f"the part validation tells no threshold of AU{au}: it stays {THRESHOLD}")
            thresholds[au] = THRESHOLD
            continue
        thresholds[au] = choose_threshold(validation.probabilities[:, column], targets, at_rest[:, column])
    return thresholds


def _at_rest(checkpoint: Checkpoint, validation: Told, london: Path | None) -> tuple[np.ndarray, str]:
    """Return ``face x au`` probabilities of faces at rest, and whose faces they are."""
    if london is None:
        resting = (validation.targets == 0).all(1)
        return validation.probabilities[resting], f"{int(resting.sum())} of the part validation (synthetic)"
    detector = detector_of(checkpoint, MODEL)
    rows = []
    for photo in london_photos(london):
        if photo.kind == NEUTRAL:
            image = read_picture(photo.path)
            rows += [
                detector.probabilities_of(detector.crops(image, [face])) for face in find_faces(image)[:1]
            ]
    return np.concatenate(rows), f"{len(rows)} neutral faces of the London set (CC BY 4.0)"
