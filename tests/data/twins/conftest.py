from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.data.twins import TwinSummary, write_bp4d, write_emotionet, write_raf_db


@pytest.fixture(scope="session")
def bp4d_twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TwinSummary]:
    root = tmp_path_factory.mktemp("twins") / "bp4d"
    return root, write_bp4d(root, preset="tiny", workers=1, progress=False)


@pytest.fixture(scope="session")
def raf_db_twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TwinSummary]:
    root = tmp_path_factory.mktemp("twins") / "raf_db"
    return root, write_raf_db(root, preset="tiny", workers=1, progress=False)


@pytest.fixture(scope="session")
def emotionet_twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TwinSummary]:
    root = tmp_path_factory.mktemp("twins") / "emotionet"
    return root, write_emotionet(root, preset="tiny", workers=1, progress=False)
