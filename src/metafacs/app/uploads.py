"""Takes files in: streamed to the disk, no larger and no slower than is said, whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from metafacs.app.guards import Refused

_SPARE = 512 << 20
"""Bytes that stay free on the disk, for results."""

_PART = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What an upload must keep to.

    Attributes:
        largest: Bytes of a file.
        patience: Seconds without a byte, and after which the rate counts; also for all else that a browser
            sends, and between its requests.
        least_rate: Bytes per second on the average.
    """

    largest: int
    patience: float = 20.0
    least_rate: float = 16384.0


async def store_body(request: web.Request, path: Path, limits: Limits) -> int:
    """Write the body of a request to a file; return its size in bytes.

    Args:
        request: Whose body it is.
        path: The file to write; its folder is there. After an error there is none.
        limits: What it must keep to.

    Raises:
        Refused: 400 if it is empty or broken off, 408 if it is too slow, 413 if it is too large, 507 if there
            is no room on the disk.
    """
    said = request.content_length
    if said is not None and said > limits.largest:
        raise _too_large(limits)
    free = shutil.disk_usage(path.parent).free
    if free - (said or 0) < _SPARE:
        raise _no_room(free)
    try:
        with path.open("xb") as file:
            size = await _copy(request, file, limits)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _no_room(0) from error
        raise
    if size == 0:
        path.unlink()
        raise Refused(400, "the file is empty (0 bytes); copy it again")
    return size


async def _copy(request: web.Request, file: BinaryIO, limits: Limits) -> int:
    loop, began, size = asyncio.get_running_loop(), time.monotonic(), 0
    waiting: list[bytes] = []
    held = 0
    while True:
        try:
            part = await asyncio.wait_for(request.content.readany(), limits.patience)
        except asyncio.TimeoutError:
            raise Refused(
                408, f"nothing of the file came for {limits.patience:g} seconds; try again"
            ) from None
        except (web.HTTPException, OSError):
            raise
        except Exception as error:  # what the parser says of a broken body is no class of its own
            raise Refused(400, "the file broke off on its way; try again") from error
        size, held = size + len(part), held + len(part)
        if size > limits.largest:
            raise _too_large(limits)
        seconds = time.monotonic() - began
        if part and seconds > limits.patience and size < limits.least_rate * seconds:
            raise Refused(408, "the file came too slowly; try again")
        waiting.append(part)
        if held >= _PART or not part:
            await loop.run_in_executor(None, file.write, b"".join(waiting))
            waiting, held = [], 0
        if not part:
            return size


def _too_large(limits: Limits) -> Refused:
    return Refused(
        413,
        f"the file is larger than {limits.largest / 1e9:.3g} GB, which is the most that is taken; cut it, or "
        "start 'metafacs app' with a larger --upload_limit",
    )


def _no_room(free: int) -> Refused:
    return Refused(
        507, f"the disk has too little room ({free / 1e9:.1f} GB are free); make room and try again"
    )
