"""What 'metafacs personalise' does for people the model was not trained on, person by person.

Each person labels some frames with and without each of a few action units, as the command's list would hold
them; the model is personalised exactly as the command does it, with its own check by cross-validation, and
general and personal detector are judged on all other pictures of the person. An action unit that gets worse
although the program said that fitting helps is counted: a loss that is not announced.

Example:
    metafacs train --method single_task --options.backbone small --options.weights faces \
        --action_units stores/bp4d --size 64 --iterations 500 --batch.au 32 --batch.validation 32 \
        --out runs/general
    python benchmarks/personalised_people.py runs/general/model.safetensors stores/bp4d
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.evaluation.few_shot_protocol import choose_subjects
from metafacs.inference.loading import PERSONAL_THRESHOLD
from metafacs.personalisation.person import FITTINGS
from metafacs.personalisation.personalise import personalise

LEAST_JUDGED = 5
NOTABLE = 0.02
"""A person who loses more than this share of balanced accuracy is made worse."""


@dataclass(frozen=True)
class Found:
    """Balanced accuracies of one person and draw on the pictures that were not labelled.

    Attributes:
        before: AU -> general detector.
        after: AU -> what is used after personalising, the general one where fitting was said not to help.
        kept: AUs for which the fitted detector is used.
    """

    before: dict[int, float]
    after: dict[int, float]
    kept: tuple[int, ...]


def balanced_accuracy(probabilities: np.ndarray, targets: np.ndarray, threshold: float = 0.5) -> float:
    right = (probabilities >= threshold) == (targets == 1)
    return float((right[targets == 1].mean() + right[targets == 0].mean()) / 2)


def usable(labels: np.ndarray, shots: int) -> bool:
    """Return whether a person has frames enough of every AU to label some and to judge by others."""
    needed = shots + LEAST_JUDGED
    return all(min((column == 1).sum(), (column == 0).sum()) >= needed for column in labels.T)


def draw_labels(labels: np.ndarray, shots: int, rng: np.random.Generator) -> np.ndarray:
    """Return the labels a person gives: some frames with and without each AU, NaN elsewhere."""
    given = np.full(labels.shape, np.nan, np.float32)
    for column in range(labels.shape[1]):
        for value in (1, 0):
            chosen = rng.choice(np.flatnonzero(labels[:, column] == value), shots, replace=False)
            given[chosen, column] = value
    return given


def judge(
    checkpoint: Checkpoint, images: torch.Tensor, labels: np.ndarray, given: np.ndarray, aus: tuple[int, ...]
) -> Found:
    """Personalise to the given labels and judge on the pictures without any."""
    support = ~np.isnan(given).all(axis=1)
    general = {au: checkpoint.description.threshold_of(au) for au in checkpoint.aus}
    person = personalise(checkpoint, images[support], given[support], aus, thresholds=general)
    fitting = FITTINGS[person.kind](checkpoint)
    others = images[~support]
    with torch.no_grad():
        before = dict(zip(fitting.aus, fitting.general(others).numpy().T, strict=True))
        fitted = (
            fitting.predictor(person.tensors, person.aus)(others).probabilities.numpy().T
            if person.aus
            else ()
        )
    after = {**before, **dict(zip(person.aus, fitted, strict=True))}
    truth = dict(zip(aus, labels[~support].T, strict=True))

    def scores(found: Mapping[int, np.ndarray], cuts: Mapping[int, float]) -> dict[int, float]:
        known = {au: ~np.isnan(truth[au]) for au in aus}
        return {au: balanced_accuracy(found[au][known[au]], truth[au][known[au]], cuts[au]) for au in aus}

    own = {**general, **dict.fromkeys(person.aus, PERSONAL_THRESHOLD)}
    return Found(scores(before, general), scores(after, own), person.aus)


def measure(
    model: Path, store: Store, aus: tuple[int, ...], people: int, shots: int, draws: int
) -> dict[str, list[Found]]:
    """Return test person -> one result per draw; of a set it was not trained on, everybody is one."""
    checkpoint = load_checkpoint(model)
    trained_on = {used.dataset for used in checkpoint.description.data}
    strangers = checkpoint.description.held_out.test if store.dataset in trained_on else set(store.subjects)
    size = checkpoint.description.framing.input_size
    streams = {
        person: Stream(
            store,
            np.flatnonzero(store.subjects == person),
            aus=aus,
            name="p",
            batch_size=64,
            size=size,
            seed=0,
        )
        for person in sorted(strangers)
    }
    able = [person for person, stream in streams.items() if usable(stream.targets(), shots)]
    found = {}
    for person in choose_subjects(able, people):
        stream = streams[person]
        images, labels = stream.at(np.arange(len(stream.rows))).images, stream.targets()
        rng = np.random.default_rng((zlib.crc32(person.encode()), shots))
        found[person] = [
            judge(checkpoint, images, labels, draw_labels(labels, shots, rng), aus) for _ in range(draws)
        ]
    return found


def mean_of(results: Sequence[Found], which: str) -> float:
    return float(np.mean([value for found in results for value in getattr(found, which).values()]))


def unannounced(results: Sequence[Found]) -> int:
    """Return in how many draws the person got worse on average although the program said nothing of it."""
    return sum(mean_of([found], "after") < mean_of([found], "before") - NOTABLE for found in results)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="model.safetensors of 'metafacs train'")
    parser.add_argument(
        "store", type=Path, help="prepared store: its own, or one of a set it was not trained on"
    )
    parser.add_argument("--aus", type=int, nargs="+", default=[6, 12, 17])
    parser.add_argument(
        "--people", type=int, default=5, help="test people, spread over those with frames enough"
    )
    parser.add_argument(
        "--shots", type=int, default=5, help="labelled frames with each AU, and as many without"
    )
    parser.add_argument("--draws", type=int, default=10)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    store, aus = Store(options.store), tuple(options.aus)
    found = measure(options.model, store, aus, options.people, options.shots, options.draws)
    kind = "synthetic" if store.synthetic else "real"
    print(
        f"balanced accuracy on the person's other pictures ({kind}), mean over AUs {list(aus)} and "
        f"{options.draws} draws of {options.shots} + {options.shots} frames per AU"
    )
    rows = {}
    for person, results in found.items():
        rows[person] = {
            "before": mean_of(results, "before"),
            "after": mean_of(results, "after"),
            "kept": float(np.mean([len(f.kept) for f in results])),
            "worse_unannounced": unannounced(results),
        }
        row = rows[person]
        print(
            f"{person}: {row['before']:.3f} -> {row['after']:.3f}, fitted detectors used "
            f"{row['kept']:.1f} of {len(aus)}, worse by more than {100 * NOTABLE:.0f} points without a word "
            f"in {row['worse_unannounced']} of {options.draws} draws"
        )
    gains = [row["after"] - row["before"] for row in rows.values()]
    print(f"gain {np.mean(gains):+.3f} on average, from {min(gains):+.3f} to {max(gains):+.3f} over people")
    print(json.dumps({"benchmark": "personalised_people", "synthetic": store.synthetic, "results": rows}))


if __name__ == "__main__":
    main(sys.argv[1:])
