from __future__ import annotations

import torch

from metafacs.models.small import SmallBackbone


def test_the_grid_is_an_identity_at_64_pixels() -> None:
    backbone = SmallBackbone().eval()
    maps = backbone.stages(torch.randn(2, 3, 64, 64))
    assert maps.shape[2:] == (8, 8)
    torch.testing.assert_close(backbone.grid(maps), maps, rtol=0, atol=0)


def test_fits_a_handful_of_pictures() -> None:
    torch.manual_seed(0)
    backbone = SmallBackbone(features=32, channels=(8, 8, 8, 8))
    head = torch.nn.Linear(32, 2)
    images, targets = torch.randn(8, 3, 64, 64), torch.randint(0, 2, (8, 2)).float()
    optimizer = torch.optim.Adam([*backbone.parameters(), *head.parameters()], 1e-2)
    losses = []
    for _ in range(20):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(head(backbone(images)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
