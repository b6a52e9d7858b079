"""The models of the page: one file is one model as long as the page is open."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from metafacs.app.models import Detectors
from metafacs.app.records import stamp_of


def test_no_process_takes_another_model_than_the_page_began_with(
    untrained_model: Path, tmp_path: Path
) -> None:
    model = str(shutil.copy(untrained_model, tmp_path / "model.safetensors"))
    stamps = {model: stamp_of(model)}
    early, late = Detectors("cpu", stamps), Detectors("cpu", stamps)
    detector = early.get(model, None)
    os.utime(model, (1, 1))  # as a training that goes on does
    with pytest.raises(ValueError, match=r"model\.safetensors was changed after the page was started"):
        late.get(model, None)
    assert early.get(model, None) is detector
