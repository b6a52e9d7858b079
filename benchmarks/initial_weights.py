"""Does it pay to start from pre-trained weights? Single-task training on BP4D's twin from each start.

    python benchmarks/initial_weights.py STORE [--weights none faces] [--iterations 300 1000] [--seeds 0 1]

STORE is a prepared store of BP4D or of its twin with crops of 72 px. Trained with the demo's settings on the
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

from metafacs.cli.demo import AUGMENTATION, BASE, BATCH, SIZE
from metafacs.data.splits import published_split
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.evaluation.predictions import collect_predictions
from metafacs.facs import BP4D_AUS
from metafacs.methods.single_task import SingleTask
from metafacs.metrics.outcomes import average_f1, count_outcomes, f1
from metafacs.metrics.ranking import area_under_roc
from metafacs.training.trainer import Trainer, TrainingPlan

VALIDATION_PEOPLE = 6


def split_people(store: Store, fold: int) -> tuple[list[str], list[str]]:
    """Return the people to train on and those to score, all from the training side of the fold."""
    people = sorted(published_split(store.dataset, fold, set(store.subjects)).train)
    scored = sorted(np.random.default_rng(fold).choice(people, VALIDATION_PEOPLE, replace=False).tolist())
    return [person for person in people if person not in scored], scored


def measure(
    store: Store, people: tuple[list[str], list[str]], weights: str, iterations: int, seed: int
) -> dict[str, float]:
    """Train once and return average F1 and AUC on the people to score."""

    def stream(side: list[str]) -> Stream:
        rows = np.flatnonzero(np.isin(store.subjects, side))
        return Stream(
            store,
            rows,
            aus=BP4D_AUS,
            name="au",
            batch_size=BATCH.au,
            size=SIZE,
            seed=seed,
            augmentation=AUGMENTATION,
        )

    torch.manual_seed(seed)
    method = SingleTask(BP4D_AUS, backbone="small", weights=weights)
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            *("single_task", method, {}, {"au": stream(people[0])}),
            *(TrainingPlan(iterations, checkpoint_every=iterations), out, {}, {"base": BASE}),
        )
        trainer.run(progress=False)
    found = collect_predictions(method, stream(people[1]), batch_size=256)
    probabilities, targets = torch.from_numpy(found.probabilities), torch.from_numpy(found.targets)
    return {
        "f1": float(average_f1(f1(count_outcomes(probabilities, targets)))),
        "auc": float(area_under_roc(probabilities, targets).nanmean()),
        "loss": trainer.history["loss_action_units"][-1],
    }


def main() -> None:
    """Train every combination, print a table and end with one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--weights", nargs="+", default=["none", "faces"])
    parser.add_argument("--iterations", nargs="+", type=int, default=[300, 1000])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--fold", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    store = Store(arguments.store)
    people = split_people(store, arguments.fold)
    kind = "synthetic" if store.synthetic else "real"
    print(f"{store.dataset}, {kind} faces: {len(people[0])} people train, scored on {', '.join(people[1])}")
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
    result = {"benchmark": "initial_weights", "synthetic": store.synthetic, "rows": rows}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
