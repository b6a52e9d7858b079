"""Synthetic twins: rendered faces in the on-disk layouts of licensed data sets, one file per data set."""

from __future__ import annotations

from metafacs.data.twins.bp4d import write_bp4d
from metafacs.data.twins.emotionet import write_emotionet
from metafacs.data.twins.raf_au import write_raf_au
from metafacs.data.twins.raf_ce import write_raf_ce
from metafacs.data.twins.raf_ce_lab import write_raf_ce_lab
from metafacs.data.twins.raf_db import write_raf_db
from metafacs.data.twins.raf_db_compound import write_raf_db_compound
from metafacs.data.twins.raf_ml import write_raf_ml
from metafacs.data.twins.writer import PRESETS, TWIN_FILE, Preset, TwinError, TwinSummary

TWINS = {
    "bp4d": write_bp4d,
    "raf_db": write_raf_db,
    "raf_db_compound": write_raf_db_compound,
    "raf_ml": write_raf_ml,
    "raf_au": write_raf_au,
    "raf_ce": write_raf_ce,
    "raf_ce_lab": write_raf_ce_lab,
    "emotionet": write_emotionet,
}
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
    "write_raf_au",
    "write_raf_ce",
    "write_raf_ce_lab",
    "write_raf_db",
    "write_raf_db_compound",
    "write_raf_ml",
]
