"""A drawn batch: pictures as bytes, a quarter of what a network reads, and what is yet to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.data.changes import Changes
from metafacs.faces.tensors import to_tensor


@dataclass(frozen=True)
class Drawn:
    """What a stream has drawn: it lies in the processor's memory until :meth:`on` makes a batch of it.

    Attributes:
        pictures: ``batch x height x width x 3``, uint8, windows of crops as they were cut.
        changes: What is done to the pictures where the batch is made.
        known: Everything else, under the names of :class:`metafacs.batch.Batch`.
    """

    pictures: Tensor
    changes: Changes | None = None
    known: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pictures)

    def with_known(self, **known: Tensor | None) -> Drawn:
        """Return it with other labels; None takes some away."""
        merged = {**self.known, **known}
        return replace(self, known={name: value for name, value in merged.items() if value is not None})

    def changed(self) -> Drawn:
        """Return it with its changes done, unless they are better done on the device of the batch."""
        if self.changes is None or self.changes.portable:
            return self
        return replace(self, pictures=self.changes.applied(self.pictures), changes=None)

    def pinned(self) -> Drawn:
        """Return it in memory that a CUDA device copies from while the processor goes on."""
        known = {name: value.pin_memory() for name, value in self.known.items()}
        return replace(self, pictures=self.pictures.pin_memory(), known=known)

    def on(self, device: torch.device | str = "cpu") -> Batch:
        """Return the batch on a device: its pictures are changed and become the network's input there."""
        here = self.changed()
        pictures = here.pictures.to(device, non_blocking=True)
        if here.changes is not None:
            pictures = here.changes.applied(pictures)
        known = {name: value.to(device, non_blocking=True) for name, value in here.known.items()}
        return Batch(to_tensor(pictures), **known)
