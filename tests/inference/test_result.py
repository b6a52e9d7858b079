from __future__ import annotations

from metafacs.inference.result import FaceResult


def test_an_action_unit_is_present_from_its_threshold_on() -> None:
    result = FaceResult("a.jpg", success=True, probabilities={1: 0.5, 2: 0.4999, 12: 0.3})
    assert result.present({1: 0.5, 2: 0.5, 12: 0.2}) == {1: True, 2: False, 12: True}


def test_without_a_face_nothing_is_said() -> None:
    assert FaceResult("a.jpg").present({1: 0.5}) == {}
