"""Publish a model on the Hugging Face Hub: its weights, its card and its configuration, nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from metafacs.evaluation.records import Record
from metafacs.files import digest_of_file, write_json, write_text
from metafacs.hub import WEIGHTS, check_repository, publish
from metafacs.models.model_file import FORMAT
from metafacs.reports.model_card import model_card, starting_weights
from metafacs.version import __version__

CARD, CONFIGURATION = "README.md", "config.json"
"""Names of the other two files, as the Hub expects them."""

_SUFFIX = ".safetensors"
"""Ending of what options name files of: initial weights, a teacher."""


def save_to_hub(
    model: Path | str,
    repository: str,
    *,
    records: Sequence[Record] = (),
    licence: str | None = None,
    private: bool = True,
) -> str:
    """Publish a model on the Hugging Face Hub, in one commit.

    What only training needs, such as the state of optimisers, stays here. For a look at the files before,
    without a network, see :func:`write_files`.

    Args:
        model: ``model.safetensors`` that :func:`metafacs.train` wrote.
        repository: ``user/name``; it is made if there is none.
        records: Tests of this model, whose scores the card tells.
        licence: Of the weights, by the Hub's short name, e.g. ``apache-2.0``.
        private: Whether a new repository is for its owner only.

    Returns:
        ``hf:user/name@commit``, which :func:`metafacs.load_detector` takes.

    Raises:
        CheckpointError: If the file is no model.
        CardError: If a record is of another model, or the licence is no short name.
        HubError: If the user is not logged in or may not write there.
        ConnectionError: If the Hub cannot be reached.
        ValueError: If the package ``huggingface_hub`` is missing.

    >>> save_to_hub("model.safetensors", "my model")
    Traceback (most recent call last):
    metafacs.hub.HubError: 'my model' is no repository of the Hub; write user/name
    """
    check_repository(repository)
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(model, repository, Path(folder), records=records, licence=licence)
        return publish(repository, files, f"Publish with metafacs {__version__}", private=private).name


def write_files(
    model: Path | str,
    repository: str,
    folder: Path,
    *,
    records: Sequence[Record] = (),
    licence: str | None = None,
) -> dict[str, Path]:
    """Write what :func:`save_to_hub` publishes into a folder; the arguments are the same.

    Returns:
        Name in the repository -> file, the weights first.

    Raises:
        CheckpointError: If the file is no model.
        CardError: If a record is of another model, or the licence is no short name.
        OSError: If a file cannot be written.
    """
    check_repository(repository)
    checkpoint = load_checkpoint(model).finished()
    checkpoint = replace(checkpoint, options=_without_folders(checkpoint.options))
    card = model_card(checkpoint, repository, records, licence)
    files = {name: folder / name for name in (WEIGHTS, CARD, CONFIGURATION)}
    save_checkpoint(files[WEIGHTS], checkpoint)
    write_text(files[CARD], card)
    write_json(files[CONFIGURATION], _configuration(checkpoint, files[WEIGHTS]))
    return files


def _without_folders(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options without the folders of this machine: what was read there is in the weights."""
    return {name: _without_folder(value) for name, value in options.items()}


def _without_folder(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _without_folders(value)
    if not isinstance(value, str):
        return value
    path = Path(value)
    return path.name if path.is_absolute() or path.suffix == _SUFFIX else value


def _configuration(checkpoint: Checkpoint, weights: Path) -> dict[str, object]:
    """Return what programs may ask of the model without reading the weights."""
    known = checkpoint.description
    return {
        "library_name": "metafacs",
        "metafacs": __version__,
        "format": FORMAT,
        "sha256": digest_of_file(weights),
        "method": checkpoint.method,
        "options": checkpoint.options,
        "action_units": list(checkpoint.aus),
        "expressions": list(checkpoint.expressions),
        "input_size": known.framing.input_size,
        "crop_size": known.framing.crop_size,
        "alignment": known.to_json()["alignment"],
        "thresholds": {str(au): known.threshold_of(au) for au in checkpoint.aus},
        "synthetic": known.synthetic,
        "initial_weights": dict(starting_weights(checkpoint)),
    }
