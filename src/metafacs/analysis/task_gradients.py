"""Whether two tasks pull the shared backbone one way: the cosine of their gradients."""

from __future__ import annotations

import numpy as np
import torch

from metafacs.batch import Batch
from metafacs.data.streams import Stream
from metafacs.hypergradient.phases import base_parameters
from metafacs.losses.action_units import action_unit_loss
from metafacs.losses.expression import expression_loss
from metafacs.methods.base import Method
from metafacs.models.devices import device_of
from metafacs.models.networks import BaseNet


def two_task_network(method: Method) -> BaseNet:
    """Return the base net of a method that learns both tasks on one backbone.

    Raises:
        ValueError: If the method has no such net.
    """
    network = getattr(method, "network", None)
    if not isinstance(network, BaseNet) or network.expressions is None:
        raise ValueError(f"{type(method).__name__} does not learn both tasks on one backbone; give e.g. mal")
    return network


def gradient_cosines(method: Method, faces: Stream, expressive: Stream, *, batches: int = 20) -> np.ndarray:
    """Return the cosine between the AU and the expression gradient of the backbone, batch by batch.

    A negative cosine is negative transfer in the making: a step down one loss goes up the other. BatchNorm
    uses its running statistics, so that each task's gradient is its own.

    Args:
        method: A trained method with a two-task base net.
        faces: Pictures with AU labels.
        expressive: Pictures with expression labels.
        batches: Number of batches of each stream, from the first.

    Returns:
        ``batch``, in [-1, 1].

    Raises:
        ValueError: If the method has no two-task base net, or all of its backbone is frozen.
    """
    network = two_task_network(method)
    was_training = method.training
    method.eval()
    parameters = list(base_parameters(network.backbone).values())
    cosines = []
    try:
        for k in range(batches):
            pair = [stream.batch(k).to(device_of(method)) for stream in (faces, expressive)]
            au, fe = _losses(network, *pair)
            gradients = [torch.autograd.grad(loss, parameters, allow_unused=True) for loss in (au, fe)]
            first, second = (torch.cat([g.flatten() for g in group if g is not None]) for group in gradients)
            cosines.append(float(torch.nn.functional.cosine_similarity(first, second, dim=0)))
    finally:
        method.train(was_training)
    return np.array(cosines)


def _losses(network: BaseNet, faces: Batch, expressive: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    au = action_unit_loss(network(faces.images).action_units, faces.require("action_units"))
    logits = network(expressive.images).expressions
    assert logits is not None
    return au.mean(), expression_loss(logits, expressive.require("expression")).mean()
