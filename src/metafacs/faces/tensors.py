"""Turns crops into the input of the networks."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_tensor(crops: NDArray[np.uint8] | Tensor) -> Tensor:
    """Return crops as network input in [-1, 1]: mean .5, standard deviation .5, as ADLD.

    Args:
        crops: ``batch x height x width x 3``, uint8.

    Returns:
        ``batch x 3 x height x width``, float32, in channels-last memory order.

    Raises:
        ValueError: If the crops are not such an array.

    >>> to_tensor(np.array([0, 255, 255] * 2, np.uint8).reshape(1, 1, 2, 3))[0, :, 0, 0].tolist()
    [-1.0, 1.0, 1.0]
    """
    batch = torch.from_numpy(np.ascontiguousarray(crops)) if isinstance(crops, np.ndarray) else crops
    if batch.dtype != torch.uint8 or batch.dim() != 4 or batch.shape[-1] != 3:
        raise ValueError(
            f"crops are batch x height x width x 3 of uint8, not {tuple(batch.shape)} of {batch.dtype}"
        )
    return batch.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
