"""Variants of the shipped detector, ready to be measured on real faces: what each part of the recipe does.

Takes a finished ``metafacs detector build`` and makes one model per row, calibrated as the detector is:

- ``geometry``, ``appearance``: one branch alone; nothing is trained
- ``presence``: probabilities of the layer that learned presence, not off the intensity; nothing is trained
- ``one_way``: without the mirror image; nothing is trained
- ``no_noise``: trained without noise on points and features
- ``unstyled``: trained on pictures as they were rendered, only mirrored
- ``trunk_frozen``, ``trunk_tuned``, ``trunk_quarter``: one small head on the features of FaceMesh's trunk, no
  points and no noise; the trunk stays, learns at a twentieth of the head's rate, or is taken back to a
  quarter of that way
- ``pixels``: a small network from a random start on crops of 64 px (single_task, backbone small)

Fewer people are a build of their own: ``metafacs detector build --preset small``.

Example:
    python benchmarks/detector_rows.py --build runs/detector --london real_faces --out runs/rows
    python benchmarks/real_faces.py --london real_faces --model runs/rows/*/people.safetensors
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser

from metafacs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from metafacs.cli.detector import BATCH, CROP, DETECTOR_AUS, INPUT, METHOD, MODEL, cut_faces, finish
from metafacs.data.transforms import Augmentation
from metafacs.evaluation.protocols import open_test
from metafacs.methods.base import OptimizerSpec
from metafacs.training.run import train
from metafacs.training.trainer import MODEL_FILE
from metafacs.training.training_data import BatchSizes
from tuned_trunk import TunedTrunk


@dataclass(frozen=True)
class Row:
    """One variant.

    Attributes:
        options: What differs in the method's options.
        trained: Whether it has to be trained; else the build's weights are taken.
        method: Name of the method.
        augmentation: Changes of training pictures.
        size: Side of the network's input; the store's crops keep its proportion.
        optimizer: Instead of the method's own.
        off_intensity: Whether presence is read off the intensity.
        share: How far of the way from FaceMesh's weights to its own a tuned trunk is left.
        model: Row whose training it shares.
    """

    options: dict[str, Any] = field(default_factory=dict)
    trained: bool = False
    method: str = METHOD
    augmentation: Augmentation = field(default_factory=Augmentation.styled)
    size: int = INPUT
    optimizer: OptimizerSpec | None = None
    off_intensity: bool = True
    share: float = 1.0
    model: str | None = None


TUNED = "tuned_trunk:TunedTrunk"

ROWS: dict[str, Row] = {
    "geometry": Row({"geometry": 1.0}),
    "appearance": Row({"geometry": 0.0}),
    "presence": Row({}, off_intensity=False),
    "one_way": Row({"mirrored": False}),
    "no_noise": Row({"point_noise": 0.0, "feature_noise": 0.0}, trained=True),
    "unstyled": Row({}, trained=True, augmentation=Augmentation()),
    "trunk_frozen": Row({"tuned": False}, trained=True, method=TUNED),
    "trunk_tuned": Row({}, trained=True, method=TUNED),
    "trunk_quarter": Row({}, trained=True, method=TUNED, share=0.25, model="trunk_tuned"),
    "pixels": Row(
        {"backbone": {"name": "small", "weights": "none"}, "reduction": "mean"},
        trained=True,
        method="single_task",
        size=64,
        optimizer=OptimizerSpec("adamw", lr=2e-3, weight_decay=0.02, schedule="one_cycle"),
    ),
}


def make(name: str, row: Row, build: Path, out: Path, london: Path | None, iterations: int) -> Path:
    """Make one variant, unless it is there; return its file."""
    path = out / name / MODEL
    if path.is_file():
        return path
    store = build / "store"
    if row.size != INPUT:
        store = cut_faces(build / "people", out / f"store_{row.size}", row.size * CROP // INPUT)
    if row.trained:
        model = train(
            row.method,
            store,
            out / (row.model or name) / "model",
            options=row.options,
            aus=list(DETECTOR_AUS),
            split="parts",
            iterations=iterations,
            batch=BatchSizes(au=BATCH),
            size=row.size,
            augmentation=row.augmentation,
            optimizers=None if row.optimizer is None else {"base": row.optimizer},
        )
    else:
        checkpoint = load_checkpoint(build / "model" / MODEL_FILE)
        model = out / name / MODEL_FILE
        save_checkpoint(model, replace(checkpoint, options={**checkpoint.options, **row.options}))
    if row.share != 1:
        model = _brought_back(model, out / name / MODEL_FILE, store, row.share)
    return finish(model, store, path, london, off_intensity=row.off_intensity)[0]


def _brought_back(model: Path, path: Path, store: Path, share: float) -> Path:
    """Write a model whose trunk is left a share of the way from FaceMesh's weights to its own."""
    checkpoint = load_checkpoint(model)
    method = checkpoint.build(TunedTrunk)
    stream = open_test(model, store, side="validation", batch_size=BATCH).stream
    method.bring_back(share, (stream.at(rows).images for rows in stream.sequential()))
    save_checkpoint(path, replace(checkpoint, weights=method.state_dict()))
    return path


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="folder of a finished detector build")
    parser.add_argument("--out", type=Path, required=True, help="folder; takes up stopped work")
    parser.add_argument("--rows", type=list[str], default=list(ROWS), help="which rows")
    parser.add_argument("--london", type=Path | None, default=None, help="folder of the London set")
    parser.add_argument("--iterations", type=int, default=1000, help="of the rows that are trained")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.rows:
        print(make(name, ROWS[name], options.build, options.out, options.london, options.iterations))


if __name__ == "__main__":
    main()
