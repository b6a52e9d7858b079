"""Repeat a forward pass with the random numbers of an earlier one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from metafacs.models.devices import random_states, restore_random_states


@dataclass(frozen=True)
class RandomState:
    """The state of torch's generators at one moment: the CPU's and the device's."""

    cpu: Tensor
    beside: Mapping[str, Tensor]
    device: torch.device

    @classmethod
    def capture(cls, device: torch.device) -> RandomState:
        """Return the state now."""
        return cls(torch.get_rng_state(), random_states(device), device)

    def restore(self) -> None:
        """Go back to this state."""
        torch.set_rng_state(self.cpu)
        restore_random_states(self.beside, self.device)

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """Draw the same random numbers again inside, then go on as if nothing had been drawn."""
        later = RandomState.capture(self.device)
        self.restore()
        try:
            yield
        finally:
            later.restore()
