"""The session's tiny twins with their summaries: a finished twin tells it without rendering again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metafacs.data.twins import portraits
from metafacs.data.twins.compound_faces import Face
from metafacs.data.twins.portraits import Album, Portrait
from metafacs.data.twins.rendering import render_twin
from metafacs.data.twins.writer import TwinSummary
from metafacs.synthesis.activations import Activation
from metafacs.synthesis.renderer import Rendering


def summarised(name: str, root: Path) -> tuple[Path, TwinSummary]:
    return root, render_twin(name, root, preset="tiny", workers=1, progress=False)


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


@pytest.fixture(scope="session")
def emotionet_twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TwinSummary]:
    root = tmp_path_factory.mktemp("twins") / "emotionet"
    return root, render_twin("emotionet", root, preset="tiny", workers=1, progress=False)


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
