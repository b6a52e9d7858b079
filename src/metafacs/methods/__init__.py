"""Published methods, one per file. A new method is one file and one line in :data:`METHODS`."""

from __future__ import annotations

from metafacs.methods.adda import ADDA
from metafacs.methods.adld import ADLD
from metafacs.methods.anil import ANIL
from metafacs.methods.any_au import AnyAU
from metafacs.methods.base import (
    DivergedError,
    Learner,
    Method,
    OptimizerSpec,
    Prediction,
    SingleLossMethod,
    Stepper,
)
from metafacs.methods.compound_multi_task import CompoundMultiTask
from metafacs.methods.dann import DANN
from metafacs.methods.dual_domain import DualDomain
from metafacs.methods.dynamic_weight_average import DynamicWeightAverage
from metafacs.methods.few_shot import FewShotLearner
from metafacs.methods.l2t_ww import L2TWW
from metafacs.methods.learning_to_reweight import LearningToReweight
from metafacs.methods.mal import MAL
from metafacs.methods.maml import MAML
from metafacs.methods.meta_sgd import MetaSGD
from metafacs.methods.meta_weight_net import MetaWeightNet
from metafacs.methods.mml import MML
from metafacs.methods.mtan import MTAN
from metafacs.methods.multi_task import MultiTask
from metafacs.methods.single_task import SingleTask
from metafacs.methods.single_task_expression import SingleTaskExpression
from metafacs.methods.source_only import SourceOnly
from metafacs.methods.uncertainty_weighting import UncertaintyWeighting

METHODS: dict[str, type[Method]] = {
    "single_task": SingleTask,
    "single_task_expression": SingleTaskExpression,
    "multi_task": MultiTask,
    "uncertainty_weighting": UncertaintyWeighting,
    "dynamic_weight_average": DynamicWeightAverage,
    "mtan": MTAN,
    "l2t_ww": L2TWW,
    "learning_to_reweight": LearningToReweight,
    "meta_weight_net": MetaWeightNet,
    "mal": MAL,
    "compound_multi_task": CompoundMultiTask,
    "mml": MML,
    "source_only": SourceOnly,
    "dann": DANN,
    "adda": ADDA,
    "adld": ADLD,
    "dual_domain": DualDomain,
}
"""Name on the command line -> class."""

FEW_SHOT: dict[str, type[FewShotLearner]] = {
    "maml": MAML,
    "baseline": AnyAU,
    "anil": ANIL,
    "meta_sgd": MetaSGD,
}
"""Name -> learner that is adapted to a person and an action unit before it detects anything."""

__all__ = [
    "FEW_SHOT",
    "METHODS",
    "DivergedError",
    "FewShotLearner",
    "Learner",
    "Method",
    "OptimizerSpec",
    "Prediction",
    "SingleLossMethod",
    "Stepper",
]
