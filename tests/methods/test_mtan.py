from __future__ import annotations

import pytest
import torch

from metafacs.batch import Batch
from metafacs.facs import EXPRESSIONS
from metafacs.methods.mtan import MTAN
from metafacs.models.backbones import SMALL


@pytest.mark.parametrize(
    ("loss", "own", "other"),
    [
        ("loss_action_units", "action_units", "expressions"),
        ("loss_expression", "expressions", "action_units"),
    ],
)
def test_a_loss_reaches_the_attention_of_its_own_task_only(loss: str, own: str, other: str) -> None:
    torch.manual_seed(0)
    # In training BatchNorm of the shared parts lets each picture depend a little on every other.
    method = MTAN((1, 12), EXPRESSIONS, backbone=SMALL).eval()
    batches = {
        "au": Batch(torch.randn(4, 3, 32, 32), action_units=torch.rand(4, 2).round()),
        "expression": Batch(torch.randn(6, 3, 32, 32), expression=torch.arange(6)),
    }
    method.losses(batches)[loss].backward()
    net = method.network
    assert all(p.grad.abs().sum() > 0 for p in net.attention[own].parameters())
    assert all(
        p.grad is None or not p.grad.any()
        for module in (net.attention[other], net.heads[other])
        for p in module.parameters()
    )
    assert all(p.grad.abs().sum() > 0 for p in net.encoders.parameters())
