"""Safetensors files with a header: the one way out and in for everything that holds weights."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from metafacs.files import written_whole
from metafacs.parsing import FileError, parse_json

HEADER = "metafacs"
"""Where in the file's metadata the header is, as JSON."""

DIGEST = "sha256"
"""Where in the file's metadata the digest of header and tensors is."""

REINSTALL = "reinstall metafacs"
"""What to do about a damaged file of the package."""

Refusal = Callable[[str], Exception]

_SYSTEM_ERROR = re.compile(r"unable to (?:open|mmap) .*\((\d+)\)", re.DOTALL)
"""How torch tells what the system said of a file."""

_KINDS = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""Kinds of numbers that files may hold, and their names there."""


def save_tensors(path: Path | str, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write named tensors and their header, whole or not at all, with a digest of both.

    The same tensors and header give the same bytes.

    Args:
        path: The file.
        tensors: Of any shape, on any device.
        header: Plain data.

    Raises:
        ValueError: If a tensor or a number of the header is not finite, or a tensor of no usual kind.
        OSError: If the file cannot be written.
    """
    stored = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    # Wider numbers first: so each tensor begins where its kind may lie in memory.
    stored = dict(sorted(stored.items(), key=lambda item: (-item[1].element_size(), item[0])))
    for name, value in stored.items():
        if value.dtype not in _KINDS:
            raise ValueError(f"{name} holds {value.dtype}, which no file holds, so {path} was not written")
    if (wrong := first_not_finite(stored)) is not None:
        raise ValueError(f"{wrong} holds NaN or infinity, so {path} was not written")
    try:
        text = json.dumps(header, allow_nan=False)
    except ValueError as error:
        raise ValueError(f"the header holds NaN or infinity, so {path} was not written") from error
    contents: dict[str, Any] = {"__metadata__": {HEADER: text, DIGEST: digest_of_tensors(stored, text)}}
    end = 0
    for name, value in stored.items():
        begin, end = end, end + value.nbytes
        contents[name] = {
            "dtype": _KINDS[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [begin, end],
        }
    listed = json.dumps(contents).encode()
    listed += b" " * (-len(listed) % 8)
    # Not safetensors' own writer: it hides why a disk took no more, leaves temporary files of its own when
    # it is killed, and shuffles the metadata.
    with written_whole(path) as temporary, temporary.open("wb") as file:
        file.write(len(listed).to_bytes(8, "little") + listed)
        for value in stored.values():
            file.write(_bytes_of(value))


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
        OSError: If the system does not let it be read, now or ever, which says nothing of what it holds.
    """
    path = Path(path)
    if not path.is_file():
        raise refuse(f"{path} is no regular file" if path.exists() else f"{path} does not exist")
    try:
        with _uninterrupted(), _system_errors(path), safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise refuse(f"{path} is truncated or not a safetensors file ({error}); {remedy}") from error
    except FileNotFoundError as error:
        raise refuse(f"{path} does not exist") from error
    for name, value in tensors.items():
        if value.dtype not in _KINDS:
            raise refuse(f"{path} holds {value.dtype} in {name}, which metafacs does not read; {remedy}")
    text = metadata.get(HEADER)
    own = text is not None or DIGEST in metadata
    # A name that was changed must not make a file look like one that never held a digest.
    damaged = own and (text is None or not metadata.keys() <= {HEADER, DIGEST})
    if not damaged and DIGEST in metadata:
        damaged = metadata[DIGEST] != digest_of_tensors(tensors, text or "")
    if damaged:
        raise refuse(f"{path} is damaged: its content is not what was written; {remedy}")
    if (wrong := first_not_finite(tensors)) is not None:
        raise refuse(f"{path} holds NaN or infinity in {wrong}; {remedy}")
    if text is None:
        return None, tensors
    return parse_json(text, dict[str, Any], f"{path}, header", refuse, remedy), tensors


def read_header(path: Path | str) -> dict[str, Any] | None:
    """Return the header of a file without a look at its tensors; None if there is none that can be read."""
    try:
        with safe_open(str(path), framework="pt") as file:
            text = (file.metadata() or {}).get(HEADER)
        return None if text is None else parse_json(text, dict[str, Any], str(path))
    except (SafetensorError, OSError, FileError):
        return None


def digest_of_tensors(tensors: Mapping[str, Tensor], header: str = "") -> str:
    """Return the SHA-256 of a header and of names, types, shapes and values, as 64 hexadecimal digits."""
    digest = hashlib.sha256(header.encode("utf-8", "surrogatepass"))
    for name, value in sorted(tensors.items()):
        digest.update(f"\0{name}\0{value.dtype}\0{list(value.shape)}\0".encode())
        digest.update(_bytes_of(value.detach().cpu().contiguous()))
    return digest.hexdigest()


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of the first tensor that holds NaN or infinity; None if all are finite."""
    return next((name for name, value in tensors.items() if not _is_finite(value.detach().cpu())), None)


@contextmanager
def _system_errors(path: Path) -> Iterator[None]:
    """Raise what the system said of a file where a library says something else."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and error.errno is None:
            # So safetensors calls every file that it could not open.
            with path.open("rb"):
                raise OSError(
                    errno.EAGAIN, "could not be opened just now; run the same command again", str(path)
                ) from error
        error.filename = error.filename or str(path)
        raise
    except RuntimeError as error:
        if number := _SYSTEM_ERROR.match(str(error)):
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
        raise


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let signals wait: torch's C code loses what their handlers raise, and then fails in other words."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Handlers run in the main thread only.
        return
    came: list[int] = []
    numbers = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not None]
    before = {number: signal.signal(number, lambda number, frame: came.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for received in came:
            signal.raise_signal(received)


def _bytes_of(value: Tensor) -> memoryview:
    """Return the memory of a contiguous tensor."""
    return value.reshape(-1).view(torch.uint8).numpy().data


def _is_finite(value: Tensor) -> bool:
    if not value.is_floating_point() or not value.numel():
        return True
    # NaN comes through as either; much faster than isfinite, which writes a tensor of answers.
    return all(bool(torch.isfinite(extreme)) for extreme in torch.aminmax(value))
