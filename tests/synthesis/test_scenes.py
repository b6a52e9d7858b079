from __future__ import annotations

import numpy as np
import pytest

from metafacs.synthesis.scenes import (
    Laboratory,
    Surroundings,
    lab_scene,
    sample_studio,
    turn_studio,
    unit,
    wild_scene,
)


def test_lab_scenes_of_a_studio_share_light_and_wall_but_not_the_pose():
    studio = sample_studio(np.random.default_rng(4))
    first = lab_scene(np.random.default_rng(1), 48, studio)
    second = lab_scene(np.random.default_rng(2), 48, studio)
    assert first.background.shape == (96, 96, 3)
    np.testing.assert_array_equal(first.background, second.background)
    for light, other in zip(first.lights, second.lights, strict=True):
        np.testing.assert_array_equal(light.direction, other.direction)
        np.testing.assert_array_equal(light.colour, other.colour)
    assert first.yaw != second.yaw
    assert abs(first.yaw) < 0.4


def test_another_studio_differs():
    one, other = (sample_studio(np.random.default_rng(seed)) for seed in (1, 2))
    assert one.backdrop_seed != other.backdrop_seed
    assert not np.array_equal(one.lights[0].direction, other.lights[0].direction)


def test_a_laboratory_decides_about_light_wall_and_camera():
    dark = Laboratory(
        key=(0.0, 0.0, 1.0), key_colour=(0.2, 0.1, 0.1), walls=((0.1, 0.2, 0.3),), enlargement=2.0
    )
    studio = sample_studio(np.random.default_rng(0), 0.0, dark)
    np.testing.assert_allclose(studio.lights[0].direction, [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(studio.lights[0].colour, [0.2, 0.1, 0.1], rtol=1e-6)
    np.testing.assert_allclose(studio.backdrop / studio.backdrop[0], [1, 2, 3], rtol=1e-5)
    assert (studio.enlargement, studio.exposure) == (2.0, dark.exposure)


def test_a_turned_studio_has_the_same_lamps_from_elsewhere():
    studio = sample_studio(np.random.default_rng(4))
    turned = turn_studio(studio, 0.7)
    for light, other in zip(studio.lights, turned.lights, strict=True):
        assert np.linalg.norm(other.direction) == pytest.approx(1, abs=1e-5)
        assert other.direction[1] == pytest.approx(light.direction[1], abs=1e-6), "lamps keep their height"
        angle = np.arctan2(other.direction[0], other.direction[2]) - np.arctan2(*light.direction[[0, 2]])
        assert (angle + np.pi) % (2 * np.pi) - np.pi == pytest.approx(0.7, abs=1e-5)
        np.testing.assert_array_equal(other.colour, light.colour)
    np.testing.assert_array_equal(turned.backdrop, studio.backdrop)
    assert turned.backdrop_seed != studio.backdrop_seed
    assert turn_studio(studio, 0.0).backdrop_seed == studio.backdrop_seed


def test_given_framing_is_kept_and_leaves_the_rest_of_the_frame():
    studio = sample_studio(np.random.default_rng(4))
    free = lab_scene(np.random.default_rng(0), 32, studio)
    framed = lab_scene(np.random.default_rng(0), 32, studio, framing=(0.1, -0.05, 1.2))
    assert framed.framing == (0.1, -0.05, studio.enlargement * 1.2)
    assert (framed.yaw, framed.exposure) == (free.yaw, free.exposure)


def test_given_pose_is_kept():
    studio = sample_studio(np.random.default_rng(4))
    pose = (0.1, -0.2, 0.05)
    lab = lab_scene(np.random.default_rng(0), 32, studio, pose)
    wild = wild_scene(np.random.default_rng(0), 32, pose=pose)
    for scene in (lab, wild):
        assert (scene.yaw, scene.pitch, scene.roll) == pose


@pytest.mark.parametrize("seed", range(20))
def test_wild_scenes_obey_the_contract(seed):
    scene = wild_scene(np.random.default_rng(seed), 32)
    assert abs(scene.yaw) <= 0.95
    assert abs(scene.pitch) <= 0.45
    assert abs(scene.roll) <= 0.40
    assert 5 <= scene.camera_distance <= 14
    assert 1.3 <= scene.framing[2] <= 1.75
    assert 1 <= len(scene.lights) <= 2
    assert scene.lights[0].casts_shadow
    for light in scene.lights:
        assert np.linalg.norm(light.direction) == pytest.approx(1, abs=1e-5)
        assert (light.colour >= 0).all()
    assert scene.lights[0].direction[2] > 0.1, "the key must not stand behind the head"
    assert 0.2 < scene.exposure < 5
    assert scene.background.shape == (64, 64, 3)


def test_surroundings_are_parameters():
    calm = Surroundings(pose_deviation=(0.0, 0.0, 0.0), enlargement=(2.0, 2.0))
    scene = wild_scene(np.random.default_rng(0), 32, calm)
    assert (scene.yaw, scene.pitch, scene.roll) == (0, 0, 0)
    assert scene.framing[2] == 2.0


def test_unit_has_length_one():
    np.testing.assert_allclose(unit(3, 0, 4), [0.6, 0, 0.8], rtol=1e-6)
