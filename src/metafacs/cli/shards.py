"""What commands do alike that several machines share: a claim for each share, tables by the last one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from metafacs.locks import claimed
from metafacs.shares import ALL, Share
from metafacs.texts import printable

HELP = (
    "do one share of the work, such as 1/3; the same command with 2/3 and 3/3, on any machine, does the rest"
)


def claimed_share(out: Path, share: Share, what: str) -> AbstractContextManager[Path]:
    """Claim a share of the work in a folder; shares of one work claim what they do, not the folder.

    Raises:
        FolderInUseError: If another process has the share.
    """
    place = out if share == ALL else out / ".shards" / f"{share.number}-of-{share.count}"
    return claimed(place, what)


def write_if_whole(
    out: Path, share: Share, done: int, whole: int, what: str, write: Callable[[], None]
) -> None:
    """Write tables and report if this was the last share; otherwise say how they are made.

    Args:
        out: Folder of the work.
        share: That has been done.
        done: How much of the whole work is in the folder.
        whole: How much there is.
        what: Its name, in the plural.
        write: Writes tables and report of the whole work.
    """
    if done == whole:
        with claimed(out, "writing tables and report", wait=True):
            write()
        return
    print(
        f"{done} of the {whole} {what} of all {share.count} shards are in {printable(out)}. Where "
        "the shards share this folder, the last one writes the tables; where each has its own: metafacs "
        "report FOLDER FOLDER ... --out FOLDER"
    )
