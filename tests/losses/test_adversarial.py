from __future__ import annotations

import pytest
import torch

from metafacs.losses.adversarial import domain_loss, one_hot_map_loss, uniform_map_loss


def test_discriminator_of_landmarks_is_equation_4_over_known_landmarks() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    cells = torch.tensor([[0, 15, -1], [7, 7, 3]])
    expected = []
    for face in range(2):
        terms = []
        for number in range(3):
            if cells[face, number] < 0:
                continue
            total = 0.0
            for k, value in enumerate(maps[face, number].flatten().tolist()):
                total += (value - (1 if k == cells[face, number] else 0)) ** 2
            terms.append(total / 16)
        expected.append(sum(terms) / len(terms))
    torch.testing.assert_close(one_hot_map_loss(maps, cells).tolist(), expected)
    assert torch.autograd.gradcheck(lambda x: one_hot_map_loss(x, cells), maps)
    (gradient,) = torch.autograd.grad(one_hot_map_loss(maps, cells).sum(), maps)
    assert gradient[0, 2].abs().sum() == 0
    one_hot = torch.nn.functional.one_hot(cells[1:], 16).double().unflatten(2, (4, 4))
    assert one_hot_map_loss(one_hot, cells[1:]).item() == 0


def test_background_is_equation_5() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    expected = [sum((v - 1 / 16) ** 2 for v in face.flatten().tolist()) / (3 * 16) for face in maps]
    torch.testing.assert_close(uniform_map_loss(maps).tolist(), expected)
    assert torch.autograd.gradcheck(uniform_map_loss, maps)


def test_domain_loss_is_least_squares() -> None:
    scores = torch.tensor([-1.0, 0.25, 2.0], dtype=torch.float64, requires_grad=True)
    assert domain_loss(scores, real=True).tolist() == [4.0, 0.5625, 1.0]
    assert domain_loss(scores, real=False).tolist() == [1.0, 0.0625, 4.0]
    assert torch.autograd.gradcheck(lambda s: domain_loss(s, real=True), scores)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="height x width"):
        uniform_map_loss(torch.zeros(2, 3, 4))
    with pytest.raises(ValueError, match="cells batch x landmark"):
        one_hot_map_loss(torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, dtype=torch.long))
