"""Several processes that train one method: how they meet, agree, and notice that one of them is gone.

They are never wrapped in DistributedDataParallel, through which a gradient of a gradient is silently wrong.
The stepper and the hypergradients average gradients themselves, see :mod:`metafacs.ranks`.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import torch
from filelock import FileLock, Timeout
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from numpy.random import SeedSequence
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from metafacs.launch import processes_here, processes_started
from metafacs.locks import claimed
from metafacs.methods.base import DivergedError
from metafacs.ranks import Rank, each_rank, mean_over_ranks
from metafacs.tensor_files import first_not_finite
from metafacs.training.computing import Precision, fabric_on

_PATIENCE = 5.0
"""Seconds in which the system lets go of what an ended process held."""


_JOINING = 600.0
"""Seconds in which all processes must have begun."""

_MEETINGS = itertools.count()
"""Numbers of the trainings of this process, which are the same in all that train together."""


class PartnerLostError(RuntimeError, ValueError):
    """Another process of the training has ended; the message names it."""


class UnwrappedStrategy(DDPStrategy):
    """The processes of Fabric's strategy without its wrapper."""

    def setup_module(self, module: nn.Module) -> NoReturn:
        """Refuse to wrap a module.

        Raises:
            TypeError: Always.
        """
        raise TypeError(_WRAPPED)


_WRAPPED = (
    "a gradient of a gradient through DistributedDataParallel is silently wrong; leave the method bare, the "
    "stepper averages gradients over the processes"
)


def refuse_wrapped(method: nn.Module) -> None:
    """Refuse a method of which a part averages gradients behind its back.

    Raises:
        TypeError: Saying what to do.
    """
    if any(isinstance(part, DistributedDataParallel) for part in method.modules()):
        raise TypeError(_WRAPPED)


def meet(device: torch.device, precision: Precision) -> Fabric:
    """Return the devices of a training, and wait for the other processes that torchrun has started.

    Args:
        device: That of a process on its own. Several take the first of its kind on their machine, one each.
        precision: As Fabric names it.

    Raises:
        ValueError: If a device is named by its number, which several processes cannot share.
    """
    if processes_started() == 1:
        return fabric_on(device, precision)
    if device.index:
        raise ValueError(
            f"{processes_started()} processes cannot share {device}; give --accelerator {device.type}, and "
            "hide devices with CUDA_VISIBLE_DEVICES"
        )
    here = processes_here()
    _join(device.type)
    fabric = Fabric(
        accelerator=device.type,
        devices=here,
        num_nodes=processes_started() // here,
        strategy=UnwrappedStrategy(),
        precision=precision,
    )
    fabric.launch()
    return fabric


def _join(kind: str) -> None:
    """Make the process group, which Fabric then takes as it is."""
    own = torch.device(kind, int(os.environ["LOCAL_RANK"])) if kind == "cuda" else None
    shared, rank, count = next(distributed.rendezvous("env://"))
    distributed.init_process_group(
        "gloo" if own is None else "nccl",
        store=_fresh_store(shared, rank),
        rank=rank,
        world_size=count,
        device_id=own,
    )


def _fresh_store(shared: distributed.Store, rank: int) -> distributed.Store:
    """Return a store in which the processes find each other's addresses.

    That of torchrun outlives a restart: who comes first would find the addresses of processes that are gone.
    The first process serves a new one and leaves its port there; an old port answers to nobody.
    """
    address, meeting = os.environ["MASTER_ADDR"], f"metafacs/port/{next(_MEETINGS)}"
    if rank == 0:
        served = distributed.TCPStore(address, 0, is_master=True, wait_for_workers=False)
        shared.set(meeting, str(served.port))
        return served
    until = time.monotonic() + _JOINING
    while True:
        port = int(shared.get(meeting))
        try:
            socket.create_connection((address, port), _PATIENCE).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return distributed.TCPStore(address, port, is_master=False)


def part() -> None:
    """End what :func:`meet` began."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


@contextmanager
def claimed_together(folder: Path, purpose: str, rank: Rank) -> Iterator[None]:
    """Keep others out of the folder of a run, and tell which process has ended if one does.

    Args:
        folder: Of the run; all processes see it.
        purpose: What is done there, see :func:`metafacs.locks.claimed`.
        rank: Which process this is; the first one claims the folder, and writes in it.

    Raises:
        FolderInUseError: If it is claimed.
        PartnerLostError: If another process has ended.
    """
    with ExitStack() as stack:
        if rank.number == 0:
            stack.enter_context(claimed(folder, purpose))
        if rank.count == 1:
            yield
            return
        wait_for_all(rank)
        presence = _announced(folder, rank.number)
        try:
            wait_for_all(rank)
            yield
            wait_for_all(rank)
        except RuntimeError as error:
            # torchrun ends the others as soon as one is gone; the message comes first.
            before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if gone := _gone(folder, rank):
                raise PartnerLostError(
                    f"process {gone} of {rank.count}, counted from 0, has ended, and with it the training; "
                    "the last checkpoint is kept: the same command goes on from it"
                ) from error
            signal.signal(signal.SIGTERM, before)
            raise
        presence.release()
        _place(folder, rank.number).unlink(missing_ok=True)


def wait_for_all(rank: Rank) -> None:
    """Wait until every process has come here."""
    if rank.count > 1:
        distributed.barrier()


def means_over_ranks(values: dict[str, list[float]], device: torch.device) -> dict[str, list[float]]:
    """Return the mean of numbers over all processes, which have them under the same names."""
    kind = torch.float32 if device.type == "mps" else torch.float64
    table = mean_over_ranks(torch.tensor(list(values.values()), dtype=kind, device=device))
    return dict(zip(values, table.tolist(), strict=True))


def anybody(flag: bool, device: torch.device) -> bool:
    """Return whether any process says so."""
    return bool(mean_over_ranks(torch.tensor(float(flag), device=device)) > 0)


def seed_of(seed: int, rank: Rank, iteration: int) -> int:
    """Return what a process's own random numbers of an iteration start from, such as those of dropout."""
    return int(SeedSequence([seed, rank.number, iteration]).generate_state(1, "uint64")[0] >> 1)


def refuse_differences(method: nn.Module, iteration: int, folder: Path) -> None:
    """Refuse processes that do not begin alike.

    Args:
        method: With its weights.
        iteration: Where training goes on.
        folder: Of the run.

    Raises:
        ValueError: In every process.
    """
    sums = [value.detach().double().sum() for value in method.state_dict().values()]
    begun = each_rank(torch.stack([*sums, sums[0].new_tensor(iteration)]))
    if bool((begun != begun[0]).any()):
        raise ValueError(
            f"the {len(begun)} processes do not begin with the same weights at the same iteration; give all "
            f"of them the same command, and a folder of the run that all machines see, not {folder} of each"
        )


def refuse_not_finite(tensors: Mapping[str, Tensor], rank: Rank, device: torch.device) -> None:
    """End a training that would be saved with NaN or infinity, in all its processes at once.

    Args:
        tensors: What this process would save.
        rank: Which process this is.
        device: That they train on.

    Raises:
        DivergedError: If a tensor of any process is not finite.
    """
    name = first_not_finite(tensors)
    if anybody(name is not None, device) if rank.count > 1 else name is not None:
        raise DivergedError(f"{name or 'what another process learned'} holds NaN or infinity")


_PRESENCES: list[FileLock] = []
"""Held as long as this process lives; who is told of an ended process must not seem to be one."""


def _announced(folder: Path, number: int) -> FileLock:
    """Return the lock of a file by which the others see that this process lives, however it ends."""
    lock = FileLock(str(_place(folder, number)), timeout=_PATIENCE)
    lock.acquire()
    _PRESENCES.append(lock)
    return lock


def _gone(folder: Path, rank: Rank) -> str:
    """Return which other processes have ended, if any; waits a little for the system to tell."""
    others = [number for number in range(rank.count) if number != rank.number]
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if gone := [number for number in others if not _lives(folder, number)]:
            return ", ".join(map(str, gone))
        time.sleep(0.05)
    return ""


def _lives(folder: Path, number: int) -> bool:
    lock = FileLock(str(_place(folder, number)), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def _place(folder: Path, number: int) -> Path:
    return folder / f".metafacs.process-{number}.lock"
