"""One process stands for all here; tests/training/test_together.py has two."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, nn
from torch.func import functional_call

from metafacs.models.synchronised import SynchronisedBatchNorm, synchronise


def derivatives(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Return outputs, a gradient by parameters and pictures, and a gradient of that."""
    images = images.clone().requires_grad_()
    known = [*network.parameters(), images]
    outputs = network(images)
    first = torch.autograd.grad(outputs.pow(3).sum(), known, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), known)
    return [outputs, *first, *second]


@pytest.mark.parametrize("momentum", [0.1, None])
def test_computes_what_batch_norm_computes_up_to_the_second_derivative(momentum: float | None) -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=momentum), nn.Flatten()).double()
    plain.append(nn.BatchNorm1d(36, affine=False).double())
    together = copy.deepcopy(plain)
    synchronise(together)
    assert isinstance(together[1], SynchronisedBatchNorm)
    images = torch.randn(6, 3, 5, 5, dtype=torch.float64)
    for mine, theirs in zip(derivatives(together, images), derivatives(plain, images), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)
    assert together.state_dict().keys() == plain.state_dict().keys()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(together.state_dict()[name], value)
    torch.testing.assert_close(together.eval()(images), plain.eval()(images))


def test_forward_derivatives_are_those_of_batch_norm() -> None:
    plain = nn.BatchNorm2d(3).double()
    network = nn.Sequential(copy.deepcopy(plain))
    synchronise(network)
    images, along = torch.randn(2, 6, 3, 5, 5, dtype=torch.float64)
    found = []
    for layer in (network[0], plain):
        with forward_ad.dual_level():
            weight = forward_ad.make_dual(layer.weight.detach(), torch.ones(3, dtype=torch.float64))
            told = functional_call(layer, {"weight": weight}, (forward_ad.make_dual(images, along),))
            found.append(forward_ad.unpack_dual(told).tangent)
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


def test_parameters_are_kept_so_that_optimisers_still_hold_them() -> None:
    network = nn.Sequential(nn.BatchNorm2d(4))
    before = list(network.parameters())
    synchronise(network)
    assert [id(p) for p in network.parameters()] == [id(p) for p in before]


class Rectified(nn.BatchNorm2d):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.drop, self.act = nn.Identity(), nn.SiLU()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.act(self.drop(super().forward(inputs)))


class Twice(nn.BatchNorm2d):
    def forward(self, inputs: Tensor) -> Tensor:
        return 2 * super().forward(inputs)


def test_what_rectifies_in_the_same_module_still_does() -> None:
    plain = nn.Sequential(Rectified(3))
    together = copy.deepcopy(plain)
    synchronise(together)
    images = torch.randn(6, 3, 5, 5)
    torch.testing.assert_close(together(images), plain(images))


def test_classes_that_do_more_are_refused() -> None:
    with pytest.raises(ValueError, match="what normalises with Twice cannot be trained by several processes"):
        synchronise(nn.Sequential(Twice(3)))


def test_half_precision_comes_back_as_it_was() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3))
    synchronise(network)
    assert network(torch.randn(6, 3, 5, 5, dtype=torch.bfloat16)).dtype == torch.bfloat16
