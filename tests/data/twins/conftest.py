"""The session's tiny twins with their summaries: a finished twin tells it without rendering again."""

from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.data.twins import TWINS, TwinSummary


def summarised(name: str, root: Path) -> tuple[Path, TwinSummary]:
    return root, TWINS[name](root, preset="tiny", workers=1, progress=False)


@pytest.fixture(scope="session")
def bp4d_twin(bp4d_twin: Path) -> tuple[Path, TwinSummary]:
    return summarised("bp4d", bp4d_twin)


@pytest.fixture(scope="session")
def disfa_twin(disfa_twin: Path) -> tuple[Path, TwinSummary]:
    return summarised("disfa", disfa_twin)


@pytest.fixture(scope="session")
def gft_twin(gft_twin: Path) -> tuple[Path, TwinSummary]:
    return summarised("gft", gft_twin)


@pytest.fixture(scope="session")
def raf_db_twin(raf_db_twin: Path) -> tuple[Path, TwinSummary]:
    return summarised("raf_db", raf_db_twin)
