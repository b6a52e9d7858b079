"""A server that runs as long as the tests, with a detector that is quick to load."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from metafacs.app.records import PACKAGED, Model
from metafacs.app.server import Server, Settings
from metafacs.app.uploads import Limits
from serving import Client, running

LARGEST = 2 << 20


@pytest.fixture(scope="session")
def settings(untrained_model: Path) -> Settings:
    """A server with a small detector in the place of that of the package, that is soon out of patience."""
    model = Model(PACKAGED, "untrained", untrained_model)
    return Settings(models=(model,), limits=Limits(LARGEST, patience=1.0))


@pytest.fixture(scope="session")
def shared_server(settings: Settings) -> Iterator[Server]:
    """One server for all tests that end nothing."""
    with running(settings) as server:
        yield server


@pytest.fixture
def client(shared_server: Server) -> Iterator[Client]:
    """Who has come in; everything is removed afterwards."""
    client = Client(shared_server)
    client.come_in()
    yield client
    Client(shared_server, client.cookie).ask("DELETE", "/api/files")


@pytest.fixture(scope="session")
def photo(face: Image.Image) -> bytes:
    """A face as PNG."""
    content = io.BytesIO()
    face.save(content, "PNG")
    return content.getvalue()
