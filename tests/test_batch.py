from __future__ import annotations

import pytest
import torch

from metafacs.batch import Batch


def test_moves_every_tensor_and_keeps_what_is_unknown() -> None:
    batch = Batch(
        torch.zeros(2, 3, 4, 4),
        action_units=torch.zeros(2, 5),
        intensities=torch.zeros(2, 5),
        index=torch.arange(2),
    )
    moved = batch.to("meta")
    assert len(batch) == 2
    assert moved.images.device.type == moved.action_units.device.type == moved.index.device.type == "meta"
    assert moved.intensities.device.type == "meta"
    assert moved.expression is None
    assert batch.images.device.type == "cpu"


def test_missing_labels_are_named() -> None:
    with pytest.raises(
        ValueError, match="carries no expression; train from a store that has expression labels"
    ):
        Batch(torch.zeros(1, 3, 4, 4)).require("expression")
