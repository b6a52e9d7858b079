from __future__ import annotations

import torch

from metafacs.models.gradient_reversal import reverse_gradient


def test_forward_is_the_identity_and_backward_is_reversed() -> None:
    features = torch.randn(3, 2, requires_grad=True)
    reversed_ = reverse_gradient(features, 0.3)
    assert torch.equal(reversed_, features)
    (2 * reversed_).sum().backward()
    torch.testing.assert_close(features.grad, torch.full((3, 2), -0.6))
