"""One process per folder: a claim that names its holder and ends with the process, however it ends."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from metafacs.files import clear_leftovers, write_text

LOCK_FILE = ".metafacs.lock"
HOLDER_FILE = ".metafacs.holder"
OWN_FILES = frozenset({LOCK_FILE, HOLDER_FILE})
"""What claims leave in a folder; a folder that holds nothing else is empty."""

_PATIENCE = 0.5
"""Seconds between two looks at a claim that is waited for."""


class FolderInUseError(ValueError):
    """Another process is writing the folder; the message names it and the ways out."""


@contextmanager
def claimed(folder: Path | str, purpose: str, *, below: bool = False, wait: bool = False) -> Iterator[Path]:
    """Keep other processes out of a folder for the length of a block; the folder is made if needed.

    The operating system keeps the claim, so that a kill or a crash ends it. Temporary files that such a
    process left are removed.

    Args:
        folder: The folder that is going to be written.
        purpose: What this process does there, for those who find it taken: ``training mal``.
        below: Look for left temporary files in the folders below it too.
        wait: Wait for a process that holds it, after saying so; what it did has to be looked at then.

    Yields:
        The folder.

    Raises:
        FolderInUseError: If another process, or another claim of this one, holds it and ``wait`` is not set.
        OSError: If the folder cannot be made or written.
    """
    folder = Path(folder)
    lock = FileLock(str(folder / LOCK_FILE), timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            if not wait:
                raise
            print(f"{folder} is another process's{_holder(folder)}; waiting for it", file=sys.stderr)
            lock.acquire(timeout=-1, poll_interval=_PATIENCE)
    except Timeout:
        raise FolderInUseError(
            f"another process is writing {folder}{_holder(folder)}; wait for it, stop it, or give another "
            "folder"
        ) from None
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror or str(error)
        raise OSError(f"the folder {folder} cannot be written ({reason}); give another one") from error
    except NotImplementedError:
        # Some network file systems have no locks: nobody can be told then.
        yield folder
        return
    try:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        write_text(
            folder / HOLDER_FILE, f"{purpose}, process {os.getpid()} on {platform.node()} since {since}\n"
        )
        clear_leftovers(folder, below=below)
        yield folder
    finally:
        (folder / HOLDER_FILE).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return f" ({(folder / HOLDER_FILE).read_text(encoding='utf-8').strip()})"
    return ""
