from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from metafacs.data.videos import EVERY_FRAME, Frame, Selection
from metafacs.faces.alignment import AlignmentSpec
from metafacs.inference.detector import Detector
from metafacs.inference.result import FaceResult
from metafacs.methods.base import Prediction

Picture = NDArray[np.uint8]
AUS = (1, 6, 12)


def brightness(images: Tensor) -> Prediction:
    """Predict from the light of the upper, middle and lower third of the face."""
    rows = images.mean((1, 3))
    thirds = [part.mean(1) for part in rows.split(-(-rows.shape[1] // 3), 1)]
    return Prediction(torch.stack(thirds, 1) / 2 + 0.5)


@pytest.fixture(scope="session")
def two_people(astronaut: Picture) -> Picture:
    """Grace Hopper (US Navy, public domain) left of a smaller astronaut."""
    with get_sample_data("grace_hopper.jpg") as file:
        hopper = np.array(Image.open(file).convert("RGB"))
    small = np.array(Image.fromarray(astronaut).resize((400, 400)))
    return np.concatenate([hopper, np.pad(small, ((0, 200), (0, 0), (0, 0)))], axis=1)


@pytest.fixture
def make_detector() -> Callable[..., Detector]:
    """Return a function that makes a detector of AUs 1, 6 and 12 without a trained model."""

    def make(**changes: object) -> Detector:
        parts: dict[str, object] = {
            "predictor": brightness,
            "aus": AUS,
            "thresholds": {1: 0.5, 6: 0.5, 12: 0.4},
            "input_size": 64,
            "alignment": AlignmentSpec(),
            "description": {"method": "brightness", "synthetic": True, "licence": "none"},
        }
        return Detector(**{**parts, **changes})  # type: ignore[arg-type]

    return make


class Frames:
    """Pictures held in memory as a video of 25 frames per second; None is a frame that cannot be decoded."""

    def __init__(self, pictures: Sequence[Picture | None], error: Exception | None = None) -> None:
        self.pictures, self.error = pictures, error
        self.name, self.notes = "session.mp4", list[str]()
        self.frame_count: int | None = len(pictures)
        self.rate: float | None = 25.0
        self.height, self.width = next(one.shape[:2] for one in pictures if one is not None)
        self.given = 0

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        for number in numbers.choose(range(len(self.pictures)), lambda number: number / 25):
            if number >= start_at:
                self.given += 1
                picture = self.pictures[number]
                problem = "" if picture is not None else "a packet is damaged"
                yield Frame(number, number / 25, picture, problem)
        if self.error is not None:
            raise self.error


@pytest.fixture(scope="session")
def nodding(astronaut: Picture) -> list[Picture]:
    """Fifty small frames in which a face moves about and changes its light."""
    face = np.array(Image.fromarray(astronaut[20:220, 130:330]).resize((110, 110)))
    frames = []
    for number in range(50):
        frame = np.full((150, 160, 3), 120, np.uint8)
        left, top = round(25 + 20 * np.sin(number / 8)), round(20 + 15 * np.cos(number / 5))
        light = 0.8 + 0.2 * np.sin(number / 3)
        frame[top : top + 110, left : left + 110] = (face * light).astype(np.uint8)
        frames.append(frame)
    return frames


@pytest.fixture(scope="session")
def make_source() -> type[Frames]:
    """Return the class of videos that are held in memory."""
    return Frames


@pytest.fixture(scope="session")
def make_results() -> Callable[..., list[list[FaceResult]]]:
    """Return a function that tells of frames what people show, by person and frame; NaN: is not there."""

    def make(
        people: dict[int, Sequence[float] | NDArray[np.float64]],
        times: Sequence[float] | None = None,
        numbers: Sequence[int] | None = None,
        lost: Sequence[int] = (),
        input: str = "session.mp4",
        intensity: float = 4.0,
    ) -> list[list[FaceResult]]:
        frames = []
        for place in range(len(next(iter(people.values())))):
            number = place if numbers is None else numbers[place]
            blank = FaceResult(input, number, timestamp=number / 25 if times is None else times[place])
            faces = [
                replace(
                    blank,
                    face_id=person,
                    success=True,
                    probabilities=dict.fromkeys(AUS, float(values[place])),
                    intensities=dict.fromkeys(AUS, intensity * float(values[place])),
                )
                for person, values in people.items()
                if not np.isnan(values[place])
            ]
            problem = "a packet is damaged" if number in lost else ""
            frames.append([replace(blank, problem=problem)] if problem or not faces else faces)
        return frames

    return make
