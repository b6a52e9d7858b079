from __future__ import annotations

import torch
from torch.nn import functional

from metafacs.batch import Batch
from metafacs.methods.source_only import SourceOnly


def test_loss_is_the_rate_weighted_cross_entropy() -> None:
    torch.manual_seed(0)
    method = SourceOnly((1, 12), width=4).double()
    labels = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    method.observe_labels({"source": labels})
    torch.testing.assert_close(method.au_weights.float(), torch.tensor([2 / 3, 4 / 3]))
    source = Batch(torch.randn(4, 3, 32, 32).double(), action_units=labels)
    logits = method.network(source.images)
    expected = functional.binary_cross_entropy_with_logits(logits, labels.double(), weight=method.au_weights)
    torch.testing.assert_close(method.losses({"source": source})["loss_action_units"], expected)
