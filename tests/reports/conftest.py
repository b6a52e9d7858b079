"""The made-up records of the evaluation tests, for the reports that are drawn from them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_PATH = Path(__file__).parents[1] / "evaluation" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("metafacs_made_up_records", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)

record_of = _MODULE.record_of
lost_record_of = _MODULE.lost_record_of
few_shot_record_of = _MODULE.few_shot_record_of
