"""Meta gradients through networks of timm: exact or not, and what they cost beside double backward.

``python benchmarks/timm_backbones.py [NAME ...] [--out table.md]`` prints a table. Every network starts at
random, in training mode, with two pictures to learn from and two to be judged by, 64 px, in float64 and on
one thread. The error is that of the meta gradient against double backward, relative to its norm. The cost is
processor time of the second call, as a share of double backward's.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from metafacs.hypergradient import ESTIMATORS
from metafacs.hypergradient.problem import BilevelProblem
from metafacs.hypergradient.updates import PlainSGD
from metafacs.models.backbones import Backbone
from metafacs.models.networks import BaseNet, Outputs
from metafacs.models.timm_backbone import TimmModel
from metafacs.models.weight_net import WeightNet

NAMES = (
    "resnet10t",
    "resnet18d",
    "mobilenetv3_small_100",
    "mobilenetv4_conv_small",
    "ghostnet_100",
    "regnety_002",
    "convnextv2_atto",
    "repvit_m0_9",
    "fastvit_t8",
    "edgenext_xx_small",
    "vit_tiny_patch16_224",
)
"""What docs/how-to/choose_a_method.md lists."""

AUS = 5
COMPARED = ("tangent", "forward_mode")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--out", type=Path, help="file for the table, too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    heads = ["network", "parameters, million", "features"]
    heads += [cell for name in COMPARED for cell in (f"`{name}`: error", "cost")] + ["licence of the weights"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    print("\n".join(lines), flush=True)
    for name in arguments.names:
        lines.append(row(name))
        print(lines[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


def row(name: str) -> str:
    """Return a network's line of the table."""
    problem = problem_of(name)
    reference, slowest = measured(problem, "double_backward")
    cells = []
    for estimator in COMPARED:
        try:
            found, seconds = measured(problem, estimator)
        except ValueError:
            cells += ["refused", ""]
            continue
        error = float((found - reference).norm() / reference.norm())
        cells += [f"{error:.0e}", f"{seconds / slowest:.2f}"]
    million = sum(parameter.numel() for parameter in problem.network.parameters()) / 1e6
    width, licence = problem.network.features, TimmModel(f"timm:{name}").source()["licence"]
    return f"| `{name}` | {million:.1f} | {width} | {' | '.join(cells)} | {licence} |"


def measured(problem: BilevelProblem, estimator: str) -> tuple[Tensor, float]:
    """Return the meta gradient, and the processor time of one that is not the first."""
    for _ in range(2):
        torch.manual_seed(5)
        begin = time.process_time()
        found = ESTIMATORS[estimator](problem)
        seconds = time.process_time() - begin
    return torch.cat([gradient.flatten() for gradient in found.gradients]), seconds


def problem_of(name: str) -> BilevelProblem:
    """Return a small problem of learning sample weights."""
    torch.manual_seed(0)
    network = BaseNet(Backbone(f"timm:{name}").build(), AUS).double()
    weight_net = WeightNet(network.features).double()
    torch.nn.init.normal_(weight_net.linear.weight, std=0.3)
    images, judged = torch.randn(2, 2, 3, 64, 64, dtype=torch.float64).unbind()
    targets, answers = (torch.rand(2, 2, AUS) < 0.4).double().unbind()

    def losses(outputs: Outputs) -> Tensor:
        each = functional.binary_cross_entropy_with_logits(outputs.action_units, targets, reduction="none")
        return each.sum(1)

    def weights(outputs: Outputs) -> Tensor:
        raw = weight_net(outputs.features.detach()).squeeze(1)
        return raw / raw.sum()

    return BilevelProblem(
        network=network,
        images=images,
        losses=losses,
        weights=weights,
        meta_parameters=list(weight_net.parameters()),
        validation_images=judged,
        validation_loss=lambda outputs: functional.binary_cross_entropy_with_logits(
            outputs.action_units, answers
        ),
        update=PlainSGD(0.1),
    )


if __name__ == "__main__":
    main()
