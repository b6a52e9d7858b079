"""Test how well models find the landmarks of faces held out, and draw what the dual-domain networks see."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
from jsonargparse import ArgumentParser, Namespace
from jsonargparse.typing import PositiveInt
from PIL.Image import Image
from torch import Tensor

from metafacs.cli.each_model import for_each_model
from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.cli.options import add_device_option, add_test_options
from metafacs.cli.output import files_of
from metafacs.cli.own_files import OwnFiles, as_json
from metafacs.cli.summary import say
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.protocols import HeldOutTest, evaluate_landmarks, open_test
from metafacs.evaluation.records import TestedData
from metafacs.locks import claimed
from metafacs.methods.adversarial_separation import inner_landmarks
from metafacs.methods.dual_domain import DualDomain
from metafacs.models.devices import check_device, device_of
from metafacs.models.dual_domain import Domain
from metafacs.models.model_file import row_of
from metafacs.reports.claims import lower_landmark_error
from metafacs.reports.domain_pictures import draw_predicted_landmarks, draw_separation
from metafacs.reports.landmark_table import landmark_table
from metafacs.reports.options import with_defaults
from metafacs.reports.papers import PAPERS
from metafacs.reports.papers.claimed import Data, LowerLandmarkError
from metafacs.reports.tables import faces_in_words
from metafacs.texts import printable

PAPER = PAPERS["dual_domain"]
"""Whose method this is: its printed errors stand in the note, its claim is answered."""


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
    parser.add_argument("--pictures", type=PositiveInt, default=8, help="pictures to draw")
    add_device_option(parser)
    add_foreign_options(parser)
    return parser


def run(arguments: Namespace) -> int:
    """Test every model; write its record and pictures, and a table of all.

    Returns:
        1 if a model could not be tested; the others are.
    """
    import_foreign(arguments)
    check_device(arguments.device)
    with claimed(arguments.out, "testing landmarks", below=True) as out:
        return _test_all(arguments, OwnFiles(out, "landmarks"))


def _test_all(arguments: Namespace, own: OwnFiles) -> int:
    rows: dict[str, list[LandmarkScores]] = {}
    kinds: dict[str, tuple[str, Data]] = {}
    tested: list[TestedData] = []
    device = check_device(arguments.device)
    settings = {name: arguments[name] for name in ("split", "fold", "side", "domain")}

    def test_one(name: str, model: Path) -> None:
        test = open_test(model, arguments.store, labelled=False, device=device, **settings)
        method = test.method
        if not isinstance(method, DualDomain):
            raise ValueError(f"{model} was trained with {test.checkpoint.method}; give models of dual_domain")
        domain = method.domain
        images, known = _samples(test, arguments.pictures)
        faces = faces_in_words(tested=test.stream.store.synthetic, trained=test.data.synthetic)
        if arguments.source is not None and method.stage == "joint":
            source = open_test(model, arguments.source, labelled=False, device=device)
            others, _ = _samples(source, len(images))
            pairs = others, images[: len(others)]
            own.write({f"{name}_separation.png": _encoded(draw_separation(method, *pairs, faces=faces))})
        if arguments.source is not None and domain not in method.landmark_domains:
            say(f"{name} has no landmark branch for {domain} pictures: it is drawn, not tested")
            return
        scores = evaluate_landmarks(test)
        sheet = draw_predicted_landmarks(method, images, known, domain, faces=faces)
        record = as_json(_record(test, domain, scores))
        own.write({f"{name}.json": record, f"{name}_landmarks.png": _encoded(sheet)})
        rows.setdefault(row_of(name), []).append(scores)
        tested.append(test.data)
        options = with_defaults(test.checkpoint.method, test.checkpoint.options)
        if row := PAPER.row("", test.checkpoint.method, options):
            used = test.checkpoint.description.data
            kinds[row_of(name)] = row.name, (used[0].dataset if used else test.data.name, test.data.name)

    failed = for_each_model("landmarks", arguments.models, test_one)
    if rows:
        table = landmark_table(rows, tested[0], PAPER)
        own.write(files_of(table))
        say(table.to_markdown())
        for joint, single in _claimed(kinds):
            say(str(lower_landmark_error(joint, rows[joint], single, rows[single])))
    say(f"table, records and pictures: {printable(arguments.out)}")
    return int(bool(failed))


def _claimed(kinds: Mapping[str, tuple[str, Data]]) -> list[tuple[str, str]]:
    """Return the rows of which the paper claims that one is more precise than the other.

    Args:
        kinds: Name of the row -> the paper's row that it stands for, and the data trained and tested on.
    """
    claims = [claim for claim in PAPER.claims if isinstance(claim, LowerLandmarkError)]
    return [
        (joint, single)
        for (joint, (ours, data)), (single, (theirs, other)) in product(kinds.items(), repeat=2)
        if data == other
        and any((ours, theirs) == (claim.better, claim.worse) and claim.is_made_on(data) for claim in claims)
    ]


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
    batch = test.stream.at(np.linspace(0, rows - 1, min(count, rows)).astype(int)).to(device_of(test.method))
    return batch.images, inner_landmarks(batch)


def _encoded(sheet: Image) -> bytes:
    content = io.BytesIO()
    sheet.save(content, "PNG")
    return content.getvalue()
