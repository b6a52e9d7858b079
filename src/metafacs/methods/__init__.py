"""Published methods, one per file. A new method is one file and one line in :data:`METHODS`."""

from __future__ import annotations

from metafacs.methods.adda import ADDA
from metafacs.methods.adld import ADLD
from metafacs.methods.base import (
    DivergedError,
    Method,
    OptimizerSpec,
    Prediction,
    SingleLossMethod,
    Stepper,
)
from metafacs.methods.dann import DANN
from metafacs.methods.dual_domain import DualDomain
from metafacs.methods.mal import MAL
from metafacs.methods.multi_task import MultiTask
from metafacs.methods.single_task import SingleTask
from metafacs.methods.source_only import SourceOnly

METHODS: dict[str, type[Method]] = {
    "single_task": SingleTask,
    "multi_task": MultiTask,
    "mal": MAL,
    "source_only": SourceOnly,
    "dann": DANN,
    "adda": ADDA,
    "adld": ADLD,
    "dual_domain": DualDomain,
}
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
