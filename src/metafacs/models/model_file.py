"""The file that ``metafacs train`` writes: named tensors and a header that describes them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta
from torch import Tensor

from metafacs.facs import check_aus
from metafacs.files import digest_of_file
from metafacs.parsing import convert
from metafacs.tensor_files import load_tensors

FORMAT = "metafacs-checkpoint-1"

METHOD_PREFIX = "method."
"""Names of the trained weights begin with this; other tensors are the state of training."""

OPTIMIZER_PREFIX, RANDOM_STATE, LOSS_SCALE = "optimizer.", "random.state", "loss.scale"
"""Names of the state of training: what optimisers remember, the state of torch's generator, and the factor of
losses in float16. Generators of GPUs follow the generator's name, after a point."""

REMEDY = "copy or train it again"
"""What to do about a model file that is damaged."""

MOST_EXPRESSIONS = 1000
"""Expression classes that a model may know."""

_RUN = re.compile(r"fold\d+-seed\d+")
"""Folder of a run of a comparison."""

Count = Annotated[int, Meta(ge=0)]


class CheckpointError(ValueError):
    """The file is not a usable checkpoint; the message says why and what to do."""


@dataclass(frozen=True)
class ModelHeader:
    """What a model file says beside its weights.

    Attributes:
        format: Kind and version of the file.
        method: Name of the learner.
        options: The options it was built with, as plain data.
        aus: FACS numbers of the predicted columns.
        expressions: Names of the expression classes it was trained with.
        description: What a user must know, as :meth:`metafacs.checkpoints.description.Description.to_json`
            gives it.
        iteration: Finished iterations.
        history: Curve name -> values.
        pending: Curve name -> values since the last point of the history, of each curve as many.
        seconds: Training time.
    """

    format: str
    method: str
    options: dict[str, Any]
    aus: tuple[int, ...]
    expressions: Annotated[tuple[str, ...], Meta(max_length=MOST_EXPRESSIONS)]
    description: dict[str, Any]
    iteration: Count
    history: dict[str, list[float]]
    pending: dict[str, list[float]]
    seconds: Annotated[float, Meta(ge=0)]

    def __post_init__(self) -> None:
        check_aus(self.aus)
        if len(set(self.expressions)) != len(self.expressions):
            raise ValueError(f"expressions are repeated: {list(self.expressions)}")
        for curves in (self.history, self.pending):
            if len({len(values) for values in curves.values()}) > 1:
                raise ValueError("its curves are not equally long")


@dataclass(frozen=True)
class UsedData:
    """A prepared store that a model was trained on.

    Attributes:
        dataset: Name of the data set.
        synthetic: Whether its faces are rendered.
        twin: What the twin says of itself; None for a licensed set.
        labels_hash: Digest of the labels.
    """

    dataset: str
    synthetic: bool = False
    twin: Mapping[str, Any] | None = None
    labels_hash: str = ""


def read_model_file(path: Path | str) -> tuple[ModelHeader, dict[str, Tensor]]:
    """Return the header and the tensors.

    Raises:
        CheckpointError: If the file is missing, damaged, or not written by metafacs.
        OSError: If it cannot be read, which says nothing of what it holds.
    """
    path = Path(path)
    if not path.exists():
        raise CheckpointError(
            f"{path} does not exist; give the model.safetensors that 'metafacs train' wrote"
        )
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder; give the model.safetensors in it")
    content, tensors = load_tensors(path, CheckpointError, REMEDY)
    if content is None:
        raise CheckpointError(f"{path} is a safetensors file but not a metafacs checkpoint")
    if content.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {content.get('format')!r}; this version reads {FORMAT!r}: give a model file, "
            "or train it again"
        )
    header = convert(content, ModelHeader, f"{path}, header", CheckpointError, REMEDY)
    ours, named = (METHOD_PREFIX, OPTIMIZER_PREFIX, f"{RANDOM_STATE}."), (RANDOM_STATE, LOSS_SCALE)
    if strange := [name for name in tensors if not name.startswith(ours) and name not in named]:
        raise CheckpointError(f"{path} holds a tensor that no model has, {strange[0]!r}; {REMEDY}")
    return header, tensors


@dataclass(frozen=True)
class _Told:
    """What a model's description says of its data; other entries are passed on as they are."""

    synthetic: bool = False
    data: list[UsedData] = field(default_factory=list)
    pictures: dict[str, Count] = field(default_factory=dict)
    split: dict[str, Any] | None = None
    seed: int = 0
    licence: str = ""
    initialised_from: dict[str, Any] | None = None
    transferred_from: dict[str, Any] | None = None
    pseudo_labels: dict[str, Any] | None = None


SOURCES = ("initialised_from", "transferred_from", "pseudo_labels")
"""Under what a description tells other models that a model has learned from."""

FINGERPRINT, FILE_DIGEST, DECIDES_AT = "fingerprint", "sha256", "decides_at"
"""Under what :func:`origin` tells which model it was, the digest of its file, and, of a model that labelled
pictures, the thresholds it did so at."""


def learned_from(description: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the models that a model has learned from directly, as :func:`origin` tells them.

    Args:
        description: What the model file says of the run, or :func:`origin` of the model.
    """
    told = [description.get(source) for source in SOURCES]
    # A table of labels is none.
    return [model for model in told if model and "data" in model]


def fingerprint_of(method: str, aus: tuple[int, ...], weights: Mapping[str, Tensor]) -> str:
    """Return sixteen hexadecimal digits that say which model it is, whenever and wherever it was trained.

    They change with the method, its AUs and any of its weights; thresholds are no part of a model, as they
    may be chosen anew.
    """
    digest = hashlib.sha256(repr((method, aus)).encode())
    for name in sorted(weights):
        value = weights[name].detach().cpu().contiguous()
        digest.update(repr((name, tuple(value.shape), str(value.dtype))).encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def weights_in(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the trained weights among the tensors of a model file, under the names of the method."""
    return {k.removeprefix(METHOD_PREFIX): v for k, v in tensors.items() if k.startswith(METHOD_PREFIX)}


def origin(path: Path | str, header: ModelHeader, tensors: Mapping[str, Tensor]) -> dict[str, object]:
    """Return what a run says of a model that it learned from: which one it was, and what that one had seen.

    Which one it was, ``fingerprint`` says. The digest of the file, ``sha256``, tells this one from a model
    that was made again with the same weights, or was given other thresholds.

    Args:
        path: The model file; its digest and its name without folders are told.
        header: Its header.
        tensors: Its tensors.

    Returns:
        Plain data for JSON.

    Raises:
        CheckpointError: If the model's description is not what it should be.
    """
    path = Path(path)
    convert(header.description, _Told, f"{path}, description", CheckpointError, REMEDY)
    always = {"synthetic": False, "data": [], "pictures": {}, "split": None, "seed": 0, "licence": "unknown"}
    told = {key: header.description[key] for key in (*always, *SOURCES) if key in header.description}
    return {
        "file": path.name,
        FILE_DIGEST: digest_of_file(path)[:16],
        FINGERPRINT: fingerprint_of(header.method, header.aus, weights_in(tensors)),
        "method": header.method,
        "aus": list(header.aus),
        "expressions": list(header.expressions),
        "iteration": header.iteration,
        **always,
        **told,
    }


def known_alike(there: Mapping[str, Any], here: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two descriptions of runs for comparison, in which the same models are told alike.

    A model that was learned from is known by its fingerprint, and one that labelled pictures by its
    thresholds, too. Earlier versions told neither: where one of the descriptions is of theirs, it is known by
    the digest of its file.

    Args:
        there: What a model file or a record says of a run.
        here: What another one says, or a run that is asked for.
    """
    one, other = dict(there), dict(here)
    for source in SOURCES:
        first, second = one.get(source), other.get(source)
        if not isinstance(first, Mapping) or not isinstance(second, Mapping):
            continue
        first, second = known_alike(first, second)
        passing = (
            (FILE_DIGEST,) if FINGERPRINT in first and FINGERPRINT in second else (FINGERPRINT, DECIDES_AT)
        )
        one[source], other[source] = (
            {key: value for key, value in model.items() if key not in passing} for model in (first, second)
        )
    return one, other


def names_of(models: Sequence[Path]) -> dict[str, Path]:
    """Return models by names that tell them apart: the run's folder, in a comparison after its row.

    No name leads out of a folder in which it becomes one.

    >>> list(names_of([Path("runs/mine/model.safetensors"), Path("runs/c/G/fold1-seed0/model.safetensors")]))
    ['mine', 'G/fold1-seed0']

    Raises:
        ValueError: If a model is given twice, or only endings of names tell two apart.
    """
    # What ".." stands for is a name, too.
    places = [Path(os.path.abspath(model)) for model in models]
    if twice := [model for model, place in zip(models, places, strict=True) if places.count(place) > 1]:
        raise ValueError(f"{twice[0]} is given twice; give each model once")
    folders = [place.parts[1:-1] or (place.stem,) for place in places]
    usual = [2 if _RUN.fullmatch(parts[-1]) else 1 for parts in folders]
    # Several files in one folder: their own names have to tell.
    files = [(*parts, place.stem) for parts, place in zip(folders, places, strict=True)]
    for paths, needed in ((folders, usual), (files, [2] * len(files))):
        for depth in range(1, max(map(len, paths), default=1) + 1):
            names = [
                "/".join(parts[-max(least, depth) :]) for parts, least in zip(paths, needed, strict=True)
            ]
            if len(set(names)) == len(names):
                return dict(zip(names, models, strict=True))
    raise ValueError("some models have the same folder and name but for the ending; rename them")


def row_of(name: str) -> str:
    """Return the row of a comparison that a name of :func:`names_of` belongs to, else the name.

    >>> row_of("G/fold1-seed0"), row_of("mine")
    ('G', 'mine')
    """
    row, _, run = name.rpartition("/")
    return row if row and _RUN.fullmatch(run) else name


def adapted_to(description: Mapping[str, Any]) -> str | None:
    """Return the other data set whose training part a model saw without labels; None if there is none.

    Args:
        description: What the model file says of the run, or :func:`origin` of the model.
    """
    datasets = [used["dataset"] for used in description.get("data", ())]
    if datasets and "target" in description.get("pictures", {}) and datasets[-1] != datasets[0]:
        return str(datasets[-1])
    return None
