"""Files of a run that are damaged: they are kept, and out of its way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from metafacs.models.model_file import CheckpointError
from metafacs.tensor_files import load_tensors


def set_aside(path: Path, error: CheckpointError) -> None:
    """Rename a damaged file, so that nothing is lost and nothing in its way.

    Args:
        path: The file.
        error: What is wrong with it.

    Raises:
        CheckpointError: If it is whole: of another version, or not ours.
        OSError: If it cannot be read, which says nothing of what it holds.
    """
    if _is_whole(path):
        raise CheckpointError(f"{error}; choose another --out, or delete {path}") from error
    aside = path.with_name(f"{path.name}.damaged")
    os.replace(path, aside)
    print(f"{error}. It is now {aside.name}; the run goes on without it", file=sys.stderr)


def _is_whole(path: Path) -> bool:
    """Return whether a file is undamaged and says what it is, whatever that is."""
    try:
        header, _ = load_tensors(path, CheckpointError, "")
    except CheckpointError:
        return False
    return header is not None
