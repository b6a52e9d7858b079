"""The gradient of a validation loss by sample weights, through one step of the base net."""

from typing import Literal

from metafacs.hypergradient.double_backward import DoubleBackward
from metafacs.hypergradient.finite_difference import FiniteDifference
from metafacs.hypergradient.forward_mode import ForwardMode
from metafacs.hypergradient.problem import Estimator
from metafacs.hypergradient.tangent import Tangent

EstimatorName = Literal[
    "tangent", "tangent_reusing_graph", "forward_mode", "double_backward", "finite_difference"
]
"""Names accepted by ``ESTIMATORS``."""

ESTIMATORS: dict[str, Estimator] = {
    "double_backward": DoubleBackward(),
    "finite_difference": FiniteDifference(),
    "forward_mode": ForwardMode(),
    "tangent": Tangent(),
    "tangent_reusing_graph": Tangent(kept=1),
}
"""Name -> estimator. All but ``finite_difference`` are exact; ``tangent`` is the one to use."""
