from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from metafacs.inference.detector import Detector
from metafacs.inference.exported_network import network_of, noise, on_backend, parts_of, refuse_others
from metafacs.methods.base import Prediction

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def test_a_detector_tells_the_same_elsewhere(make_detector: Callable[..., Detector]) -> None:
    own = make_detector()
    other = on_backend(own, "onnxruntime")
    assert (own.backend, other.backend) == ("torch", "onnxruntime")
    assert on_backend(own, "torch") is own
    images = noise(own, 16)
    torch.testing.assert_close(
        other.predictor(images).probabilities, own.predictor(images).probabilities, rtol=0, atol=1e-5
    )


def test_what_is_told_beside_probabilities_goes_along(make_detector: Callable[..., Detector]) -> None:
    def predict(images: Tensor) -> Prediction:
        light = images.mean((1, 2, 3))[:, None]
        return Prediction(light.sigmoid(), intensities=light.abs(), pose=light.repeat(1, 3))

    own = make_detector(predictor=predict, aus=(1,), thresholds={1: 0.5}, intensities=True, pose=True)
    assert parts_of(own) == ("probabilities", "intensities", "pose")
    told, expected = on_backend(own, "onnxruntime").predictor(noise(own, 3)), predict(noise(own, 3))
    for part in parts_of(own):
        torch.testing.assert_close(getattr(told, part), getattr(expected, part), rtol=0, atol=1e-6)
    assert told.expressions is None


def test_a_batch_that_was_frozen_is_refused(make_detector: Callable[..., Detector]) -> None:
    def predict(images: Tensor) -> Prediction:
        return Prediction(images.reshape(len(images), -1)[:, :3].sigmoid())

    with pytest.raises(ValueError, match="run it with torch"):
        on_backend(make_detector(predictor=predict), "onnxruntime")


def test_a_choice_that_hangs_on_the_pictures_is_refused(make_detector: Callable[..., Detector]) -> None:
    def predict(images: Tensor) -> Prediction:
        rows = images.mean((2, 3)).sigmoid()
        # The picture that is recorded has no such value.
        return Prediction(rows if images[0, 0, 0, 0] < -0.99 else rows / 2)

    detector = make_detector(predictor=predict)
    assert float(noise(detector, 1)[0, 0, 0, 0]) > -0.99
    with pytest.raises(ValueError, match=r"onnxruntime gives probabilities that lie .* from torch's"):
        on_backend(detector, "onnxruntime")


def test_no_number_is_no_answer(make_detector: Callable[..., Detector]) -> None:
    detector = make_detector()
    assert network_of(detector)
    wrong = make_detector(predictor=lambda images: Prediction(torch.full((len(images), 3), torch.nan)))
    with pytest.raises(ValueError, match="lie nan from torch's for 1 faces"):
        refuse_others(detector, wrong.predictor, "elsewhere", [noise(detector, 1)])  # type: ignore[arg-type]
