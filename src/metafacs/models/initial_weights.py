"""Starts a network from the parts of it that were trained before."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

METHOD_PREFIX = "method."
"""What the names of a method's tensors begin with in a checkpoint."""


def load_parts(module: nn.Module, path: Path | str) -> None:
    """Fill those parts of a module that a checkpoint holds; the others keep their values.

    Args:
        module: Changed in place. Its parts are its direct children, parameters and buffers.
        path: Checkpoint of a method that consists of some of these parts, by the same names.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file holds no such part, only a piece of one, tensors that the module does not
            have, or tensors of other shapes.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no weights file at {path}; give 'none' or the model.safetensors that 'metafacs train' wrote"
        )
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file ({error})") from error
    found = {
        name.removeprefix(METHOD_PREFIX): tensor
        for name, tensor in tensors.items()
        if name.startswith(METHOD_PREFIX)
    }
    expected = module.state_dict()
    strange = [name for name in found if name not in expected]
    if not found or strange:
        held = f"{strange[0]!r}, which this method does not have" if strange else "no weights of a method"
        raise ValueError(f"{path} holds {held}; start from a model that was trained with the same networks")
    parts = {name.split(".")[0] for name in found}
    missing = [name for name in expected if name.split(".")[0] in parts and name not in found]
    if missing:
        raise ValueError(f"{path} holds no {missing[0]!r}; start from a model trained with the same options")
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            raise ValueError(
                f"{path}: {name!r} has shape {tuple(tensor.shape)}, but {tuple(expected[name].shape)} is "
                "needed; use the same AUs and options"
            )
    module.load_state_dict(found, strict=False)
