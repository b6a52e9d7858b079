"""The factor that keeps gradients in float16 from becoming zero."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from metafacs.methods.base import DivergedError

SMALLEST, LARGEST = 1.0, 2.0**24


class LossScale:
    """A factor of losses that is as large as their gradients in float16 allow.

    float16 ends at 6e-8 downwards and at 65,504 upwards. A loss is multiplied before its gradient is taken
    and the gradient, in float32, divided afterwards. A gradient that is too large halves the factor and moves
    nothing; after :attr:`PATIENCE` steps that fit, it is doubled. Whether a gradient fits must be known
    before the step, so a GPU is waited for once a step; bfloat16 needs none of this.

    Attributes:
        value: The factor, a power of two.
        fitting: Steps in a row that fitted since the factor changed.
    """

    PATIENCE = 2000

    def __init__(self, value: float = 2.0**16, fitting: int = 0) -> None:
        self.value, self.fitting = value, fitting

    @property
    def state(self) -> tuple[float, int]:
        """What the constructor takes to go on from here."""
        return self.value, self.fitting

    def enlarged(self, loss: Tensor) -> Tensor:
        """Return the loss to take the gradient of."""
        return loss * self.value

    def restored(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """Return the gradients of the loss itself."""
        return list(torch._foreach_mul(list(gradients), 1 / self.value))

    def fits(self, norm: Tensor) -> bool:
        """Return whether gradients with this norm can be used; set the factor for the next ones.

        Raises:
            DivergedError: If they are not finite although the loss was not enlarged.
        """
        if bool(norm.isfinite()):
            self.fitting += 1
            if self.fitting == self.PATIENCE:
                self.value, self.fitting = min(2 * self.value, LARGEST), 0
            return True
        if self.value <= SMALLEST:
            raise DivergedError("gradients are not finite in float16, however small the loss is made")
        self.value, self.fitting = self.value / 2, 0
        return False
