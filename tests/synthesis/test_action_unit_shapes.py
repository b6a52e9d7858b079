from __future__ import annotations

import numpy as np
import pytest

from metafacs.synthesis.action_unit_shapes import pose, unit_weights
from metafacs.synthesis.activations import RENDERED_AUS, Activation
from metafacs.synthesis.face_model import load_face_model

NEUTRAL = load_face_model().neutral


def posed(activation: Activation) -> np.ndarray:
    return pose(NEUTRAL, activation, {}, {})


@pytest.mark.parametrize("au", RENDERED_AUS)
def test_every_action_unit_moves_the_face_in_proportion(au: int) -> None:
    half, full = (posed(Activation({au: x})) - NEUTRAL for x in (0.5, 1.0))
    assert np.linalg.norm(full, axis=1).max() > 0.02
    np.testing.assert_allclose(full, 2 * half, atol=0.01)


@pytest.mark.parametrize("au", [au for au in RENDERED_AUS if au not in (26, 27)])
def test_asymmetry_keeps_the_other_side_still(au: int) -> None:
    move = posed(Activation({au: 1.0}, {au: (1.0, 0.0)})) - NEUTRAL
    right, left = NEUTRAL[:, 0] < -0.1, NEUTRAL[:, 0] > 0.1
    assert np.linalg.norm(move[right]) < 0.5 * np.linalg.norm(move[left])


def test_neutral_display_is_the_resting_face() -> None:
    np.testing.assert_array_equal(posed(Activation({12: 0.0})), NEUTRAL)


def test_gain_scales_the_movement() -> None:
    weak = pose(NEUTRAL, Activation({12: 1.0}), {12: 0.5}, {}) - NEUTRAL
    np.testing.assert_allclose(weak, posed(Activation({12: 0.5})) - NEUTRAL, atol=1e-6)


def test_shared_units_saturate_and_closed_lids_do_not_squint() -> None:
    both = unit_weights(Activation({6: 1.0, 7: 1.0}), {}, {})["eyeSquint"]
    assert both == (1.0, 1.0)
    rested = unit_weights(Activation({7: 1.0}), {}, {"eyeSquintLeft": 0.5, "eyeSquintRight": 0.0})
    assert rested["eyeSquint"] == pytest.approx((0.5, 1.0))
    assert unit_weights(Activation({6: 1.0, 43: 1.0}), {}, {})["eyeSquint"] == (0.0, 0.0)


def test_gaze_turns_both_eyes_the_same_way() -> None:
    model = load_face_model()
    moved = posed(Activation({}, gaze=(1.0, 0.0))) - NEUTRAL
    for eye in model.eye_vertices:
        front = eye[np.argmax(NEUTRAL[eye, 2])]
        assert moved[front, 0] > 0.03  # to the subject's left


def test_corner_rises_in_a_smile_but_not_in_a_dimple() -> None:
    corner = load_face_model().landmarks[54]
    smile, dimple = (posed(Activation({au: 1.0}))[corner] - NEUTRAL[corner] for au in (12, 14))
    assert smile[1] > 0.08
    assert abs(dimple[1]) < 0.02
