from __future__ import annotations

import pytest
import torch

from metafacs.losses.expression import expression_loss


def test_loss_is_equation_2() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(5, 7, dtype=torch.float64), torch.tensor([0, 6, 3, 3, 1])
    one_hot = torch.eye(7, dtype=torch.float64)[targets]
    written_out = -(one_hot * torch.log(logits.exp() / logits.exp().sum(1, keepdim=True))).sum(1)
    torch.testing.assert_close(expression_loss(logits, targets), written_out)


def test_unknown_expression_costs_nothing_and_sends_no_gradient() -> None:
    logits = torch.randn(3, 7, requires_grad=True)
    loss = expression_loss(logits, torch.tensor([2, -1, -1]))
    loss.sum().backward()
    assert loss[1] == loss[2] == 0
    assert logits.grad is not None
    assert logits.grad[0].abs().sum() > 0
    assert logits.grad[1:].abs().sum() == 0


def test_class_weights_scale_their_class() -> None:
    logits, targets = torch.randn(4, 3), torch.tensor([0, 1, 2, -1])
    weights = torch.tensor([1.0, 2.0, 3.0])
    expected = expression_loss(logits, targets) * torch.tensor([1.0, 2.0, 3.0, 0.0])
    torch.testing.assert_close(expression_loss(logits, targets, class_weights=weights), expected)


def test_gradients_exist_twice_and_forward() -> None:
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 3, -1])
    assert torch.autograd.gradcheck(lambda x: expression_loss(x, targets), logits, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda x: expression_loss(x, targets), logits)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="batch x expression"):
        expression_loss(torch.zeros(2, 7), torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match="class indices"):
        expression_loss(torch.zeros(2, 7), torch.zeros(2))
