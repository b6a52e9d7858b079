"""How much of action units the places of landmarks tell, within a data set and from one to another.

The dual-domain method hands AU labels to the other domain with F_l, a map of where landmarks are: a mixture
of features shows the source's landmarks on the target's background, under the source's labels. So what its
detector can learn from mixtures is what that map tells. Here a small network reads AUs from the landmarks of
the stores alone: from their 98 coordinates, and from maps as F_l would be if every landmark were found (AU
centres, each spread over its neighbours). It trains on the training people of the source's fold and is
tested on its held-out people and on the test part of the target. The figures are averages over AUs in
percent, with their standard deviation over seeds; pictures with an unknown landmark are left out. Half a
minute on one core.

Example:
    python benchmarks/landmark_evidence.py stores/bp4d_twin stores/emotionet_twin --aus 1 2 4 6 12 17
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from metafacs.data.splits import choose_split
from metafacs.data.store import Store
from metafacs.faces.landmarks import LANDMARKS_68_TO_49
from metafacs.losses.action_units import action_unit_loss
from metafacs.losses.landmarks import action_unit_centres
from metafacs.metrics.outcomes import average_f1, count_outcomes, f1
from metafacs.metrics.ranking import area_under_roc

EPOCHS, BATCH, HIDDEN = 25, 64, 64
SPREAD = 0.04
"""Standard deviation of a landmark in a map over the side of the picture: .7 cells of 16."""

Rows = tuple[Tensor, Tensor]
"""Landmarks ``row x 49 x 2`` in sides of the picture, and labels ``row x au``."""


def known_rows(store: Store, chosen: np.ndarray, aus: Sequence[int]) -> Rows:
    landmarks = torch.from_numpy(store.landmarks[chosen])[:, list(LANDMARKS_68_TO_49)].float() / store.size
    labels = torch.from_numpy(store.action_units[chosen][:, store.columns_of(aus)]).float()
    known = landmarks.isfinite().all(dim=(1, 2)) & labels.isfinite().any(dim=1)
    return landmarks[known], labels[known]


def coordinates(landmarks: Tensor) -> Tensor:
    return landmarks.flatten(1)


def maps(side: int) -> Callable[[Tensor], Tensor]:
    """Return a function from landmarks to the cells of their map, ``row x side * side``."""

    def drawn(landmarks: Tensor) -> Tensor:
        distance = action_unit_centres(landmarks)[..., None] - torch.arange(side) / side
        x, y = (-(distance**2) / (2 * SPREAD**2)).softmax(dim=-1).unbind(dim=2)
        return torch.einsum("nly,nlx->nyx", y, x).flatten(1)

    return drawn


def trained(inputs: Tensor, labels: Tensor, seed: int) -> Callable[[Tensor], Tensor]:
    """Return a network that was taught the labels, from inputs to probabilities."""
    torch.manual_seed(seed)
    mean, deviation = inputs.mean(dim=0), inputs.std(dim=0) + 1e-6
    network = nn.Sequential(
        nn.Dropout(0.2),
        nn.Linear(inputs.shape[1], HIDDEN),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(HIDDEN, labels.shape[1]),
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    inputs = (inputs - mean) / deviation
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(inputs)).split(BATCH):
            loss = action_unit_loss(network(inputs[rows]), labels[rows], reduction="mean").mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    network.eval()
    return lambda others: network((others - mean) / deviation).detach().sigmoid()


def scores(probabilities: Tensor, labels: Tensor) -> tuple[float, float]:
    """Return average F1 and average area under the ROC curve in percent."""
    outcomes = count_outcomes(probabilities, labels)
    area = area_under_roc(probabilities, labels).nanmean()
    return 100 * float(average_f1(f1(outcomes))), 100 * float(area)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="store with AU labels and people")
    parser.add_argument("target", help="store with parts")
    parser.add_argument("--aus", nargs="+", type=int, required=True)
    parser.add_argument("--fold", type=int, default=1)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)

    source, target = Store(options.source), Store(options.target)
    split, parts = choose_split(source, fold=options.fold), choose_split(target)
    train = known_rows(source, split.rows(source, "train"), options.aus)
    tests = {
        "source": known_rows(source, split.rows(source, "test"), options.aus),
        "target": known_rows(target, parts.rows(target, "test"), options.aus),
    }
    synthetic = source.synthetic or target.synthetic
    print(
        f"{source.dataset} to {target.dataset}{', synthetic' if synthetic else ''}: {len(train[0])} pictures "
        f"train; tested on {len(tests['source'][0])} of held-out people and {len(tests['target'][0])} of the "
        "target"
    )
    print(
        f"{'read from':18}" + "".join(f"{test + ' ' + name:>18}" for test in tests for name in ("F1", "AUC"))
    )
    results: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, view in {"coordinates": coordinates, "map 16 x 16": maps(16), "map 44 x 44": maps(44)}.items():
        models = [trained(view(train[0]), train[1], seed) for seed in options.seeds]
        results[name] = {
            test: [scores(model(view(landmarks)), labels) for model in models]
            for test, (landmarks, labels) in tests.items()
        }
        cells = [
            f"{statistics.mean(figures):.1f}" + (f" ± {statistics.stdev(figures):.1f}" if figures[1:] else "")
            for found in results[name].values()
            for figures in zip(*found, strict=True)
        ]
        print(f"{name:18}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
    print(
        json.dumps(
            {"benchmark": "landmark_evidence", "synthetic": synthetic, **vars(options), "results": results}
        )
    )


if __name__ == "__main__":
    main()
