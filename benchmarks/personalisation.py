"""What fitting the last layer to a person is worth, on people the model was not trained on.

For every person, action unit and draw the logit is fitted to a few labelled pictures (with both kinds, and
with negative ones only), and the balanced accuracy on the person's other pictures is compared with the
general detector's.

Example:
    metafacs train --method single_task --options.backbone small --action_units stores/bp4d --size 64 \
        --iterations 500 --batch.au 32 --batch.validation 32 --validation_people 8 --out runs/general
    python benchmarks/personalisation.py runs/general/model.safetensors stores/bp4d --side test
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from pathlib import Path

import numpy as np
import torch

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.personalisation import last_layer
from metafacs.personalisation.last_layer import LastLayer, fit_logit

LEAST_JUDGED = 5


def balanced_accuracy(logits: torch.Tensor, targets: torch.Tensor) -> float:
    right = ((logits > 0) == (targets == 1)).double()
    return float((right[targets == 1].mean() + right[targets == 0].mean()) / 2)


def measure(
    model: Path, store: Store, side: str, shots: list[int], draws: int
) -> dict[int, dict[str, dict[str, list[float]]]]:
    """Return shots -> kind of detector -> person -> balanced accuracies."""
    checkpoint = load_checkpoint(model)
    split = checkpoint.description.held_out
    size = checkpoint.description.framing.input_size
    fitting = LastLayer(checkpoint)
    found: dict[int, dict[str, dict[str, list[float]]]] = {k: {} for k in shots}
    for person in getattr(split, side):
        rows = np.flatnonzero(store.subjects == person)
        stream = Stream(store, rows, aus=checkpoint.aus, name="p", batch_size=64, size=size, seed=0)
        with torch.no_grad():
            _, inputs = fitting.reader.read(stream.at(np.arange(len(rows))).images)
        labels = torch.from_numpy(stream.targets())
        for column, au in enumerate(checkpoint.aus):
            features, general = fitting.reader.features(inputs, au), fitting.reader.weights(au)
            kinds = [torch.where(labels[:, column] == value)[0].numpy() for value in (1, 0)]
            rng = np.random.default_rng((zlib.crc32(person.encode()), au))
            for k in shots:
                if min(map(len, kinds)) < k + LEAST_JUDGED:
                    continue
                for _ in range(draws):
                    positive, negative = (rng.permutation(kind) for kind in kinds)
                    judged = np.concatenate([positive[k:], negative[k:]])
                    targets = labels[judged, column]
                    support = {
                        "fitted": np.concatenate([positive[:k], negative[:k]]),
                        "negative_only": negative[:k],
                    }
                    fits = {
                        name: fit_logit(features[at], labels[at, column], *general)
                        for name, at in support.items()
                    }
                    for name, (weight, bias) in {"general": general, **fits}.items():
                        people = found[k].setdefault(name, {})
                        score = balanced_accuracy(features[judged] @ weight + bias, targets)
                        people.setdefault(person, []).append(score)
    return found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="model.safetensors of 'metafacs train'")
    parser.add_argument("store", type=Path, help="prepared store it was trained on")
    parser.add_argument("--side", choices=("test", "validation"), default="test")
    parser.add_argument("--shots", type=int, nargs="+", default=[2, 5, 10])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument(
        "--prior", type=float, default=None, help="try another PRIOR, to choose by validation"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.prior is not None:
        last_layer.PRIOR = last_layer.ONE_SIDED_PRIOR = options.prior
    store = Store(options.store)
    found = measure(options.model, store, options.side, options.shots, options.draws)
    kind = "synthetic" if store.synthetic else "real"
    print(
        f"balanced accuracy on {options.side} people ({kind}), mean over AUs and {options.draws} draws, "
        "mean and deviation over people"
    )
    rows = {}
    for k, kinds in found.items():
        means = {name: [np.mean(scores) for scores in people.values()] for name, people in kinds.items()}
        rows[k] = {name: [float(np.mean(values)), float(np.std(values))] for name, values in means.items()}
        print(f"{k} + {k}: " + ", ".join(f"{name} {m:.3f} +- {s:.3f}" for name, (m, s) in rows[k].items()))
    print(json.dumps({"benchmark": "personalisation", "synthetic": store.synthetic, "results": rows}))


if __name__ == "__main__":
    main(sys.argv[1:])
