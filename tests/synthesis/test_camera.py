from __future__ import annotations

import numpy as np
import pytest

from metafacs.synthesis.activations import Activation
from metafacs.synthesis.camera import LAB, WILD, Camera, cover, expose, photograph
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import Subject, render
from metafacs.synthesis.scenes import lab_scene, sample_studio


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject(sample_identity(3))


@pytest.fixture(scope="module")
def scene():
    return lab_scene(np.random.default_rng(1), 64, sample_studio(np.random.default_rng(0)))


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(40, 200, (64, 64, 3), dtype=np.uint8)


def test_same_seed_same_bytes(picture):
    for camera in (LAB, WILD):
        one = expose(picture, camera, np.random.default_rng(9))
        np.testing.assert_array_equal(one, expose(picture, camera, np.random.default_rng(9)))
        assert one.shape == picture.shape
        assert one.dtype == np.uint8


def test_a_perfect_camera_changes_nothing(picture):
    np.testing.assert_array_equal(expose(picture, Camera(), np.random.default_rng(0)), picture)


def test_each_fault_does_what_it_says(picture):
    def through(**settings: object) -> np.ndarray:
        return expose(picture, Camera(**settings), np.random.default_rng(4)).astype(int)

    noisy = through(noise=(5.0, 5.0))
    assert np.std(noisy - picture) == pytest.approx(5, abs=0.4)
    grey = through(grey_share=1.0)
    assert np.ptp(grey, axis=2).max() <= 1
    blurred = through(blur=(1.0, 1.0), blur_share=1.0)
    assert blurred.std() < 0.8 * picture.std()
    reduced = through(reduction=(0.4, 0.4), reduction_share=1.0)
    assert reduced.std() < 0.8 * picture.std()
    flat = through(contrast=(0.5, 0.5))
    assert flat.std() == pytest.approx(0.5 * picture.std(), rel=0.05)
    warm = through(white_balance=(1.2, 1.0, 0.8))
    np.testing.assert_allclose(warm / picture, np.broadcast_to([1.2, 1.0, 0.8], picture.shape), atol=0.02)
    compressed = through(jpeg=(30.0, 30.0), jpeg_share=1.0)
    assert 1 < np.abs(compressed - picture).mean() < 60


def test_wild_pictures_are_worse_than_lab_pictures(picture):
    def damage(camera: Camera) -> float:
        shots = (expose(picture, camera, np.random.default_rng(seed)) for seed in range(20))
        return float(np.mean([np.abs(shot.astype(int) - picture).mean() for shot in shots]))

    assert damage(WILD) > 4 * damage(LAB)


def test_photograph_keeps_what_is_true_and_changes_only_the_picture(subject, scene):
    activation = Activation({12: 0.8, 6: 0.6})
    plain = render(subject, activation, scene)
    shot = photograph(subject, activation, scene, WILD, np.random.default_rng(2), "sunglasses")
    assert shot.action_units == plain.action_units
    np.testing.assert_array_equal(shot.landmarks, plain.landmarks)
    assert not np.array_equal(shot.image, plain.image)
    again = photograph(subject, activation, scene, WILD, np.random.default_rng(2), "sunglasses")
    np.testing.assert_array_equal(shot.image, again.image)


def test_an_occluder_keeps_its_form_while_the_head_moves(subject):
    studio = sample_studio(np.random.default_rng(0))
    colours = []
    for yaw in (-0.2, 0.2):
        view = lab_scene(np.random.default_rng(1), 64, studio, (yaw, 0.0, 0.0), (0.0, 0.0, 1.0))
        plain = render(subject, Activation({}), view)
        covered = cover(plain, subject, view, "cup", np.random.default_rng(5))
        changed = np.abs(covered.image.astype(int) - plain.image).max(2) > 40
        rows, columns = np.nonzero(changed)
        mouth = plain.mouth_centre
        assert abs(columns.mean() - mouth[0]) < 10
        assert 0 < rows.mean() - mouth[1] < 16
        colours.append(np.median(covered.image[changed], axis=0))
    assert np.abs(colours[0] - colours[1]).max() < 25
