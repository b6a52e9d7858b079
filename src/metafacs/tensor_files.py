"""Safetensors files with a header: the one way out and in for everything that holds weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from metafacs.files import written_whole
from metafacs.parsing import parse_json

HEADER = "metafacs"
"""Where in the file's metadata the header is, as JSON."""

DIGEST = "sha256"
"""Where in the file's metadata the digest of header and tensors is."""

Refusal = Callable[[str], Exception]


def save_tensors(path: Path | str, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write named tensors and their header, whole or not at all, with a digest of both.

    Args:
        path: The file.
        tensors: Of any shape, on any device.
        header: Plain data.

    Raises:
        ValueError: If a tensor or a number of the header is not finite.
    """
    stored = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    for name, value in stored.items():
        if not _is_finite(value):
            raise ValueError(f"{name} holds NaN or infinity, so {path} was not written")
    # One memory may stand behind several names; safetensors wants one behind each.
    stored = {name: value.clone() for name, value in stored.items()}
    text = json.dumps(header, allow_nan=False)
    with written_whole(path) as temporary:
        save_file(stored, str(temporary), metadata={HEADER: text, DIGEST: digest_of_tensors(stored, text)})


def load_tensors(
    path: Path | str, refuse: Refusal, remedy: str
) -> tuple[dict[str, Any] | None, dict[str, Tensor]]:
    """Return the header and the tensors of a file.

    Args:
        path: The file.
        refuse: Class of the error, such as ``CheckpointError``.
        remedy: What the user can do about a damaged file: ``copy or train it again``.

    Returns:
        The header, None if the file has none, and the tensors by name. Files of earlier versions, which hold
        no digest, are read without one.

    Raises:
        Exception: ``refuse``, if the file is missing, truncated, damaged or no safetensors file, or if a
            tensor is not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise refuse(f"{path} does not exist" if not path.exists() else f"{path} is no file")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise refuse(f"{path} is truncated or not a safetensors file ({error}); {remedy}") from error
    except OSError as error:
        raise refuse(f"{path} cannot be read ({error.strerror or error}); {remedy}") from error
    text = metadata.get(HEADER)
    if text is None:
        return None, tensors
    if DIGEST in metadata and metadata[DIGEST] != digest_of_tensors(tensors, text):
        raise refuse(f"{path} is damaged: its content is not what was written; {remedy}")
    for name, value in tensors.items():
        if not _is_finite(value):
            raise refuse(f"{path} holds NaN or infinity in {name}; {remedy}")
    return parse_json(text, dict[str, Any], f"{path}, header", refuse, remedy), tensors


def digest_of_tensors(tensors: Mapping[str, Tensor], header: str = "") -> str:
    """Return the SHA-256 of a header and of names, types, shapes and values, as 64 hexadecimal digits."""
    digest = hashlib.sha256(header.encode("utf-8", "surrogatepass"))
    for name, value in sorted(tensors.items()):
        digest.update(f"\0{name}\0{value.dtype}\0{list(value.shape)}\0".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _is_finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())
