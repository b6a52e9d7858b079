"""Does it pay to start from pre-trained weights? Single-task training on BP4D's twin from each start.

    python benchmarks/initial_weights.py [--out runs/initial_weights] [--weights none faces] [--seeds 0 1]

Renders the small twin and prepares it if that was not done before. Trained with the demo's settings on the
training people of a fold without six of them, who are scored: none of the test people is looked at, so
choices about the weights may be made by these figures. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch

from metafacs.cli.demo import AUGMENTATION, BASE, BATCH, CROP, SIZE
from metafacs.data.datasets.bp4d import read_bp4d
from metafacs.data.facts import BP4D
from metafacs.data.prepare import prepare_store
from metafacs.data.splits import published_split
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.twins.rendering import render_twin
from metafacs.evaluation.predictions import collect_predictions
from metafacs.methods.single_task import SingleTask
from metafacs.metrics.outcomes import average_f1, count_outcomes, f1
from metafacs.metrics.ranking import area_under_roc
from metafacs.models.backbones import Backbone
from metafacs.training.description import describe_data
from metafacs.training.trainer import Trainer, TrainingPlan

FOLD, VALIDATION_PEOPLE = 1, 6


def split_people(store: Store) -> tuple[list[str], list[str]]:
    """Return the people to train on and those to score, all from the training side of the fold."""
    people = sorted(published_split(store.dataset, FOLD, set(store.subjects)).train)
    scored = sorted(np.random.default_rng(FOLD).choice(people, VALIDATION_PEOPLE, replace=False).tolist())
    return [person for person in people if person not in scored], scored


def measure(
    store: Store, people: tuple[list[str], list[str]], weights: str, iterations: int, seed: int
) -> dict[str, float]:
    """Train once and return average F1 and AUC on the people to score."""

    def stream(side: list[str]) -> Stream:
        return Stream(
            store,
            np.flatnonzero(np.isin(store.subjects, side)),
            aus=BP4D.evaluated_aus,
            name="au",
            batch_size=BATCH.au,
            size=SIZE,
            seed=seed,
            augmentation=AUGMENTATION,
        )

    torch.manual_seed(seed)
    method = SingleTask(BP4D.evaluated_aus, backbone=Backbone("small", weights))
    training = stream(people[0])
    about = describe_data(store, [store], SIZE, pictures={"au": len(training.rows)}, seed=seed)
    plan = TrainingPlan(iterations, checkpoint_every=iterations)
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            "single_task", method, {}, {"au": training}, plan, out, about, optimizers={"base": BASE}
        )
        trainer.run(progress=False)
    found = collect_predictions(method, stream(people[1]))
    probabilities, targets = torch.from_numpy(found.probabilities), torch.from_numpy(found.targets)
    return {
        "f1": float(average_f1(f1(count_outcomes(probabilities, targets)))),
        "auc": float(area_under_roc(probabilities, targets).nanmean()),
        "loss": trainer.history["loss_action_units"][-1],
    }


def main() -> None:
    """Train every combination, print a table and end with one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/initial_weights"))
    parser.add_argument("--weights", nargs="+", default=["none", "faces"])
    parser.add_argument("--iterations", nargs="+", type=int, default=[300, 1000])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    render_twin("bp4d", arguments.out / "bp4d", preset="small", workers=1)
    store = prepare_store(read_bp4d(arguments.out / "bp4d"), arguments.out / "store", size=CROP, workers=1)
    people = split_people(store)
    print(f"synthetic faces: {len(people[0])} people train, scored are {', '.join(people[1])}")
    rows = []
    for iterations in arguments.iterations:
        for weights in arguments.weights:
            for seed in arguments.seeds:
                scores = measure(store, people, weights, iterations, seed)
                rows.append({"weights": Path(weights).name, "iterations": iterations, "seed": seed, **scores})
                figures = "  ".join(f"{name} {value:.3f}" for name, value in scores.items())
                print(
                    f"{rows[-1]['weights']:>12} {iterations:6d} iterations, seed {seed}: {figures}",
                    flush=True,
                )
    print(json.dumps({"benchmark": "initial_weights", "synthetic": True, "rows": rows}))


if __name__ == "__main__":
    main()
