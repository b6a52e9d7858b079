"""The batch: the one structure that flows from data streams through methods, losses and metrics."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Pictures with whatever is known about them.

    Attributes:
        images: ``batch x 3 x height x width``, float, normalised by the transform of the stream.
        action_units: ``batch x au``, float, 1 present, 0 absent, NaN unknown. The AU order is the
            stream's ``aus``.
        intensities: ``batch x au``, float, FACS intensity from 0 (absent) over 1 to 5 (levels A to E), maybe
            with fractions, NaN unknown; columns as ``action_units``.
        expression: ``batch``, long, class index into the stream's expression names; -1 unknown.
        landmarks: ``batch x 68 x 2``, float, iBUG's points as (x, y) in pixels of ``images``, the centre of
            the first pixel at (0, 0); NaN unknown.
        pose: ``batch x 3``, float, yaw, pitch and roll of the head in radians as ``images`` show it; NaN
            unknown.
        subject: ``batch``, long, code of the person within the stream; -1 unknown.
        index: ``batch``, long, row in the prepared store.

    >>> batch = Batch(torch.zeros(2, 3, 64, 64), action_units=torch.tensor([[1.0], [float("nan")]]))
    >>> len(batch), batch.require("action_units").isnan().squeeze().tolist()
    (2, [False, True])
    """

    images: Tensor
    action_units: Tensor | None = None
    intensities: Tensor | None = None
    expression: Tensor | None = None
    landmarks: Tensor | None = None
    pose: Tensor | None = None
    subject: Tensor | None = None
    index: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch with every tensor on ``device``."""
        moved = {
            field.name: value.to(device)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, **moved)

    def parts(self, count: int) -> list[Batch]:
        """Return the batch cut in order into equally large ones.

        Raises:
            ValueError: If it cannot be cut so.

        >>> [len(part) for part in Batch(torch.zeros(6, 3, 8, 8)).parts(3)]
        [2, 2, 2]
        """
        if len(self) % count:
            raise ValueError(f"a batch of {len(self)} pictures cannot be cut into {count} equal ones")
        size = len(self) // count
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return [
            replace(self, **{n: v[k : k + size] for n, v in known.items() if isinstance(v, Tensor)})
            for k in range(0, len(self), size)
        ]

    def require(self, name: str) -> Tensor:
        """Return the named tensor or fail with a sentence that says which label is missing.

        Raises:
            ValueError: If the stream that made this batch carries no such labels.
        """
        value = getattr(self, name)
        if value is None:
            raise ValueError(f"this batch carries no {name}; train from a store that has {name} labels")
        return value
