"""Networks of timm under every exact estimator, against double backward in float64.

``benchmarks/timm_backbones.py`` does the same for larger ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from metafacs.hypergradient import ESTIMATORS
from metafacs.hypergradient.double_backward import DoubleBackward
from metafacs.hypergradient.problem import BilevelProblem, MetaGradient
from metafacs.models.networks import BaseNet
from metafacs.models.timm_backbone import TimmBackbone

timm = pytest.importorskip("timm", reason="needs the extra timm")

EXACT = [name for name in ESTIMATORS if name not in ("double_backward", "finite_difference")]


def same(mine: MetaGradient, reference: MetaGradient) -> None:
    for own, other in zip(mine.gradients, reference.gradients, strict=True):
        assert (own - other).norm() < 1e-8 * other.norm()
    torch.testing.assert_close(mine.sample_gradients, reference.sample_gradients, rtol=1e-8, atol=0)
    torch.testing.assert_close(mine.losses, reference.losses)


# Normalisation with activation, depthwise, gates; layer norm; residual blocks; hard gates.
@pytest.mark.parametrize(
    "name", ["test_efficientnet", "test_convnext", "test_resnet", "mobilenetv3_small_050"]
)
def test_equals_double_backward_in_either_mode(
    make_problem: Callable[..., BilevelProblem], name: str
) -> None:
    problem = make_problem(f"timm:{name}", pictures=2)
    for training in (True, False):
        problem.network.train(training)
        reference = DoubleBackward()(problem)
        assert reference.gradients[0].norm() > 0
        for estimator in EXACT:
            same(ESTIMATORS[estimator](problem), reference)


def test_attention_needs_the_estimator_that_serves_any_network(
    make_problem: Callable[..., BilevelProblem],
) -> None:
    problem = make_problem("timm:test_vit", pictures=2)
    same(ESTIMATORS["forward_mode"](problem), DoubleBackward()(problem))
    with pytest.raises(ValueError, match="use the estimator forward_mode"):
        ESTIMATORS["tangent"](problem)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_virtual_passes_leave_running_statistics_alone(
    make_problem: Callable[..., BilevelProblem], estimator: str
) -> None:
    problem, twin = (make_problem("timm:test_efficientnet", pictures=2) for _ in range(2))
    with torch.no_grad():
        twin.network(twin.images)
    ESTIMATORS[estimator](problem)
    for (name, mine), other in zip(
        problem.network.state_dict().items(), twin.network.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(mine, other, msg=name)


@pytest.mark.parametrize(
    "options", [{"drop_path_rate": 0.5}, {"drop_rate": 0.5}], ids=["stochastic depth", "dropout"]
)
def test_chance_is_drawn_once_for_all_passes(
    make_problem: Callable[..., BilevelProblem], options: dict[str, float]
) -> None:
    problem = make_problem("timm:test_resnet", pictures=4)
    torch.manual_seed(0)
    network = timm.create_model("test_resnet", num_classes=0, **options)
    heads = problem.network
    backbone = TimmBackbone(network, (0.5,) * 3, (0.5,) * 3)
    bare = BaseNet(backbone, heads.action_units.out_features, heads.expressions.out_features).double()
    problem = replace(problem, network=bare)
    torch.manual_seed(5)
    reference = DoubleBackward()(problem)
    torch.manual_seed(6)
    other = DoubleBackward()(problem)
    # Blocks of residual networks begin as zero: only gradients see which of them were left out.
    assert (other.gradients[0] - reference.gradients[0]).norm() > 0.01 * reference.gradients[0].norm()
    for estimator in EXACT:
        torch.manual_seed(5)
        same(ESTIMATORS[estimator](problem), reference)
