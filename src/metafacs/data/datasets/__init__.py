"""Readers: one data set's layout per file, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metafacs.data.datasets.bp4d import read_bp4d
from metafacs.data.datasets.raf_db import read_raf_db
from metafacs.data.datasets.reading import DatasetError, Reading, Sample, Skipped

READERS: dict[str, Callable[[Path], Reading]] = {"bp4d": read_bp4d, "raf_db": read_raf_db}
"""Name of a data set -> its reader."""

__all__ = ["READERS", "DatasetError", "Reading", "Sample", "Skipped", "read_bp4d", "read_raf_db"]
