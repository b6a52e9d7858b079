"""Published methods, one per file. A new method is one file and one line in :data:`METHODS`."""

from __future__ import annotations

from metafacs.methods.base import Method, OptimizerSpec, Prediction, SingleLossMethod, Stepper
from metafacs.methods.compound_multi_task import CompoundMultiTask
from metafacs.methods.mal import MAL
from metafacs.methods.mml import MML
from metafacs.methods.multi_task import MultiTask
from metafacs.methods.single_task import SingleTask

METHODS: dict[str, type[Method]] = {
    "single_task": SingleTask,
    "multi_task": MultiTask,
    "mal": MAL,
    "compound_multi_task": CompoundMultiTask,
    "mml": MML,
}
"""Name on the command line -> class."""

__all__ = ["METHODS", "Method", "OptimizerSpec", "Prediction", "SingleLossMethod", "Stepper"]
