"""How many processes to use."""

from __future__ import annotations

import os


def worker_count(asked: int | None) -> int:
    """Return the number of worker processes: what was asked for, else one per core this process may use.

    Raises:
        ValueError: If fewer than one is asked for.
    """
    if asked is None:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    if asked < 1:
        raise ValueError(
            f"the number of workers is {asked}; give 1 or more, or leave it out for one per core"
        )
    return asked
