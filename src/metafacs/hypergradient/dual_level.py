"""Torch's forward differentiation without its noise."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch.autograd.forward_ad as forward_ad


@contextmanager
def quiet_dual_level() -> Iterator[None]:
    """Enter a dual level without the deprecation notice torch gives of its own code at the first one.

    Raises:
        ValueError: If torch has no forward derivative of an operation inside.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=DeprecationWarning)
        try:
            with forward_ad.dual_level():
                yield
        except NotImplementedError as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"torch has no forward derivative of an operation of the network ({reason}); use the "
                "estimator double_backward"
            ) from error
