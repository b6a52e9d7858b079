from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from metafacs.hypergradient.problem import BilevelProblem
from metafacs.hypergradient.updates import PlainSGD, UpdateRule
from metafacs.models.backbones import Backbone
from metafacs.models.networks import BaseNet, Outputs
from metafacs.models.weight_net import WeightNet

AUS, CLASSES = 5, 3


class TinyBackbone(nn.Module):
    """Few parameters, and operations of every kind: with a rule, linear, and only torch's own derivative."""

    feature_width = 6

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False, groups=2)
        self.norm2 = nn.BatchNorm2d(4, affine=False)
        self.gate = nn.Conv2d(4, 4, 1)
        self.average = nn.AdaptiveAvgPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(16, 6)
        self.norm3 = nn.BatchNorm1d(6)
        self.scale = nn.Parameter(torch.ones(6))

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool(self.relu(self.norm1(self.conv1(images))))
        x = x + self.norm2(self.conv2(x))
        x = x * torch.sigmoid(self.gate(x))
        x = functional.gelu(self.norm3(self.linear(self.dropout(torch.flatten(self.average(x), 1)))))
        return x * self.scale


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def settle(network: nn.Module, images: Tensor) -> None:
    """Give BatchNorm running statistics that fit the pictures, as after training."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
    network.train()
    with torch.no_grad():
        network(images)
    for norm in norms:
        norm.momentum = 0.1


@pytest.fixture
def make_problem() -> Callable[..., BilevelProblem]:
    """Return a factory of small MAL problems: two tasks, sum-normalised weights, features detached."""

    def make(
        backbone: str = "tiny",
        training: bool = True,
        update: Callable[[BaseNet], UpdateRule] | None = None,
        attached: bool = False,
        dropout: float = 0.0,
        dtype: torch.dtype = torch.float64,
        size: int = 32,
        pictures: int = 4,
    ) -> BilevelProblem:
        torch.manual_seed(0)
        network = BaseNet(
            TinyBackbone(dropout) if backbone == "tiny" else Backbone(backbone).build(), AUS, CLASSES
        )
        weight_net = WeightNet(network.backbone.feature_width).to(dtype)
        nn.init.normal_(weight_net.linear.weight, std=0.3)
        network.to(dtype)
        images = torch.randn(2 * pictures, 3, size, size, dtype=dtype)
        validation_images = torch.randn(pictures + 2, 3, size, size, dtype=dtype)
        targets = (torch.rand(pictures, AUS) < 0.4).to(dtype)
        classes = torch.randint(0, CLASSES, (pictures,))
        validation_targets = (torch.rand(pictures + 2, AUS) < 0.4).to(dtype)
        settle(network, images)
        network.train(training)

        def losses(outputs: Outputs) -> Tensor:
            au = functional.binary_cross_entropy_with_logits(
                outputs.action_units[:pictures], targets, reduction="none"
            )
            assert outputs.expressions is not None
            expression = functional.cross_entropy(outputs.expressions[pictures:], classes, reduction="none")
            return torch.cat([au.sum(1), expression])

        def weights(outputs: Outputs) -> Tensor:
            raw = weight_net(outputs.features if attached else outputs.features.detach()).squeeze(1)
            return raw / raw.sum()

        return BilevelProblem(
            network=network,
            images=images,
            losses=losses,
            weights=weights,
            meta_parameters=list(weight_net.parameters()),
            validation_images=validation_images,
            validation_loss=lambda o: functional.binary_cross_entropy_with_logits(
                o.action_units, validation_targets
            ),
            update=PlainSGD(0.1) if update is None else update(network),
        )

    return make
