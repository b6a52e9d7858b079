from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metafacs.synthesis.activations import RENDERED_AUS, Activation
from metafacs.synthesis.contact_sheet import portrait_scene
from metafacs.synthesis.face_model import load_face_model
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import Rendering, Subject, render, resting_mesh

SIZE = 96
SCENE = portrait_scene(SIZE)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject(replace(sample_identity(10), gains=dict.fromkeys(RENDERED_AUS, 1.0)))


@pytest.fixture(scope="module")
def neutral(subject: Subject) -> Rendering:
    return render(subject, Activation({}), SCENE)


def test_neutral_rendering_is_complete(neutral: Rendering) -> None:
    assert neutral.image.shape == (SIZE, SIZE, 3)
    assert neutral.image.dtype == np.uint8
    assert neutral.landmarks.shape == (68, 2)
    assert neutral.landmarks.dtype == np.float32
    assert neutral.action_units == {}
    assert neutral.pose == (0.0, 0.0, 0.0)
    x0, y0, x1, y1 = neutral.face_box
    assert 0 < x0 < x1 < SIZE
    assert 0 < y0 < y1 < SIZE
    left, right = neutral.eye_centres
    assert left[0] > right[0]  # the subject's left eye is on the right of the picture
    assert neutral.mouth_centre[1] > left[1]


def test_same_arguments_same_bytes(subject: Subject) -> None:
    display = Activation({12: 0.7, 6: 0.5}, {12: (1.0, 0.8)}, (0.2, -0.1))
    again = Subject(subject.identity)
    first, second = (render(who, display, SCENE) for who in (subject, again))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.landmarks, second.landmarks)
    assert first.action_units == second.action_units


def test_another_process_renders_the_same_bytes() -> None:
    program = (
        "import hashlib\n"
        "from metafacs.synthesis.activations import Activation\n"
        "from metafacs.synthesis.contact_sheet import portrait_scene\n"
        "from metafacs.synthesis.identities import sample_identity\n"
        "from metafacs.synthesis.renderer import Subject, render\n"
        "found = render(Subject(sample_identity(5)), Activation({1: 0.8, 25: 0.5}), portrait_scene(48))\n"
        "print(hashlib.sha256(found.image.tobytes() + found.landmarks.tobytes()).hexdigest())\n"
    )
    source = Path(__file__).parents[2] / "src"
    digests = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(source)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_rendering_leaves_subject_and_scene_untouched(subject: Subject, neutral: Rendering) -> None:
    background = SCENE.background.copy()
    render(subject, Activation({1: 1.0, 4: 1.0, 27: 1.0}), SCENE)
    np.testing.assert_array_equal(SCENE.background, background)
    np.testing.assert_array_equal(render(subject, Activation({}), SCENE).image, neutral.image)


@pytest.mark.parametrize("au", RENDERED_AUS)
def test_every_action_unit_can_be_seen(subject: Subject, neutral: Rendering, au: int) -> None:
    image = render(subject, Activation({au: 1.0}), SCENE).image
    changed = np.abs(image.astype(int) - neutral.image).max(2) > 12
    assert changed.sum() > 25, f"AU{au} changes {changed.sum()} pixels"


def test_pictures_differ_between_people() -> None:
    images = [render(Subject(sample_identity(k)), Activation({}), SCENE).image.astype(int) for k in range(4)]
    for i, a in enumerate(images):
        for b in images[:i]:
            assert (np.abs(a - b).max(2) > 12).mean() > 0.1


@pytest.mark.parametrize("pose", [(1.0, 0.0, 0.0), (-1.0, 0.4, 0.4), (0.0, -0.5, 0.0), (0.5, 0.5, -0.4)])
def test_face_stays_framed_in_extreme_poses(subject: Subject, pose: tuple[float, float, float]) -> None:
    scene = replace(SCENE, yaw=pose[0], pitch=pose[1], roll=pose[2])
    found = render(subject, Activation({12: 1.0}), scene)
    assert found.landmarks.min() > -3
    assert found.landmarks.max() < SIZE + 3
    centre = (np.array(found.face_box[:2]) + found.face_box[2:]) / 2
    np.testing.assert_allclose(centre, SIZE / 2, atol=0.08 * SIZE)


def test_light_from_the_right_brightens_the_right(subject: Subject) -> None:
    lamp = replace(SCENE.lights[0], direction=np.array([0.9, 0.1, 0.42], np.float32))
    image = render(subject, Activation({}), replace(SCENE, lights=(lamp,))).image.astype(int)
    middle = image[SIZE // 3 : 2 * SIZE // 3]
    assert middle[:, SIZE // 2 : -SIZE // 4].mean() > middle[:, SIZE // 4 : SIZE // 2].mean() + 15


def test_a_scene_without_lamps_is_lit_by_the_sky(subject: Subject) -> None:
    image = render(subject, Activation({}), replace(SCENE, lights=())).image
    assert 20 < image[SIZE // 2, SIZE // 2].mean() < 235


def test_eyes_are_normalised_and_resting_people_differ() -> None:
    model = load_face_model()
    for seed in range(6):
        mesh = resting_mesh(sample_identity(seed))
        centre = np.mean([mesh[eye].mean(0) for eye in model.eye_vertices], axis=0)
        np.testing.assert_allclose(centre, model.eye_centres.mean(0), atol=0.02)


def test_wrong_background_is_refused(subject: Subject) -> None:
    with pytest.raises(ValueError, match="background has shape"):
        render(subject, Activation({}), replace(SCENE, size=64))
