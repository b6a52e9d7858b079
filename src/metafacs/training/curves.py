"""What an iteration tells of itself, kept on the device until somebody looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def curve_values(points: Sequence[Mapping[str, Tensor | float]]) -> dict[str, list[float]]:
    """Return curve name -> its values at points that all tell the same curves.

    All come from the device at once: it has to be waited for.

    >>> curve_values([{"loss": torch.tensor(0.5), "share": 1.0}, {"loss": torch.tensor(0.25), "share": 0.0}])
    {'loss': [0.5, 0.25], 'share': [1.0, 0.0]}
    """
    names = list(points[0]) if points else []
    values = [point[name] for point in points for name in names]
    tensors = [value.detach() for value in values if isinstance(value, Tensor)]
    told = iter(torch.stack(tensors).tolist() if tensors else [])
    numbers = [next(told) if isinstance(value, Tensor) else float(value) for value in values]
    return {name: numbers[k :: len(names)] for k, name in enumerate(names)}
