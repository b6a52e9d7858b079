"""A short clip, and the command that analyses it with a model that is quick to load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metafacs.cli import main
from metafacs.data.videos import encode_video

FRAMES, RATE = 10, 20


@pytest.fixture(scope="session")
def face(astronaut: np.ndarray) -> Image.Image:
    """A face in a picture that is quickly looked through, 96 x 96."""
    return Image.fromarray(astronaut[:300, 70:370]).resize((96, 96))


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory, face: Image.Image) -> Path:
    """Half a second of a face that moves to the right."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    pictures = []
    for i in range(FRAMES):
        picture = Image.new("RGB", (128, 96), "grey")
        picture.paste(face, (i, 0))
        pictures.append(np.array(picture))
    encode_video(path, pictures, RATE)
    return path


@pytest.fixture
def predict(untrained_model: Path) -> Callable[..., int]:
    """Return a function that runs 'metafacs predict' in this process and returns its exit code."""

    def run(*words: object) -> int:
        more = ["--model", str(untrained_model), "--workers", "1"]
        return main(["predict", *map(str, words), *more])

    return run
