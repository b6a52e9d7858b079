"""Loss that holds reconstructed features to the original ones, element by element."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from metafacs.precision import in_float32


@in_float32
def reconstruction_loss(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the L1 distance of each sample's reconstructed features from their originals.

    Implements Eq. (8) of Shang & Liu (dual-domain AU detection) for one domain; F' and F, F'_l and F_l, F'_b
    and F_b -> the pairs. Differs from the paper: each pair's distance is averaged over its channels too, not
    only over its places, so that one weight fits features of 1 and of 64 channels.

    Args:
        pairs: Reconstructed and original features, each ``batch x channel x height x width``; the number of
            channels may differ from pair to pair.

    Returns:
        ``batch``, non-negative, the sum over the pairs.

    Raises:
        ValueError: If there is no pair or the two of a pair differ in shape.

    >>> reconstruction_loss([(torch.ones(1, 2, 3, 3), torch.zeros(1, 2, 3, 3))] * 2)
    tensor([2.])
    """
    if not pairs:
        raise ValueError("there is nothing to align: give at least one pair of features")
    for restored, original in pairs:
        if restored.shape != original.shape:
            raise ValueError(
                "reconstructed and original features must have one shape, "
                f"but theirs are {tuple(restored.shape)} and {tuple(original.shape)}"
            )
    distances = [(restored - original).abs().flatten(1).mean(dim=1) for restored, original in pairs]
    return torch.stack(distances).sum(dim=0)
