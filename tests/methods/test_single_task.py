from __future__ import annotations

import torch

from metafacs.batch import Batch
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import SMALL


def test_unknown_labels_send_no_gradient() -> None:
    torch.manual_seed(0)
    method = SingleTask((1, 12), backbone=SMALL)
    images = torch.randn(4, 3, 32, 32)
    targets = torch.tensor([[1.0, float("nan")]] * 4)
    loss = method.losses({"au": Batch(images, action_units=targets)})["loss_action_units"]
    (gradient,) = torch.autograd.grad(loss, [method.network.action_units.weight])
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0


def test_loss_is_the_mean_of_the_sums_over_aus() -> None:
    torch.manual_seed(0)
    method = SingleTask((1, 12), backbone=SMALL)
    batch = Batch(torch.randn(4, 3, 32, 32), action_units=torch.tensor([[1.0, 0.0]] * 4))
    logits = method.network(batch.images).action_units.double()
    p = torch.sigmoid(logits)
    expected = -(torch.log(p[:, 0]) + torch.log(1 - p[:, 1])).mean()
    assert torch.allclose(method.losses({"au": batch})["loss_action_units"].double(), expected, atol=1e-5)
