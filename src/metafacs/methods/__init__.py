"""Published methods, one per file. A new method is one file and one line in :data:`METHODS`."""

from __future__ import annotations

from metafacs.methods.base import (
    DivergedError,
    Method,
    OptimizerSpec,
    Prediction,
    SingleLossMethod,
    Stepper,
)
from metafacs.methods.mal import MAL
from metafacs.methods.multi_task import MultiTask
from metafacs.methods.single_task import SingleTask

METHODS: dict[str, type[Method]] = {"single_task": SingleTask, "multi_task": MultiTask, "mal": MAL}
"""Name on the command line -> class."""

__all__ = [
    "METHODS",
    "DivergedError",
    "Method",
    "OptimizerSpec",
    "Prediction",
    "SingleLossMethod",
    "Stepper",
]
