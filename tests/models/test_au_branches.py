from __future__ import annotations

import torch
from torch import nn

from metafacs.models.au_branches import ActionUnitBranches


def test_branches_are_four_convolutions_a_mean_and_a_linear_layer() -> None:
    torch.manual_seed(0)
    detector = ActionUnitBranches(6, (1, 4, 12)).double().train()
    features = torch.randn(4, 6, 5, 7, dtype=torch.float64, requires_grad=True)
    expected = []
    for branch in detector.branches.values():
        *layers, last, linear = branch
        convolution = nn.Conv2d(6, 6, 3, padding=1).double()
        convolution.load_state_dict(last.state_dict())
        maps = features
        for layer in layers:
            maps = layer(maps)
        expected.append(linear(convolution(maps).mean(dim=(2, 3))))
    logits, reference = detector(features), torch.cat(expected, dim=1)
    assert logits.shape == (4, 3)
    torch.testing.assert_close(logits, reference)
    own = torch.autograd.grad(logits.square().sum(), [features, *detector.parameters()])
    (first,) = torch.autograd.grad(reference.square().sum(), [features])
    torch.testing.assert_close(own[0], first)


def test_gradient_of_the_mean_of_a_convolution() -> None:
    torch.manual_seed(0)
    last = ActionUnitBranches(2, (12,)).double().branches["12"][-2]
    maps = torch.randn(2, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(last, maps)
    (own,) = torch.autograd.grad(last(maps).square().sum(), last.weight)
    plain = torch.nn.functional.conv2d(maps, last.weight, last.bias, padding=1).mean(dim=(2, 3))
    (reference,) = torch.autograd.grad(plain.square().sum(), last.weight)
    torch.testing.assert_close(own, reference)


def test_every_unit_has_a_branch_of_its_own() -> None:
    detector = ActionUnitBranches(4, (1, 4, 12)).eval()
    features = torch.randn(2, 4, 8, 8)
    before = detector(features)
    with torch.no_grad():
        detector.branches["4"][0].weight.mul_(2)
    changed = (detector(features) != before).any(dim=0)
    assert changed.tolist() == [False, True, False]
