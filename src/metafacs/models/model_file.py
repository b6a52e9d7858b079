"""The file that ``metafacs train`` writes: named tensors and a header that describes them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

FORMAT = "metafacs-checkpoint-1"
METADATA_KEY = "metafacs"
"""Where in the file's metadata the header is, as JSON."""

METHOD_PREFIX = "method."
"""Names of the trained weights begin with this; other tensors are the state of training."""

_RUN = re.compile(r"fold\d+-seed\d+")
"""Folder of a run of a comparison."""


class CheckpointError(ValueError):
    """The file is not a usable checkpoint; the message says why and what to do."""


def read_model_file(path: Path | str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the header and the tensors.

    Raises:
        CheckpointError: If the file is missing, truncated, or not written by metafacs.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(
            f"{path} does not exist; give the model.safetensors that 'metafacs train' wrote"
        )
    try:
        with safe_open(str(path), framework="pt") as file:
            header = (file.metadata() or {}).get(METADATA_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is truncated or not a safetensors file ({error}); copy or train it again"
        ) from error
    if header is None:
        raise CheckpointError(f"{path} is a safetensors file but not a metafacs checkpoint")
    content: dict[str, Any] = json.loads(header)
    if content.get("format") != FORMAT:
        raise CheckpointError(f"{path} has format {content.get('format')!r}; this version reads {FORMAT!r}")
    return content, tensors


def origin(path: Path | str, header: dict[str, Any]) -> dict[str, object]:
    """Return what a run says of a model that it learned from: which one it was, and what that one had seen.

    Args:
        path: The model file; its hash and its name without folders are told.
        header: Its header.

    Returns:
        Plain data for JSON.
    """
    path = Path(path)
    description = header["description"]
    told = (
        "synthetic",
        "data",
        "pictures",
        "split",
        "seed",
        "licence",
        "initialised_from",
        "transferred_from",
    )
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest()[:16],
        **{key: header[key] for key in ("method", "aus", "expressions", "iteration")},
        **{key: description[key] for key in told if key in description},
    }


def names_of(models: Sequence[Path]) -> dict[str, Path]:
    """Return models by names that tell them apart: the run's folder, in a comparison after its row.

    >>> list(names_of([Path("runs/mine/model.safetensors"), Path("runs/c/G/fold1-seed0/model.safetensors")]))
    ['mine', 'G/fold1-seed0']
    """
    names = {
        "/".join(path.parts[-3:-1]) if _RUN.fullmatch(path.parent.name) else path.parent.name: path
        for path in models
    }
    return names if len(names) == len(models) else {"/".join(path.parts[-3:-1]): path for path in models}


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
    datasets = [used["dataset"] for used in description["data"]]
    if "target" in description.get("pictures", {}) and datasets[-1] != datasets[0]:
        return str(datasets[-1])
    return None
