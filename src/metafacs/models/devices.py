"""The one place that decides whether a device can be used, and says what there is instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from metafacs.texts import printable

_NAME = re.compile(r"(cpu|cuda|mps)(?::(\d{1,3}))?", re.ASCII)


def check_device(name: str | torch.device) -> torch.device:
    """Return the device of a name, after something was computed on it.

    Args:
        name: ``cpu``, ``cuda`` or ``cuda:1``, ``mps``, ``gpu`` (that of the machine, whatever its make) or
            ``auto`` (a GPU if there is one, else the processor).

    Raises:
        ValueError: If there is no such device here; the sentence says why and what there is.

    >>> check_device("cpu")
    device(type='cpu')
    """
    asked = str(name).strip().lower()
    if asked in ("cpu", "cpu:0"):
        return torch.device("cpu")
    gpus = _gpus()
    instead = f"choose one of cpu, {', '.join(gpus)}" if gpus else "use cpu"
    if asked in ("auto", "gpu") and (gpus or asked == "auto"):
        return check_device((*gpus, "cpu")[0])
    if asked == "gpu":
        raise ValueError(f"there is no GPU here that PyTorch can use ({_why_no('cuda')}); {instead}")
    parts = _NAME.fullmatch(asked)
    if parts is None:
        raise ValueError(f"{printable(name)!r} is no device that metafacs knows; {instead}")
    kind, number = parts[1], int(parts[2] or 0)
    if f"{kind}:{number}" not in gpus:
        why = "" if any(gpu.startswith(kind) for gpu in gpus) or kind == "cpu" else f" ({_why_no(kind)})"
        raise ValueError(f"there is no device {asked!r} here{why}; {instead}")
    device = torch.device(asked)
    try:
        # What PyTorch lists may still refuse to work: too old for it, taken by somebody else, full.
        torch.ones(1, device=device).add_(1).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = printable(str(error).strip().partition("\n")[0])
        raise ValueError(f"the device {asked!r} cannot be used ({reason}); use another, or cpu") from error
    return device


def device_of(network: nn.Module) -> torch.device:
    """Return where a network's parameters are; the processor, if it has none.

    >>> device_of(nn.Linear(2, 1))
    device(type='cpu')
    """
    first = next(network.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of the generators that a device has beside the processor's, by its kind."""
    if device.type == "cpu":
        return {}
    if device.type == "cuda":
        return {"cuda": torch.cuda.get_rng_state(device)}
    return {device.type: torch.get_device_module(device).get_rng_state()}


def restore_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Go back to earlier states, as far as they are of a device of this kind."""
    if device.type not in states:
        return
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    else:
        torch.get_device_module(device).set_rng_state(states[device.type])


def _gpus() -> list[str]:
    """Return the names of the GPUs that PyTorch lists, the one that is used first in front."""
    cuda = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    return [*(f"cuda:{number}" for number in cuda), *(["mps:0"] if torch.backends.mps.is_available() else [])]


def _why_no(kind: str) -> str:
    """Return why PyTorch finds no GPU of a kind."""
    if kind == "mps":
        built = torch.backends.mps.is_built()
        return "macOS is too old, or the Mac has no such GPU" if built else "only PyTorch on a Mac has it"
    if torch.version.cuda is None and torch.version.hip is None:
        return f"PyTorch {torch.__version__} was installed without CUDA"
    return f"PyTorch {torch.__version__} finds no NVIDIA GPU, or no driver for it"
