from __future__ import annotations

import pytest
import torch

from metafacs.metrics.landmarks import failure_rate, interocular_distance, normalised_mean_error

NAN = float("nan")


def test_error_is_the_mean_distance_in_units_of_the_face() -> None:
    targets = torch.zeros(2, 3, 2)
    predicted = targets + torch.tensor([3.0, 4.0])
    errors = normalised_mean_error(predicted, targets, torch.tensor([10.0, 50.0]))
    assert errors.tolist() == pytest.approx([0.5, 0.1])


def test_unknown_landmarks_are_left_out() -> None:
    targets = torch.tensor([[[0.0, 0.0], [NAN, NAN]], [[NAN, NAN], [NAN, NAN]]])
    errors = normalised_mean_error(torch.ones(2, 2, 2), targets, torch.ones(2))
    assert errors[0].item() == pytest.approx(2**0.5)
    assert torch.isnan(errors[1])
    assert failure_rate(errors, 0.1).item() == 1.0


def test_interocular_distance_uses_the_outer_corners() -> None:
    landmarks = torch.zeros(1, 68, 2)
    landmarks[0, 45] = torch.tensor([6.0, 8.0])
    assert interocular_distance(landmarks).item() == pytest.approx(10.0)


def test_interocular_distance_of_the_eye_centres() -> None:
    landmarks = torch.zeros(2, 49, 2)
    landmarks[:, 19:25] = torch.arange(12.0).reshape(6, 2)
    landmarks[1, 20, 0] = NAN
    distance = interocular_distance(landmarks, slice(19, 25), slice(25, 31))
    assert distance[0].item() == pytest.approx((5**2 + 6**2) ** 0.5)
    assert torch.isnan(distance[1])


def test_failure_rate_counts_errors_above_the_limit() -> None:
    assert failure_rate(torch.tensor([0.05, 0.1, 0.2, 0.3])).item() == pytest.approx(0.5)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="landmark x 2"):
        normalised_mean_error(torch.zeros(1, 5, 3), torch.zeros(1, 5, 3), torch.ones(1))
    with pytest.raises(ValueError, match="positive length"):
        normalised_mean_error(torch.zeros(1, 5, 2), torch.zeros(1, 5, 2), torch.zeros(1))
