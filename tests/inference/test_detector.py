from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from metafacs.data.transforms import crop_centre
from metafacs.faces.alignment import AlignmentSpec, align
from metafacs.faces.pictures import PictureError
from metafacs.faces.pipeline import find_faces
from metafacs.faces.tensors import to_tensor
from metafacs.inference.detector import Detector

Picture = NDArray[np.uint8]
Maker = Callable[..., Detector]


def test_one_face_gets_every_action_unit(make_detector: Maker, astronaut: Picture) -> None:
    (result,) = make_detector().analyse_picture(astronaut, "a.png", frame=4, timestamp=0.16)
    assert (result.input, result.frame, result.face_id, result.timestamp) == ("a.png", 4, 0, 0.16)
    assert result.success
    assert result.score > 0.9
    assert list(result.probabilities) == [1, 6, 12]
    assert all(0 < p < 1 and p == round(p, 4) for p in result.probabilities.values())
    assert result.landmarks is not None
    assert result.landmarks.shape == (68, 2)


def test_the_model_sees_exactly_the_crop_of_training(make_detector: Maker, astronaut: Picture) -> None:
    seen: list[torch.Tensor] = []

    def look(images: torch.Tensor) -> torch.Tensor:
        seen.append(images)
        return torch.full((len(images), 3), 0.5)

    spec = AlignmentSpec(box_enlarge=2.4)
    make_detector(predictor=look, crop_size=80, alignment=spec).analyse_picture(astronaut)
    crop, _ = align(astronaut, find_faces(astronaut)[0].landmarks, 80, spec)
    assert torch.equal(seen[0], to_tensor(crop_centre(crop[None], 64)[0]))


def test_faces_are_numbered_from_left_to_right(make_detector: Maker, two_people: Picture) -> None:
    detector = make_detector()
    hopper, astronaut = detector.analyse_picture(two_people)
    assert (hopper.face_id, astronaut.face_id) == (0, 1)
    assert hopper.box is not None
    assert astronaut.box is not None
    assert hopper.box[2] < 512 < astronaut.box[0]
    assert hopper.probabilities != astronaut.probabilities
    flipped = detector.analyse_picture(np.ascontiguousarray(two_people[:, ::-1]))
    assert flipped[0].probabilities[6] == pytest.approx(astronaut.probabilities[6], abs=0.02)


def test_small_batches_give_the_same(make_detector: Maker, two_people: Picture) -> None:
    whole = make_detector().analyse_picture(two_people)
    single = make_detector(batch_size=1).analyse_picture(two_people)
    assert [r.probabilities for r in whole] == [r.probabilities for r in single]


def test_a_picture_without_a_face_gives_one_empty_row(make_detector: Maker) -> None:
    (result,) = make_detector().analyse_picture(np.full((200, 300, 3), 90, np.uint8), "wall.png", frame=7)
    assert (result.input, result.frame, result.success, result.score) == ("wall.png", 7, False, 0.0)
    assert result.box is None
    assert result.landmarks is None
    assert result.probabilities == {}


def test_a_file_gives_what_its_pixels_give(make_detector: Maker, astronaut: Picture, tmp_path: Path) -> None:
    path = tmp_path / "astronaut.png"
    Image.fromarray(astronaut).save(path)
    detector = make_detector()
    (result,) = detector.analyse(path, frame=2)
    (expected,) = detector.analyse_picture(astronaut)
    assert (result.input, result.frame) == (str(path), 2)
    assert result.probabilities == expected.probabilities


def test_a_broken_file_is_named(make_detector: Maker, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(PictureError, match=r"a\.jpg"):
        make_detector().analyse(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"aus": (1, 6, 12, 17)}, "no threshold"),
        ({"aus": (1, 3, 12)}, "not a FACS action unit"),
        ({"thresholds": {1: 0.5, 6: 1.5, 12: 0.5}}, "between 0 and 1"),
        ({"crop_size": 32}, "smaller than the input"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    make_detector: Maker, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_detector(**changes)


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (lambda images: torch.zeros(len(images), 5), "3 AUs"),
        (lambda images: torch.full((len(images), 3), float("nan")), "no probabilities"),
        (lambda images: torch.full((len(images), 3), 1.2), "no probabilities"),
    ],
    ids=["shape", "nan", "logits"],
)
def test_a_model_that_gives_no_probabilities_is_reported(
    make_detector: Maker, astronaut: Picture, predictor: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_detector(predictor=predictor).analyse_picture(astronaut)


def test_synthetic_is_told(make_detector: Maker) -> None:
    assert make_detector().synthetic
    assert not make_detector(description={}).synthetic


def test_crops_can_be_cut_first_and_read_later(
    make_detector: Maker, astronaut: Picture, two_people: Picture
) -> None:
    detector = make_detector(crop_size=72)
    cut = [detector.crops(image, find_faces(image)) for image in (astronaut, two_people)]
    assert [crops.shape for crops in cut] == [(1, 72, 72, 3), (2, 72, 72, 3)]
    expected = [detector.probabilities(image, find_faces(image)) for image in (astronaut, two_people)]
    together = detector.probabilities_of(np.concatenate(cut))
    assert together == pytest.approx(np.concatenate(expected), abs=1e-6)
