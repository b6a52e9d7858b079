"""How a run is computed: what changes its speed and its rounding, not what it learns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from lightning_fabric import Fabric

from metafacs.hypergradient.finite_difference import check_precision
from metafacs.methods.base import Learner, SingleLossMethod
from metafacs.parsing import check_number
from metafacs.training.loading import MOST_THREADS

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True)
class Computing:
    """What changes how fast a run is computed.

    Attributes:
        threads: Batches drawn at a time; default one where the processor trains, else up to 8. They are the
            same with any number.
        tf32: Let an NVIDIA GPU multiply float32 with 10 bits of precision instead of 23, several times as
            fast.
        cudnn_benchmark: Let cuDNN try its algorithms at the first batch and keep the fastest; which one that
            is may change from run to run, and with it the rounding.
        channels_last: Keep weights of convolutions in the memory order of the pictures.
        compile: Compile the networks with ``torch.compile``, for methods with a single loss.

    Raises:
        ValueError: If the number of threads is not from 1 to 64.
    """

    threads: int | None = None
    tf32: bool = False
    cudnn_benchmark: bool = False
    channels_last: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        if self.threads is not None:
            check_number("computing.threads", self.threads, 1, MOST_THREADS)

    def told(self) -> dict[str, Any]:
        """Return what a record says of it: all that may change the rounding."""
        return {name: value for name, value in asdict(self).items() if name != "threads"}

    def prepare(self, learner: Learner) -> None:
        """Make a learner's networks ready, before its optimisers see the parameters."""
        if self.channels_last:
            learner.to(memory_format=torch.channels_last)
        if self.compile:
            for network in learner.children():
                network.compile()

    @contextmanager
    def settings(self) -> Iterator[None]:
        """Set torch's switches inside, and set them back."""
        matrices, networks = torch.backends.cuda.matmul, torch.backends.cudnn
        before = matrices.allow_tf32, networks.allow_tf32, networks.benchmark
        try:
            matrices.allow_tf32 = networks.allow_tf32 = self.tf32
            networks.benchmark = self.cudnn_benchmark
            yield
        finally:
            matrices.allow_tf32, networks.allow_tf32, networks.benchmark = before


USUAL_COMPUTING = Computing()
COMPUTING = "computing"
"""Where in a model's description that is; those of earlier versions have nothing there."""


def fabric_on(device: torch.device, precision: Precision = "32-true") -> Fabric:
    """Return Fabric for one process on one device."""
    return Fabric(accelerator=device.type, devices=[device.index] if device.index else 1, precision=precision)


def check_computing(
    name: str,
    kind: type[Learner],
    precision: Precision,
    computing: Computing,
    device: torch.device,
    estimator: str | None = None,
) -> None:
    """Fail if a method cannot be trained so.

    Args:
        name: Of the method.
        kind: Its class.
        precision: Of the numbers.
        computing: How it is to be computed.
        device: Where.
        estimator: Of the meta gradient, for methods that have one.

    Raises:
        ValueError: If float16 is asked of a processor, or float16 or compiling of a method that does more
            than descend one loss, or less than float32 of finite differences.
    """
    single = issubclass(kind, SingleLossMethod)
    if precision == "16-mixed":
        if device.type == "cpu":
            raise ValueError(
                "precision 16-mixed is for GPUs; a processor trains in 32-true, or in bf16-mixed if it is "
                "fast at it"
            )
        if not single:
            raise ValueError(
                f"{name} takes several steps, or differentiates through one: in float16, where a step may "
                "have to be left out, they would come apart. Use bf16-mixed, or 32-true"
            )
    if computing.compile and not single:
        raise ValueError(
            f"computing.compile is for methods with a single loss; {name} differentiates through its "
            "networks, or steps several of them in turn, which a compiled network may do wrong: leave it out"
        )
    if estimator == "finite_difference":
        check_precision(half=precision != "32-true", tf32=computing.tf32 and device.type == "cuda")
