"""How well the frozen attention mesh could tell expressions of real people if it was taught on them.

The ceiling beside ``benchmarks/real_faces.py``: linear probes on what the packaged detector reads, fitted to
the very pictures that it is measured on, each judged on people (London set) or pictures (web faces) that did
not fit it. *points*: the 478 points turned to the front; *features*: the maps of face, lips and eyes. A
measurement only: nothing that is fitted here is kept, and no model of the project has seen these labels.

Ridge regression on standardised values; the penalty is the same everywhere and was not searched for.

Example:
    python benchmarks/real_ceiling.py --london real_faces --web facial_expressions/images \
        --legend facial_expressions/data/legend.csv --cache runs/real_faces/cache
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from jsonargparse import ArgumentParser
from numpy.typing import NDArray

from metafacs.data.transforms import crop_centre
from metafacs.evaluation.real_people import EXPRESSION_AUS, area_interval
from metafacs.evaluation.real_photos import NEUTRAL, london_photos, web_photos
from metafacs.evaluation.statistics import Estimate
from metafacs.faces.tensors import to_tensor
from metafacs.inference.loading import load_detector, load_model
from metafacs.methods.mesh_reader import MeshReader
from real_faces import FaceCache, Gathered, gather

PENALTY = 1.0
"""Of the weights, in units of the mean variance that the values have per picture."""

FOLDS, SEED = 10, 0

Values = NDArray[np.float64]


def probe(values: Values, present: NDArray[np.bool_], folds: NDArray[np.intp]) -> Values:
    """Return a score per picture, from a probe that was fitted to the other folds.

    Args:
        values: ``picture x value``.
        present: ``picture``, whether it shows the expression.
        folds: ``picture``, the fold that it belongs to.
    """
    scores = np.zeros(len(values))
    for fold in np.unique(folds):
        rest = folds != fold
        mean, deviation = values[rest].mean(0), values[rest].std(0) + 1e-9
        known, asked = (values[rest] - mean) / deviation, (values[~rest] - mean) / deviation
        products = known @ known.T + PENALTY * values.shape[1] * np.eye(len(known))
        scores[~rest] = asked @ (known.T @ np.linalg.solve(products, present[rest] - present[rest].mean()))
    return scores


def folds_of(gathered: Gathered, count: int) -> NDArray[np.intp]:
    """Return the fold of every picture; all pictures of a person are in one, where people are known."""
    people = gathered.people
    units = np.arange(len(gathered.photos)) if people is None else np.unique(people, return_inverse=True)[1]
    drawn = np.random.default_rng(SEED).permutation(int(units.max()) + 1) % count
    return drawn[units]


def read(gathered: Gathered, cache: FaceCache) -> dict[str, Values]:
    """Return what the packaged detector's mesh reads, kind of value -> ``picture x value``."""
    detector, method = load_detector(), load_model()[0].build(MeshReader)
    read: dict[str, list[Values]] = {"points": [], "features": []}
    for crops in cache.crops(gathered, detector):
        seen = method.see(to_tensor(crop_centre(crops, detector.input_size)[0]))
        read["points"].append(seen.points.flatten(1).double().numpy())
        read["features"].append(seen.features.double().numpy())
    return {kind: np.concatenate(values) for kind, values in read.items()}


def ceilings(gathered: Gathered, cache: FaceCache) -> list[str]:
    """Return a line per expression: AUCs of the probes, with intervals."""
    values, folds, kinds, people = (
        read(gathered, cache),
        folds_of(gathered, FOLDS),
        gathered.kinds,
        gathered.people,
    )
    lines = []
    for expression in EXPRESSION_AUS:
        chosen = np.isin(kinds, (NEUTRAL, expression))
        present = kinds[chosen] == expression
        if not present.any():
            continue
        who = None if people is None else people[chosen]
        cells = [
            f"{kind} {told(area_interval(probe(rows[chosen], present, folds[chosen]), present, who))}"
            for kind, rows in values.items()
        ]
        lines.append(f"{gathered.name}, {expression} ({present.sum()}) against neutral: {', '.join(cells)}")
    return lines


def told(area: Estimate) -> str:
    return f"{area.value:.3f} [{area.low:.3f}, {area.high:.3f}]"


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--london", type=Path | None, default=None, help="folder with neutral/ and smiling/")
    parser.add_argument("--web", type=Path | None, default=None, help="folder of the legend's pictures")
    parser.add_argument("--legend", type=Path | None, default=None, help="table of the web faces")
    parser.add_argument("--cache", type=Path | None, default=None, help="folder for faces and crops to keep")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as passing, torch.no_grad():
        cache = FaceCache(options.cache or Path(passing))
        if options.london is not None:
            for line in ceilings(gather("London set", london_photos(options.london), cache), cache):
                print(line)
        if options.web is not None:
            photos, _ = web_photos(options.web, options.legend or options.web / "legend.csv", "first")
            for line in ceilings(gather("Web faces, first half", photos, cache), cache):
                print(line)


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"real_ceiling: {error}")
