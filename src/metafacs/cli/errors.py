"""What a user is told of an error, and which errors are bugs."""

from __future__ import annotations

import errno
import sys

from metafacs.processes import out_of_memory
from metafacs.texts import printable

EXPECTED_ERRORS = (ValueError, OSError, FloatingPointError, MemoryError, RecursionError)
"""Errors whose message is written for the user, or that files and machines of users cause."""

_AGAIN = "run the same command again; if it stays, look after the disk"

_HINTS = {
    errno.ENOSPC: "make room there, and run the same command again",
    errno.EDQUOT: "make room there, and run the same command again",
    errno.EFBIG: "choose a folder that takes larger files, and run the same command again",
    errno.EMFILE: "allow this process more open files (ulimit -n)",
    errno.EACCES: "you may not read or write it: change its permissions, or name another",
    errno.EIO: _AGAIN,
    errno.ESTALE: _AGAIN,
    errno.EROFS: "nothing can be written there: name another folder",
}
"""Number of an error of the operating system -> what to do."""


def sentence(error: BaseException) -> str:
    r"""Return what to tell a user of an error; nothing if it is a bug, whose traceback is worth more.

    >>> sentence(ValueError("a\x1b.csv has no column AU12")), sentence(KeyError("AU12"))
    ('a\\x1b.csv has no column AU12', '')
    >>> sentence(PermissionError(errno.EACCES, "Permission denied", "/etc/a"))
    '/etc/a: Permission denied; you may not read or write it: change its permissions, or name another'
    """
    if told := out_of_memory(error):
        return told
    if isinstance(error, RecursionError):
        return "something that was read is nested too deeply; correct the file"
    if isinstance(error, OSError) and error.strerror:
        told = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
        hint = _HINTS.get(error.errno or 0)
        told = f"{told}; {hint}" if hint else told
    elif isinstance(error, (*EXPECTED_ERRORS, *_errors_of_libraries())):
        told = str(error) or type(error).__name__
    return "\n".join(map(printable, told.splitlines()))


def _errors_of_libraries() -> tuple[type[Exception], ...]:
    """Return what files and devices make PyTorch and safetensors raise, as far as they are imported."""
    names = (("safetensors", "SafetensorError"), ("torch", "AcceleratorError"))
    # Not every version of them has each.
    found = (getattr(sys.modules.get(module), name, None) for module, name in names)
    return tuple(error for error in found if error is not None)
