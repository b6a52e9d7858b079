from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def listed(tmp_path: Path) -> Callable[[str], Path]:
    """Return what writes a list of labelled pictures."""

    def write(text: str) -> Path:
        path = tmp_path / "support.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write
