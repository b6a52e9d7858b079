"""Test how well models find the landmarks of faces held out, and draw what the dual-domain networks see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
from jsonargparse import ArgumentParser, Namespace
from PIL.Image import Image
from torch import Tensor

from metafacs.cli.evaluate import add_test_options, print_table
from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.protocols import HeldOutTest, evaluate_landmarks, open_test
from metafacs.files import write_json, written_whole
from metafacs.methods.adversarial_separation import inner_landmarks
from metafacs.methods.dual_domain import DualDomain
from metafacs.models.dual_domain import Domain
from metafacs.models.model_file import names_of, row_of
from metafacs.reports.claims import lower_landmark_error
from metafacs.reports.domain_pictures import draw_predicted_landmarks, draw_separation
from metafacs.reports.landmark_table import landmark_table
from metafacs.reports.tables import faces_in_words


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="model.safetensors of dual_domain, any stage")
    parser.add_argument("store", type=Path, help="prepared store; its landmarks count as the truth")
    parser.add_argument("--out", type=Path, required=True, help="folder for table, records and pictures")
    add_test_options(parser)
    parser.add_argument(
        "--source",
        type=Path | None,
        default=None,
        help="store with the source's pictures, where the first is the target's: draws how the networks "
        "separate and restore pairs of both, too",
    )
    parser.add_argument("--pictures", type=int, default=8, help="pictures to draw")
    add_foreign_options(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Test every model; write its record and pictures, and a table of all."""
    import_foreign(arguments)
    rows: dict[str, list[LandmarkScores]] = {}
    alone: set[str] = set()
    settings = {name: arguments[name] for name in ("split", "fold", "side", "domain")}
    for name, model in names_of(arguments.models).items():
        test = open_test(model, arguments.store, labelled=False, **settings)
        method, path = test.method, arguments.out / name
        if not isinstance(method, DualDomain):
            raise ValueError(f"{model} was trained with {test.checkpoint.method}; give models of dual_domain")
        domain = method.domain
        images, known = _samples(test, arguments.pictures)
        faces = faces_in_words(tested=test.stream.store.synthetic, trained=test.data.synthetic)
        if arguments.source is not None and method.stage == "joint":
            source = open_test(model, arguments.source, labelled=False)
            others, _ = _samples(source, len(images))
            pairs = others, images[: len(others)]
            _save(draw_separation(method, *pairs, faces=faces), path, "separation")
        if arguments.source is not None and domain not in method.landmark_domains:
            print(f"{name} has no landmark branch for {domain} pictures: it is drawn, not tested")
            continue
        scores = evaluate_landmarks(test)
        rows.setdefault(row_of(name), []).append(scores)
        if method.stage == "landmarks":
            alone.add(row_of(name))
        write_json(path.with_name(f"{path.name}.json"), _record(test, domain, scores))
        sheet = draw_predicted_landmarks(method, images, known, domain, faces=faces)
        _save(sheet, path, "landmarks")
    if rows:
        print_table(landmark_table(rows, test.data), arguments.out)
        for joint, single in product([row for row in rows if row not in alone], sorted(alone)):
            print(lower_landmark_error(joint, rows[joint], single, rows[single]))
    print(f"table, records and pictures: {arguments.out}")


def _record(test: HeldOutTest, domain: Domain, scores: LandmarkScores) -> dict[str, object]:
    checkpoint = test.checkpoint
    return {
        "method": checkpoint.method,
        "domain": domain,
        "data": asdict(test.data),
        "seed": checkpoint.description.seed,
        "iterations": checkpoint.iteration,
        "landmarks": asdict(scores),
        "config": {"options": checkpoint.options, **checkpoint.description.to_json()},
    }


def _samples(test: HeldOutTest, count: int) -> tuple[Tensor, Tensor]:
    """Return at most so many pictures, spread evenly, and their landmarks."""
    rows = len(test.stream.rows)
    batch = test.stream.at(np.linspace(0, rows - 1, min(count, rows)).astype(int))
    return batch.images, inner_landmarks(batch)


def _save(sheet: Image, path: Path, what: str) -> None:
    with written_whole(path.with_name(f"{path.name}_{what}.png")) as temporary:
        sheet.save(temporary, "PNG")
