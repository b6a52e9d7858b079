from __future__ import annotations

import pytest
import torch

from metafacs.batch import Batch
from metafacs.facs import EXPRESSIONS
from metafacs.methods.multi_task import MultiTask
from metafacs.models.backbones import SMALL


def batches() -> dict[str, Batch]:
    torch.manual_seed(1)
    return {
        "au": Batch(torch.randn(4, 3, 32, 32), action_units=torch.rand(4, 2).round()),
        "expression": Batch(torch.randn(6, 3, 32, 32), expression=torch.arange(6)),
    }


@pytest.mark.parametrize("balance", [0.0, 1.0, 2.5])
def test_balance_scales_the_expression_loss_only(balance: float) -> None:
    found = {}
    for value in (1.0, balance):
        torch.manual_seed(0)
        found[value] = MultiTask((1, 12), EXPRESSIONS, backbone=SMALL, balance=value).losses(batches())
    assert torch.equal(found[balance]["loss_action_units"], found[1.0]["loss_action_units"])
    assert torch.allclose(found[balance]["loss_expression"], balance * found[1.0]["loss_expression"])


def test_missing_labels_are_named() -> None:
    method = MultiTask((1, 12), EXPRESSIONS, backbone=SMALL)
    broken = {**batches(), "expression": Batch(torch.randn(6, 3, 32, 32))}
    with pytest.raises(ValueError, match="no expression"):
        method.losses(broken)
