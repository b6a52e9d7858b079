"""What torchrun tells the processes that it has started; torch need not be imported to know it."""

from __future__ import annotations

import os


def processes_started() -> int:
    """Return how many processes torchrun has started on all machines, 1 without it."""
    return int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def processes_here() -> int:
    """Return how many of them are on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if processes_started() > 1 else 1


def is_first() -> bool:
    """Return whether this is the first of them, which prints and writes."""
    return processes_started() == 1 or os.environ["RANK"] == "0"


def process_name() -> str:
    """Return what messages call this process, nothing if it is on its own."""
    return f"process {os.environ['RANK']} of {processes_started()}" if processes_started() > 1 else ""
