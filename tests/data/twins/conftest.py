from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metafacs.data.twins import TwinSummary, portraits, write_bp4d, write_emotionet, write_raf_db
from metafacs.data.twins.compound_faces import Face
from metafacs.data.twins.portraits import Album, Portrait
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.renderer import Rendering


@pytest.fixture(scope="session")
def bp4d_twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TwinSummary]:
    root = tmp_path_factory.mktemp("twins") / "bp4d"
    return root, write_bp4d(root, preset="tiny", workers=1, progress=False)


@pytest.fixture(scope="session")
def raf_db_twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TwinSummary]:
    root = tmp_path_factory.mktemp("twins") / "raf_db"
    return root, write_raf_db(root, preset="tiny", workers=1, progress=False)


@pytest.fixture
def grey_portraits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the renderer where only the files of a twin are tested: faces that are true but grey."""

    def take(subject: object, face: Face, album: Album) -> Portrait:
        shown = dict.fromkeys(sorted(face.action_units), 0.5)
        points = np.zeros((68, 2), np.float32)
        rendering = Rendering(
            np.full((8, 8, 3), 128, np.uint8), points, (0, 0, 0), shown, (0, 0, 8, 8), points[:2], points[0]
        )
        return Portrait(rendering.image, rendering, Activation(shown), None, ())

    monkeypatch.setattr(portraits, "take_portrait", take)
    monkeypatch.setattr(portraits, "Subject", lambda identity: identity)


@pytest.fixture(scope="session")
def emotionet_twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TwinSummary]:
    root = tmp_path_factory.mktemp("twins") / "emotionet"
    return root, write_emotionet(root, preset="tiny", workers=1, progress=False)
