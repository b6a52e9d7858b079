"""Show what trained models have learned: weights of pictures, conflict of the tasks, attention, mistakes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jsonargparse import ArgumentParser, Namespace
from jsonargparse.typing import PositiveInt

from metafacs.analysis.attention import attention_maps, expression_attention
from metafacs.analysis.corrected import Corrected, corrected_pictures, held_out_faces
from metafacs.analysis.learned_pictures import learned_pictures
from metafacs.analysis.sample_weights import weigh_pictures
from metafacs.analysis.task_gradients import gradient_cosines, two_task_network
from metafacs.analysis.told_apart import ToldApart, told_apart
from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint
from metafacs.cli.each_model import for_each_model
from metafacs.cli.foreign import add_foreign_options, import_foreign
from metafacs.cli.options import add_device_option
from metafacs.cli.output import write_own
from metafacs.cli.own_files import as_json
from metafacs.cli.summary import say
from metafacs.data.splits import own_training_rows
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import crop_centre
from metafacs.data.twins.carried_pictures import read_carriers
from metafacs.data.votes import read_votes
from metafacs.evaluation.protocols import held_out_stream
from metafacs.facs import au_name, check_aus
from metafacs.locks import claimed
from metafacs.methods.base import Method
from metafacs.models.devices import check_device, device_of
from metafacs.reports.analysis import (
    attention_row,
    consistency_claims,
    gradient_cosine_figure,
    ranked_pictures,
    told_apart_table,
    weight_against_consistency,
)
from metafacs.reports.claims import Claim
from metafacs.reports.composition import SYNTHETIC_NOTE
from metafacs.reports.content import DrawnFigure, ReportContent
from metafacs.reports.page import render_page
from metafacs.reports.papers.claimed import LowWeightForAmbiguous
from metafacs.reports.pictures import PictureRow
from metafacs.reports.style import inline_svg
from metafacs.texts import printable, shown

_BATCH = 32


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="model.safetensors that 'metafacs train' wrote")
    parser.add_argument("--action_units", type=Path, required=True, help="prepared store with AU labels")
    parser.add_argument(
        "--expression", type=Path, required=True, help="prepared store the expressions were learned from"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for analysis.html and analysis.json")
    parser.add_argument(
        "--votes",
        type=Path | None,
        default=None,
        help="annotators' votes to compare learned weights with: a CSV table with a line per picture of "
        "--expression and a column per expression, or a prepared store of other pictures that has them, as "
        "RAF-ML's has",
    )
    parser.add_argument(
        "--provenance",
        type=Path | None,
        default=None,
        help="twin_provenance.csv of the twin of --expression: learned weights are compared with what "
        "carries each expression and with which labels are wrong",
    )
    parser.add_argument(
        "--against",
        type=Path | None,
        default=None,
        help="model.safetensors of the same comparison: held-out pictures whose expression it gets wrong and "
        "the others right are drawn with what each of them looks at",
    )
    parser.add_argument("--aus", type=list[int], default=[4, 12], help="AUs whose attention is drawn")
    parser.add_argument("--pictures", type=PositiveInt, default=8, help="held-out pictures per AU")
    parser.add_argument(
        "--batches", type=PositiveInt, default=20, help="batches whose gradients are compared"
    )
    add_device_option(parser)
    add_foreign_options(parser)
    return parser


@dataclass
class _Findings:
    """What models have learned, in the order of the page."""

    claims: list[Claim] = field(default_factory=list)
    rows: list[PictureRow] = field(default_factory=list)
    figures: list[DrawnFigure] = field(default_factory=list)
    attention: list[PictureRow] = field(default_factory=list)
    corrected: Corrected | None = None
    corrections: list[PictureRow] = field(default_factory=list)
    told_apart: ToldApart | None = None
    cosines: dict[str, np.ndarray] = field(default_factory=dict)


def run(arguments: Namespace) -> int:
    """Analyse every model and write one page and one JSON file.

    Returns:
        1 if a model could not be analysed; the page is about the others.
    """
    import_foreign(arguments)
    check_device(arguments.device)
    if not arguments.aus:
        raise ValueError("--aus names no action unit; leave it out for AU4 and AU12")
    check_aus(arguments.aus)
    store, faces = Store(arguments.action_units), Store(arguments.expression)
    voted = _votes(arguments.votes, faces)
    before = load_checkpoint(arguments.against) if arguments.against else None
    found: dict[str, _Findings] = {}

    def analyse(name: str, path: Path) -> None:
        checkpoint = load_checkpoint(path)
        each = _findings(name, checkpoint, store, faces, voted, len(found), arguments)
        if before is not None:
            _compare(each, name, checkpoint, before, faces, arguments)
        found[name] = each

    with claimed(arguments.out, "analysing models") as out:
        failed = for_each_model("analyse", arguments.models, analyse)
        if found:
            _write(found, out, synthetic=store.synthetic or faces.synthetic)
    return int(bool(failed))


class _Votes(NamedTuple):
    """Pictures that learned weights are looked at on, and the votes on them; None for the store's own."""

    faces: Store
    shares: np.ndarray | None


def _votes(given: Path | None, faces: Store) -> _Votes:
    if given is None:
        return _Votes(faces, None)
    if given.is_dir():
        return _Votes(Store(given), None)
    return _Votes(faces, read_votes(given, faces))


def _label(name: str, checkpoint: Checkpoint) -> str:
    return shown(name if name.startswith(checkpoint.method) else f"{checkpoint.method} ({name})")


def _findings(
    name: str,
    checkpoint: Checkpoint,
    store: Store,
    faces: Store,
    voted: _Votes,
    number: int,
    arguments: Namespace,
) -> _Findings:
    """Return what one model has learned.

    Args:
        name: Of the model among the others.
        checkpoint: The model.
        store: Of the action units.
        faces: Of the expressions.
        voted: Pictures to weigh.
        number: Models before it; tells figures of a page apart.
        arguments: Of the command.
    """
    method, found = checkpoint.build(Method).to(check_device(arguments.device)), _Findings()
    label = _label(name, checkpoint)
    used = [data.dataset for data in checkpoint.description.data]
    if store.dataset not in used:
        # Who was held out is only told of these: F001 of BP4D is nobody in DISFA.
        raise ValueError(
            f"{label} was trained on {', '.join(used)}, and {store.path} holds {store.dataset}; give the "
            "store that it was trained on"
        )
    size = checkpoint.description.framing.input_size
    if method.weighs_pictures:
        learned = None
        if voted.faces is faces:
            learned = learned_pictures(checkpoint.description, faces, arguments.provenance)
        weighed = weigh_pictures(method, voted.faces, size, votes=voted.shares, learned=learned)
        if arguments.provenance is not None and voted.faces is faces:
            found.told_apart = told_apart(weighed, read_carriers(arguments.provenance, faces), learned)
        found.claims += consistency_claims(LowWeightForAmbiguous(label), weighed, voted.faces)
        found.rows += ranked_pictures(weighed, voted.faces)
        if weighed.consistency is not None:
            names = [shown(expression) for expression in voted.faces.expressions]
            drawn = weight_against_consistency(weighed, names, title=f"{label}: learned weight")
            alt = f"Learned weight against the annotators' agreement for each expression, {label}"
            found.figures.append(
                DrawnFigure(
                    "Weight and agreement",
                    inline_svg(drawn, name=f"agreement-{number}", alt=alt),
                    "As Fig. 6 of Li & Shan: each dot is an expression picture, the line joins means "
                    "of bins.",
                )
            )
    if _learns_both(method):
        found.cosines[label] = _cosines(method, checkpoint, store, faces, size, arguments.batches)
    found.attention += [
        _attention(label, method, checkpoint, store, au, arguments.pictures) for au in arguments.aus
    ]
    return found


def _write(found: Mapping[str, _Findings], out: Path, *, synthetic: bool) -> None:
    claims = [claim for each in found.values() for claim in each.claims]
    figures = [figure for each in found.values() for figure in each.figures]
    cosines = {label: values for each in found.values() for label, values in each.cosines.items()}
    numbers: dict[str, object] = {"synthetic": synthetic}
    if cosines:
        numbers["gradient_cosine"] = {
            label: {
                "mean": mean if math.isfinite(mean := float(values.mean())) else None,
                "negative_share": float((values < 0).mean()),
            }
            for label, values in cosines.items()
        }
        figures.append(_cosine_figure(cosines))
    apart = {name: each.told_apart for name, each in found.items() if each.told_apart is not None}
    if apart:
        numbers["weights_told_apart"] = {name: asdict(each) for name, each in apart.items()}
    corrected = {name: each.corrected for name, each in found.items() if each.corrected is not None}
    if corrected:
        numbers["corrected"] = {
            name: {"tested": c.tested, "corrected": len(c.positions), "spoiled": c.spoiled}
            for name, c in corrected.items()
        }
    numbers["claims"] = {
        claim.statement: {"answer": claim.answer, "detail": claim.detail} for claim in claims
    }
    content = ReportContent(
        title="What the models have learned",
        summary=f"{', '.join(map(shown, found))}: which expression pictures count, whether the two tasks "
        "agree, and where the evidence for an action unit is seen.",
        synthetic=synthetic,
        note=SYNTHETIC_NOTE if synthetic else "",
        claims=tuple(claims),
        figures=tuple(figures),
        tables=(told_apart_table({shown(name): each for name, each in apart.items()}),) if apart else (),
        weight_rows=tuple(row for each in found.values() for row in each.rows),
        attention=tuple(row for each in found.values() for row in each.attention),
        corrected=tuple(row for each in found.values() for row in each.corrections),
    )
    files = {"analysis.html": render_page(content).encode(), "analysis.json": as_json(numbers)}
    write_own(files, out, "analyse")
    for claim in claims:
        say(str(claim))
    if apart:
        say(content.tables[0].to_markdown())
    for label, values in cosines.items():
        say(
            f"{label}: gradient cosine {values.mean():+.3f}, negative in {(values < 0).mean():.0%} of batches"
        )
    for name, c in corrected.items():
        say(
            f"{printable(name)}: of {c.tested:,} held-out pictures {len(c.positions):,} are right that "
            f"--against gets wrong, and {c.spoiled:,} wrong that it gets right"
        )
    say(f"page: {printable(out / 'analysis.html')}")


def _learns_both(method: Method) -> bool:
    try:
        two_task_network(method)
    except ValueError:
        return False
    return True


def _cosines(
    method: Method, checkpoint: Checkpoint, store: Store, faces: Store, size: int, batches: int
) -> np.ndarray:
    trained = held_out_stream(store, checkpoint, checkpoint.description.held_out, "train", _BATCH)
    rows = np.flatnonzero(own_training_rows(faces) & (faces.expression >= 0))
    expressive = Stream(faces, rows, aus=(), name="expression", batch_size=_BATCH, size=size, seed=0)
    return gradient_cosines(method, trained, expressive, batches=batches)


def _cosine_figure(cosines: dict[str, np.ndarray]) -> DrawnFigure:
    figure = gradient_cosine_figure(cosines)
    means = ", ".join(f"{label} {values.mean():+.3f}" for label, values in cosines.items())
    return DrawnFigure(
        "Conflict between the tasks",
        inline_svg(figure, name="cosines", alt=f"Cosine of both tasks' gradients per batch; means: {means}"),
        "Cosine between the gradients of the AU and the expression loss for the shared backbone at the end "
        "of training, one stroke per batch of training pictures, the dot their mean. Below zero a step for "
        "one task harms the other.",
    )


def _attention(
    label: str, method: Method, checkpoint: Checkpoint, store: Store, au: int, count: int
) -> PictureRow:
    """Return held-out pictures that show an AU, with the attention and the probability of the detector."""
    stream = held_out_stream(store, checkpoint, checkpoint.description.held_out, "test", _BATCH)
    known = stream.targets()[:, checkpoint.aus.index(au)] if au in checkpoint.aus else np.empty(0)
    positive = np.flatnonzero(known == 1)
    if not len(positive):
        raise ValueError(f"no held-out picture of {store.path} shows AU{au}; choose among {checkpoint.aus}")
    chosen = positive[np.linspace(0, len(positive) - 1, min(count, len(positive))).astype(int)]
    batch = stream.at(chosen).to(device_of(method))
    probabilities = method.predict(batch.images).probabilities[:, checkpoint.aus.index(au)]
    pictures, _ = crop_centre(store.images(stream.rows[chosen]), stream.size)
    return attention_row(
        f"{label}: AU{au} {au_name(au)}",
        pictures,
        attention_maps(method, batch.images, au),
        probabilities.tolist(),
    )


def _compare(
    found: _Findings,
    name: str,
    checkpoint: Checkpoint,
    before: Checkpoint,
    faces: Store,
    arguments: Namespace,
) -> None:
    """Add what one model corrects of another one's expressions, as Fig. 4 of Li et al. (MML)."""
    if checkpoint.fingerprint == before.fingerprint:
        return
    stream = held_out_faces(checkpoint, before, faces, _BATCH)
    device, count = check_device(arguments.device), arguments.pictures
    methods = before.build(Method).to(device), checkpoint.build(Method).to(device)
    found.corrected = corrected = corrected_pictures(*methods, stream)
    if not len(corrected.positions):
        return
    shown_first, labels = corrected.positions[:count], corrected.labels[:count]
    images = stream.at(shown_first).images.to(device)
    pictures, _ = crop_centre(faces.images(stream.rows[shown_first]), stream.size)
    answers = {f"{shown(before.method)}, wrong": corrected.wrong[:count], _label(name, checkpoint): labels}
    sureness = corrected.sureness[:count].T.tolist()
    for method, sure, (heading, classes) in zip(methods, sureness, answers.items(), strict=True):
        found.corrections.append(
            attention_row(
                heading,
                pictures,
                expression_attention(method, images, classes.tolist()),
                sure,
                [shown(faces.expressions[code]) for code in classes],
            )
        )
