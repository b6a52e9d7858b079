"""Writes a network as ONNX, for batches of any size."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from metafacs.models.backends import load_package
from metafacs.texts import printable

OPSET = 17
"""Version of ONNX's operators; 16 is the first that cuts windows out of maps."""

EXTRA = "onnxruntime"
"""The extra that is named where the package ``onnx`` is missing; each backend's brings it."""


def to_onnx(
    network: nn.Module, shape: tuple[int, int, int], outputs: Sequence[str], extra: str = EXTRA
) -> bytes:
    """Return a network as an ONNX file.

    What it does is recorded while it runs once: a choice that hangs on the pictures is lost. So compare the
    answers of the exported network with the network's own.

    Args:
        network: In evaluation mode, on the processor: images -> a tuple or list of tensors, batch first.
        shape: Channels, height and width of its images.
        outputs: Names of what it returns.
        extra: Which extra to name if the package ``onnx`` is missing.

    Returns:
        The file; its input is ``images``, ``batch x channel x height x width``, float32.

    Raises:
        ValueError: If it cannot be exported, or the package ``onnx`` is not installed.
    """
    load_package("onnx", extra)
    file, named = io.BytesIO(), {name: {0: "batch"} for name in ("images", *outputs)}
    # Not the exporter that needs onnxscript; versions before 2.5 have no other and no such option.
    older = {"dynamo": False} if "dynamo" in signature(torch.onnx.export).parameters else {}
    images = torch.linspace(-1, 1, 2 * shape[0] * shape[1] * shape[2]).reshape(2, *shape)
    try:
        # It warns of itself and of every size that is read.
        with warnings.catch_warnings(), _with_scales(network), _without_graphs():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (images,),
                file,  # type: ignore[arg-type]
                input_names=["images"],
                output_names=list(outputs),
                dynamic_axes=named,
                opset_version=OPSET,
                **older,  # type: ignore[arg-type]
            )
    except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
        reason = printable(str(error).strip().partition("\n")[0])
        raise ValueError(f"the network cannot be exported to ONNX ({reason}); run it with torch") from error
    return file.getvalue()


@contextmanager
def _without_graphs() -> Iterator[None]:
    """Keep the exporter from printing thousands of lines where it fails, which no option of it does."""
    internal: Any = torch._C
    prints = getattr(internal, "_jit_onnx_log", None)
    internal._jit_onnx_log = lambda *words: None
    try:
        yield
    finally:
        internal._jit_onnx_log = prints


@contextmanager
def _with_scales(network: nn.Module) -> Iterator[None]:
    """Give normalisations without scale and shift some that change nothing: the exporter asks for them."""
    plain: list[Any] = [
        one for one in network.modules() if isinstance(one, _BatchNorm) and one.weight is None
    ]
    try:
        for one in plain:
            one.weight = nn.Parameter(torch.ones(one.num_features), requires_grad=False)
            one.bias = nn.Parameter(torch.zeros(one.num_features), requires_grad=False)
        yield
    finally:
        for one in plain:
            one.weight = one.bias = None
