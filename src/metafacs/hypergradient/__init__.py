"""The gradient of a validation loss by sample weights, through one step of the base net."""

from metafacs.hypergradient.double_backward import DoubleBackward
from metafacs.hypergradient.finite_difference import FiniteDifference
from metafacs.hypergradient.forward_mode import ForwardMode
from metafacs.hypergradient.optimizers import update_rule_of
from metafacs.hypergradient.problem import BilevelProblem, Estimator, MetaGradient
from metafacs.hypergradient.statistics import frozen_running_statistics
from metafacs.hypergradient.updates import GlobalNormClipping, PlainSGD, UpdateRule

ESTIMATORS: dict[str, Estimator] = {
    "double_backward": DoubleBackward(),
    "finite_difference": FiniteDifference(),
    "forward_mode": ForwardMode(),
}
"""Name -> estimator. All but ``finite_difference`` are exact."""

__all__ = [
    "ESTIMATORS",
    "BilevelProblem",
    "DoubleBackward",
    "Estimator",
    "FiniteDifference",
    "ForwardMode",
    "GlobalNormClipping",
    "MetaGradient",
    "PlainSGD",
    "UpdateRule",
    "frozen_running_statistics",
    "update_rule_of",
]
