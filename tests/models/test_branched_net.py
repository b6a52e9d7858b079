"""E_f and E_au without adaptation."""

from __future__ import annotations

import torch

from metafacs.models.branched_net import BranchedNet
from metafacs.models.model_file import modernised


def test_a_file_that_calls_e_f_by_its_old_name_is_read() -> None:
    torch.manual_seed(0)
    net, other = BranchedNet((1, 12), 4), BranchedNet((1, 12), 4)
    old = {name.replace("extractors.0.", "extractor."): tensor for name, tensor in net.state_dict().items()}
    assert "extractor.layers.0.weight" in old
    other.load_state_dict(modernised(old, other))
    for name, tensor in net.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name
