"""Synthetic twins: rendered faces in the on-disk layouts of licensed data sets, one file per data set."""

from __future__ import annotations

from metafacs.data.twins.bp4d import write_bp4d
from metafacs.data.twins.pretraining_faces import write_pretraining_faces
from metafacs.data.twins.raf_db import write_raf_db
from metafacs.data.twins.writer import PRESETS, TWIN_FILE, Preset, TwinError, TwinSummary

TWINS = {"bp4d": write_bp4d, "raf_db": write_raf_db, "pretraining_faces": write_pretraining_faces}
"""Name of the data set -> the function that writes its twin; ``pretraining_faces`` is a set of its own."""

__all__ = [
    "PRESETS",
    "TWINS",
    "TWIN_FILE",
    "Preset",
    "TwinError",
    "TwinSummary",
    "write_bp4d",
    "write_pretraining_faces",
    "write_raf_db",
]
