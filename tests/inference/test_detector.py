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
from metafacs.methods.base import Prediction

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

    def look(images: torch.Tensor) -> Prediction:
        seen.append(images)
        return Prediction(torch.full((len(images), 3), 0.5))

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
        ({"experimental": (4, 12)}, r"experimental action units \[4\] are not among"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    make_detector: Maker, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_detector(**changes)


HALF = torch.full((1, 3), 0.5)
NAN = float("nan")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Prediction(torch.zeros(1, 5)), "3 AUs"),
        (Prediction(NAN * HALF), "no probabilities"),
        (Prediction(HALF + 1), "no probabilities"),
        (
            Prediction(HALF, intensities=HALF),
            "gave intensities, but its method has gives_intensities = False",
        ),
        (Prediction(HALF, pose=HALF), "gave pose, but its method has gives_pose = False"),
    ],
    ids=["shape", "nan", "logits", "intensities", "pose"],
)
def test_a_model_that_gives_no_probabilities_is_reported(
    make_detector: Maker, astronaut: Picture, said: Prediction, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_detector(predictor=lambda images: said).analyse_picture(astronaut)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Prediction(HALF, pose=HALF), "gave no intensities, but its method has gives_intensities = True"),
        (Prediction(HALF, intensities=HALF), "gave no pose, but its method has gives_pose = True"),
        (Prediction(HALF, intensities=HALF[:, :2], pose=HALF), r"intensities of shape \(1, 2\) for 1 faces"),
        (Prediction(HALF, intensities=HALF, pose=HALF[:, :2]), r"pose of shape \(1, 2\) for 1 faces"),
        (Prediction(HALF, intensities=HALF + 5, pose=HALF), "intensities outside 0 to 5"),
        (Prediction(HALF, intensities=NAN * HALF, pose=HALF), "intensities outside 0 to 5"),
        (Prediction(HALF, intensities=HALF, pose=NAN * HALF), "a pose that is no angles"),
    ],
)
def test_intensities_and_poses_that_are_none_are_reported(
    make_detector: Maker, astronaut: Picture, said: Prediction, message: str
) -> None:
    detector = make_detector(predictor=lambda images: said, intensities=True, pose=True)
    with pytest.raises(ValueError, match=message):
        detector.analyse_picture(astronaut)


def test_intensities_and_the_pose_in_the_picture_are_told(make_detector: Maker, astronaut: Picture) -> None:
    """A turned picture shows the head of the same yaw and pitch, rolled as the picture was turned."""
    angles = torch.tensor([[0.3, -0.1, 0.05]])

    def tell(images: torch.Tensor) -> Prediction:
        rows = len(images)
        levels = torch.tensor([[0.0, 2.3456, 5.0]]).expand(rows, 3)
        return Prediction(torch.full((rows, 3), 0.5), intensities=levels, pose=angles.expand(rows, 3))

    detector = make_detector(predictor=tell, intensities=True, pose=True)
    (upright,) = detector.analyse_picture(astronaut)
    assert upright.intensities == {1: 0.0, 6: 2.35, 12: 5.0}
    # Counterclockwise, so that the top of the head goes to the left.
    turned = np.array(Image.fromarray(astronaut).rotate(20, Image.Resampling.BICUBIC))
    (rolled,) = detector.analyse_picture(turned)
    assert upright.pose is not None
    assert rolled.pose is not None
    assert upright.pose[:2] == rolled.pose[:2] == (0.3, -0.1)
    assert all(angle == round(angle, 4) for angle in rolled.pose)
    assert rolled.pose[2] - upright.pose[2] == pytest.approx(np.radians(20), abs=0.03)


def test_without_them_there_are_none(make_detector: Maker, astronaut: Picture) -> None:
    (result,) = make_detector().analyse_picture(astronaut)
    assert (result.intensities, result.pose) == ({}, None)


def test_synthetic_is_told(make_detector: Maker) -> None:
    assert make_detector().synthetic
    assert not make_detector(description={}).synthetic


def test_crops_can_be_cut_first_and_read_later(
    make_detector: Maker, astronaut: Picture, two_people: Picture
) -> None:
    detector = make_detector(crop_size=72)
    cut = [detector.crops(image, find_faces(image)) for image in (astronaut, two_people)]
    assert [crops.shape for crops in cut] == [(1, 72, 72, 3), (2, 72, 72, 3)]
    apart = np.concatenate([detector.probabilities_of(crops) for crops in cut])
    together = detector.read(np.concatenate(cut))
    assert together.probabilities.numpy() == pytest.approx(apart, abs=1e-6)
    assert (together.expressions, together.intensities, together.pose) == (None, None, None)
    (result,) = detector.analyse_picture(astronaut)
    assert list(result.probabilities.values()) == pytest.approx(apart[0].tolist(), abs=1e-4)
