"""Synthetic twins: rendered faces in the on-disk layouts of licensed data sets, one file per data set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from metafacs.data.twins.bp4d import plan_bp4d
from metafacs.data.twins.disfa import plan_disfa
from metafacs.data.twins.emotionet import plan_emotionet
from metafacs.data.twins.gft import plan_gft
from metafacs.data.twins.people import plan_people
from metafacs.data.twins.pretraining_faces import plan_pretraining_faces
from metafacs.data.twins.raf_au import plan_raf_au
from metafacs.data.twins.raf_ce import plan_raf_ce
from metafacs.data.twins.raf_ce_lab import plan_raf_ce_lab
from metafacs.data.twins.raf_db import plan_raf_db
from metafacs.data.twins.raf_db_compound import plan_raf_db_compound
from metafacs.data.twins.raf_ml import plan_raf_ml
from metafacs.data.twins.writer import Preset, TwinPlan

TWINS: dict[str, Callable[[Preset, int], TwinPlan[Any]]] = {
    "bp4d": plan_bp4d,
    "disfa": plan_disfa,
    "gft": plan_gft,
    "raf_db": plan_raf_db,
    "raf_db_compound": plan_raf_db_compound,
    "raf_ml": plan_raf_ml,
    "raf_au": plan_raf_au,
    "raf_ce": plan_raf_ce,
    "raf_ce_lab": plan_raf_ce_lab,
    "emotionet": plan_emotionet,
    "pretraining_faces": plan_pretraining_faces,
    "people": plan_people,
}
"""Name of the data set -> its planner, which returns what the twin of a preset and a seed holds.

:func:`metafacs.data.twins.rendering.render_twin` writes it. ``pretraining_faces`` and ``people``
are sets of their own.
"""
