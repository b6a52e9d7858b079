from __future__ import annotations

import torch

from metafacs.batch import Batch
from metafacs.facs import EXPRESSIONS
from metafacs.methods.single_task_expression import SingleTaskExpression
from metafacs.models.backbones import SMALL
from metafacs.models.networks import BaseNet


def test_loss_is_the_mean_cross_entropy_of_known_expressions() -> None:
    torch.manual_seed(0)
    method = SingleTaskExpression(EXPRESSIONS, backbone=SMALL)
    batch = Batch(torch.randn(4, 3, 32, 32), expression=torch.tensor([0, 3, 6, 3]))
    loss = method.losses({"expression": batch})["loss_expression"]
    expected = -method.predict(batch.images).expressions.log()[range(4), batch.expression].mean()  # type: ignore[union-attr, index]
    torch.testing.assert_close(loss, expected)


def test_it_detects_no_action_units_and_is_named_like_the_base_net() -> None:
    method = SingleTaskExpression(EXPRESSIONS, backbone=SMALL)
    assert method.aus == ()
    assert method.eval().predict(torch.randn(2, 3, 32, 32)).probabilities.shape == (2, 0)
    base = BaseNet(method.network["backbone"], 2, len(EXPRESSIONS))
    names = {f"network.{name}" for name, _ in base.named_parameters() if not name.startswith("action_units")}
    assert {name for name, _ in method.named_parameters()} == names
