"""How a model reads pictures, where its method has a choice."""

from __future__ import annotations

from dataclasses import replace

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.methods import find_learner
from metafacs.methods.base import Method
from metafacs.methods.options import refuse_reading
from metafacs.models.dual_domain import Reading


def made_to_read(checkpoint: Checkpoint, read: Reading) -> Checkpoint:
    """Return a model as if its method had been given that way to read target pictures.

    Raises:
        ValueError: If its method has no choice.
    """
    refuse_reading(checkpoint.method, find_learner(checkpoint.method), read)
    return replace(checkpoint, options={**checkpoint.options, "read": read})


def read_as(method: Method) -> str | None:
    """Return as which pictures, and how, a method reads; None if it reads all pictures alike."""
    reading = getattr(method, "reading", None)
    return f"target, {reading}" if reading and method.domain == "target" else method.domain
