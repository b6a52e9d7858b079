"""Rebuild the packaged initial weights: render faces, learn people, landmarks and head poses, test, write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.data.datasets.pretraining_faces import HELD_OUT, read_pretraining_faces
from metafacs.data.prepare import prepare_store
from metafacs.data.twins.rendering import render_twin
from metafacs.data.twins.writer import Preset
from metafacs.evaluation.pretraining import PretrainingScores, score_pretraining
from metafacs.methods.pretraining import FacePretraining
from metafacs.models.initial_weights import PACKAGED, save_weights
from metafacs.parsing import check_number
from metafacs.training.pretraining import ITERATIONS, faces_stream, open_faces, pretrain
from metafacs.training.trainer import LARGEST_SEED, TrainingPlan
from metafacs.version import __version__

SIZE, CROP, BATCH = 64, 72, 64
"""Sides of the network's input and of the stored crops in pixels, and pictures per batch."""


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder; takes up stopped work")
    parser.add_argument("--preset", type=Preset, default="full", help="number of rendered faces")
    parser.add_argument("--faces_seed", type=int, default=0, help="seed of the generator of faces")
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="iterations of training")
    parser.add_argument("--seed", type=int, default=0, help="seed of training")
    parser.add_argument(
        "--workers", type=int | None, default=None, help="processes for rendering and cropping"
    )
    parser.add_argument("--progress", type=bool, default=True, help="show progress bars")
    return parser


def run(arguments: Namespace) -> None:
    """Do every step; steps that are done already are not done again."""
    # Before hours of rendering.
    TrainingPlan(arguments.iterations)
    check_number("seed", arguments.seed, 0, LARGEST_SEED)
    out, progress = arguments.out, arguments.progress
    faces = out / "faces"
    render_twin(
        "pretraining_faces",
        faces,
        preset=arguments.preset,
        seed=arguments.faces_seed,
        workers=arguments.workers,
        progress=progress,
    )
    reading = read_pretraining_faces(faces)
    print(reading)
    prepare_store(reading, out / "store", size=CROP, workers=arguments.workers, progress=progress)
    model = pretrain(
        out / "store",
        out / "model",
        iterations=arguments.iterations,
        batch=BATCH,
        size=SIZE,
        seed=arguments.seed,
        progress=progress,
    )
    weights = out / PACKAGED["faces", "small"]
    print(f"synthetic faces, {_write_weights(model, out / 'store', weights)}\nweights: {weights}")


def _write_weights(model: Path, store: Path, path: Path) -> PretrainingScores:
    """Write the backbone's file with its description and return the scores of what is in the file."""
    checkpoint = load_checkpoint(model)
    learner = checkpoint.build(FacePretraining)
    learner.backbone.half().float()  # the precision of the file
    held_out = faces_stream(open_faces(store), HELD_OUT, batch=256, size=SIZE)
    scores = score_pretraining(learner, held_out)
    description = checkpoint.description
    save_weights(
        path,
        learner.backbone,
        {
            "backbone": "small",
            "metafacs": __version__,
            **description.to_json(),
            "scores_on_held_out_people": asdict(scores),
            "licence": "Apache-2.0, as metafacs; trained on faces that metafacs rendered, no real person",
        },
    )
    return scores
