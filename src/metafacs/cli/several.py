"""Training in several processes: who starts them, and which commands do not run in them."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from metafacs.launch import processes_started

TOGETHER = "train"
"""The command that several processes run together."""


def refuse_several(command: str) -> None:
    """Refuse a command that would do its work once in every process.

    Raises:
        ValueError: Saying which command it is.
    """
    if processes_started() > 1 and command != TOGETHER:
        raise ValueError(
            f"only '{TOGETHER}' runs in the processes of torchrun, not '{command or 'nothing'}'; run it "
            "without torchrun"
        )


def start_several(devices: int) -> NoReturn:
    """Run this command anew in one process per device of this machine; never returns.

    Args:
        devices: How many.
    """
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={devices}"]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *launch, "-m", "metafacs", *sys.argv[1:]])
