"""Synthetic twins: rendered faces in the on-disk layouts of licensed data sets, one file per data set."""

from __future__ import annotations

from metafacs.data.twins.bp4d import write_bp4d
from metafacs.data.twins.emotionet import write_emotionet
from metafacs.data.twins.raf_db import write_raf_db
from metafacs.data.twins.writer import PRESETS, TWIN_FILE, Preset, TwinError, TwinSummary

TWINS = {"bp4d": write_bp4d, "raf_db": write_raf_db, "emotionet": write_emotionet}
"""Name of the data set -> the function that writes its twin."""

__all__ = [
    "PRESETS",
    "TWINS",
    "TWIN_FILE",
    "Preset",
    "TwinError",
    "TwinSummary",
    "write_bp4d",
    "write_emotionet",
    "write_raf_db",
]
