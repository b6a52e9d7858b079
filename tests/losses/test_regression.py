from __future__ import annotations

import pytest
import torch

from metafacs.losses.regression import absolute_error, squared_error

NAN = float("nan")


def test_mean_over_what_is_known() -> None:
    predicted = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
    targets = torch.tensor([[[2.0, NAN], [0.0, 4.0]], [[NAN, NAN], [NAN, NAN]]])
    assert absolute_error(predicted, targets).tolist() == pytest.approx([4 / 3, 0.0])


def test_unknown_targets_send_no_gradient() -> None:
    predicted = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.randn(3, 4, dtype=torch.float64)
    targets[0, 1], targets[2] = NAN, NAN
    assert torch.autograd.gradcheck(lambda p: absolute_error(p, targets), (predicted,))
    (gradient,) = torch.autograd.grad(absolute_error(predicted, targets).sum(), predicted)
    assert gradient[0, 1] == 0
    assert (gradient[2] == 0).all()
    assert gradient.isfinite().all()


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 4\)"):
        absolute_error(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="batch x"):
        absolute_error(torch.zeros(2), torch.zeros(2))


def test_squared_errors_are_those_of_torch_where_all_is_known() -> None:
    torch.manual_seed(0)
    predicted, targets = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3)
    expected = torch.nn.functional.mse_loss(predicted, targets, reduction="none").mean(1)
    torch.testing.assert_close(squared_error(predicted, targets), expected)
    targets[1] = torch.nan
    loss = squared_error(predicted, targets)
    assert loss[1] == 0
    loss.sum().backward()
    assert predicted.grad is not None
    assert bool((predicted.grad[1] == 0).all())
    assert bool(predicted.grad.isfinite().all())
