"""The card of a trained model: what it detects, has seen and scored, its licence, and how to use it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.evaluation.records import Record
from metafacs.facs import au_name
from metafacs.hub import PREFIX
from metafacs.texts import markdown

_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*", re.ASCII)
_COMMAND = "metafacs predict photo.jpg --model"


class CardError(ValueError):
    """The card would not tell the truth, or cannot be written; the message says why."""


def model_card(
    checkpoint: Checkpoint, repository: str, records: Sequence[Record] = (), licence: str | None = None
) -> str:
    """Return the card of a model as Markdown with the front matter that the Hugging Face Hub reads.

    Args:
        checkpoint: The model.
        repository: Where it will be, ``user/name``.
        records: Tests of this model, for the scores.
        licence: Of the weights, by the Hub's short name, e.g. ``apache-2.0``; None where nobody has chosen.

    Raises:
        CardError: If a record is of another model, or the licence is no short name.
    """
    if licence is not None and _LICENCE.fullmatch(licence) is None:
        raise CardError(f"{licence!r} is no short name of a licence; write e.g. apache-2.0 or cc-by-nc-4.0")
    _refuse_other_records(checkpoint, records)
    parts = [
        f"---\n{yaml.safe_dump(_front_matter(checkpoint, licence), sort_keys=False)}---",
        f"# {repository}",
        _what_it_is(checkpoint),
        _action_units(checkpoint),
        "## What it has seen\n\n" + _data(checkpoint),
        "## Licence\n\n" + _licence(checkpoint, licence),
        "## Scores\n\n" + (_scores(records) if records else "No test of this model was published with it."),
        _use(repository),
        _LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def starting_weights(checkpoint: Checkpoint) -> Mapping[str, Any]:
    """Return what a model says of the weights that it started from; empty if it says nothing."""
    found = checkpoint.description.more.get("initial_weights")
    return found if isinstance(found, Mapping) else {}


_LIMITS = """## What it is not for

It tells movements of faces, not what anybody feels, thinks or intends. It is not for decisions about people,
nor for surveillance. In the European Union, inferring emotions at work and at school is forbidden (Regulation
2024/1689, Article 5). Test it on your own people before you compare groups of them."""


def _front_matter(checkpoint: Checkpoint, licence: str | None) -> dict[str, object]:
    tags = ["facial-action-units", "facs", f"method-{checkpoint.method.replace(':', '-')}"]
    tags += ["synthetic-data"] if checkpoint.description.synthetic else []
    content: dict[str, object] = {"license": licence or "other"}
    if licence is None:
        content["license_name"] = "see-model-card"
    content |= {"library_name": "metafacs", "pipeline_tag": "image-classification", "tags": tags}
    if repository := starting_weights(checkpoint).get("repository"):
        content["base_model"] = str(repository)
    return content


def _what_it_is(checkpoint: Checkpoint) -> str:
    known = checkpoint.description
    faces = "rendered faces (*synthetic*)" if known.synthetic else "photos of people"
    backbone = checkpoint.options.get("backbone")
    name = backbone.get("name") if isinstance(backbone, Mapping) else backbone
    reads = f", with the backbone `{name}`" if name else ""
    return (
        f"Detects {len(checkpoint.aus)} facial action units (FACS) in pictures and videos. Made with "
        f"[metafacs](https://pypi.org/project/metafacs/), method `{checkpoint.method}`{reads}, trained on "
        f"{faces}: {checkpoint.iteration:,} iterations, seed {known.seed}. It reads aligned faces of "
        f"{known.framing.input_size} px."
    )


def _action_units(checkpoint: Checkpoint) -> str:
    known = checkpoint.description
    lines = ["| AU | name | | present from |", "|---:|:---|:---|---:|"]
    for au in checkpoint.aus:
        mark = "experimental" if au in known.experimental else ""
        lines.append(f"| {au} | {au_name(au)} | {mark} | {known.threshold_of(au):.2f} |")
    if known.experimental:
        lines += ["", "*Experimental*: not shown to carry over to real people."]
    return "\n".join(lines)


def _data(checkpoint: Checkpoint) -> str:
    known, started = checkpoint.description, starting_weights(checkpoint)
    lines = [
        f"- `{markdown(used.dataset)}`: "
        + ("rendered faces (*synthetic*)" if used.synthetic else "licensed pictures")
        for used in known.data
    ]
    lines += [f"- {count:,} pictures as `{markdown(role)}`" for role, count in known.pictures.items()]
    if known.split is not None:
        lines.append(
            f"- split `{known.split.name}`, fold {known.split.fold}; who was held out is in the model file"
        )
    if started:
        source = started.get("repository") or started.get("choice")
        licence = started.get("licence")
        lines.append(
            f"- initial weights: {markdown(str(source))}" + (f" (licence {licence})" if licence else "")
        )
    if known.initialised_from is not None:
        said = known.initialised_from
        lines.append(
            f"- started from another trained model, `{markdown(str(said.get('method')))}`, "
            f"licence: {markdown(str(said.get('licence', 'unknown')))}"
        )
    return "\n".join(lines) or "The model does not say."


def _licence(checkpoint: Checkpoint, licence: str | None) -> str:
    started = starting_weights(checkpoint)
    lines = [
        f"- **These weights**: {licence}."
        if licence
        else "- **These weights**: nobody has chosen a licence.",
        f"- **Training data**: {markdown(checkpoint.description.licence or 'unknown')}.",
    ]
    if started.get("choice") == "pretrained":
        lines.append(
            f"- **Initial weights**: {markdown(str(started.get('repository')))}, published by timm under "
            f"{markdown(str(started.get('licence')))}; its terms hold for what was trained from them."
        )
    elif started.get("choice") == "imagenet":
        lines.append("- **Initial weights**: torchvision's, trained on ImageNet; see torchvision's terms.")
    return "\n".join(lines)


def _scores(records: Sequence[Record]) -> str:
    heads = [markdown(r.data.name) + (" (*synthetic*)" if r.data.synthetic else "") for r in records]
    lines = [f"| F1 | {' | '.join(heads)} |", f"|:---|{'---:|' * len(records)}"]
    lines += [
        f"| AU{au} | {' | '.join(_number(record.f1.get(au, math.nan)) for record in records)} |"
        for au in sorted({au for record in records for au in record.aus})
    ]
    lines.append(f"| **average** | {' | '.join(_number(record.f1_average) for record in records)} |")
    tested = [
        f"{r.data.split}, fold {r.data.fold}, {f'{r.people} people' if r.people else 'pictures'}, "
        f"thresholds: {r.judged_at}"
        for r in records
    ]
    return "\n".join(lines) + f"\n\nHeld out from training: {markdown('; '.join(tested))}."


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _use(repository: str) -> str:
    return (
        "## How to use it\n\n"
        f"```bash\npip install 'metafacs[hub]'\n{_COMMAND} {PREFIX}{repository}\n```\n\n"
        "```python\nfrom metafacs import load_detector\n\n"
        f'detector = load_detector("{PREFIX}{repository}")\n'
        'for face in detector.analyse("photo.jpg"):\n    print(face.probabilities)\n```'
    )


def _refuse_other_records(checkpoint: Checkpoint, records: Sequence[Record]) -> None:
    known = checkpoint.description
    for record in records:
        mine = (checkpoint.method, known.seed, checkpoint.iteration)
        its = (record.method, record.seed, record.iterations)
        if mine != its or record.aus != tuple(au for au in checkpoint.aus if au in record.aus):
            raise CardError(
                f"the record on {record.data.name} is of another model: {its[0]}, seed {its[1]}, {its[2]} "
                f"iterations, not {mine[0]}, seed {mine[1]}, {mine[2]} iterations; give records that "
                "'metafacs evaluate' wrote of this one"
            )
        if record.lost is not None:
            raise CardError(
                f"the record on {record.data.name} is of a run without scores; publish another one"
            )
