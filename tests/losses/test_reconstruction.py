from __future__ import annotations

import pytest
import torch

from metafacs.losses.reconstruction import reconstruction_loss


def test_alignment_is_equation_8_averaged_over_channels() -> None:
    torch.manual_seed(0)
    wide = torch.randn(2, 2, 4, 3, 3, dtype=torch.float64)
    narrow = torch.randn(2, 2, 1, 3, 3, dtype=torch.float64)
    expected = []
    for sample in range(2):
        total = 0.0
        for restored, original in (wide, narrow):
            difference = (restored[sample] - original[sample]).flatten().tolist()
            total += sum(map(abs, difference)) / len(difference)
        expected.append(total)
    pairs = [(wide[0], wide[1]), (narrow[0], narrow[1])]
    torch.testing.assert_close(reconstruction_loss(pairs).tolist(), expected)
    restored = wide[0].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: reconstruction_loss([(x, wide[1]), pairs[1]]), restored)


def test_pairs_must_exist_and_fit() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        reconstruction_loss([])
    with pytest.raises(ValueError, match="one shape"):
        reconstruction_loss([(torch.zeros(1, 2, 3, 3), torch.zeros(1, 3, 3, 3))])
