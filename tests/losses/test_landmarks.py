from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from metafacs.losses.landmarks import action_unit_centres, cell_loss, landmark_cells, landmark_loss

NAN = float("nan")


def points(count: int = 3, landmarks: int = 49) -> Tensor:
    torch.manual_seed(0)
    return torch.rand(count, landmarks, 2, dtype=torch.float64) * 60


def test_landmark_loss_is_equation_1_over_known_landmarks() -> None:
    targets, predicted, scale = points(), points() + 1, torch.tensor([10.0, 7.0, NAN], dtype=torch.float64)
    predicted[1, 4] += 3
    targets[0, 3, 1] = NAN
    expected = []
    for face in range(3):
        total = 0.0
        for (x, y), (u, v) in zip(targets[face].tolist(), predicted[face].tolist(), strict=True):
            if not any(map(math.isnan, (x, y))):
                total += (x - u) ** 2 + (y - v) ** 2
        s = scale[face].item()
        expected.append(0.0 if math.isnan(s) else total / (2 * s**2))
    torch.testing.assert_close(landmark_loss(predicted, targets, scale).tolist(), expected)


def test_unknown_landmarks_send_no_gradient() -> None:
    targets, scale = points(), torch.tensor([10.0, 7.0, NAN], dtype=torch.float64)
    targets[0, 3] = NAN
    predicted = (points() + 1).requires_grad_()
    landmark_loss(predicted, targets, scale).sum().backward()
    assert predicted.grad is not None
    assert torch.isfinite(predicted.grad).all()
    assert predicted.grad[0, 3].abs().sum() == predicted.grad[2].abs().sum() == 0
    assert (predicted.grad[1] != 0).all()
    assert torch.autograd.gradcheck(lambda p: landmark_loss(p, targets, scale), predicted)


def test_cells_are_equation_2_counted_from_zero() -> None:
    landmarks = points()
    landmarks[0, 0] = torch.tensor([-3.0, 400.0])
    cells = landmark_cells(landmarks, 64, 16)
    for face in range(3):
        for number, (x, y) in enumerate(landmarks[face].tolist()):
            column, row = (min(max(round(p * 16 / 64), 0), 15) for p in (x, y))
            assert cells[face, number] == row * 16 + column
    assert cells[0, 0] == 15 * 16
    landmarks[1, 2, 0] = NAN
    assert landmark_cells(landmarks, 64, 16)[1, 2] == -1


def test_centres_of_action_units_move_as_in_adld() -> None:
    landmarks = points()
    ruler = (landmarks[:, 22, 0] - landmarks[:, 25, 0]).abs()
    share = dict.fromkeys((4, 5, 15, 17), -1 / 2) | dict.fromkeys((1, 8), -1 / 3)
    share |= dict.fromkeys((2, 7), 1 / 3) | dict.fromkeys((24, 29), 1.0) | dict.fromkeys((39, 41), 1 / 2)
    moved = action_unit_centres(landmarks)
    assert torch.equal(moved[..., 0], landmarks[..., 0])
    for number in range(49):
        torch.testing.assert_close(
            moved[:, number, 1], landmarks[:, number, 1] + share.get(number, 0.0) * ruler
        )


def test_centres_need_the_ruler() -> None:
    landmarks = points()
    landmarks[0, 22] = NAN
    moved = action_unit_centres(landmarks)
    assert torch.isnan(moved[0, 4, 1])
    assert torch.isfinite(moved[0, 30]).all()
    with pytest.raises(ValueError, match="49"):
        action_unit_centres(torch.zeros(2, 68, 2))


def test_cell_loss_is_equation_3_over_known_landmarks() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    cells = torch.tensor([[0, 15, -1], [7, 7, 3]])
    expected = []
    for face in range(2):
        terms = []
        for number in range(3):
            cell = int(cells[face, number])
            if cell >= 0:
                values = logits[face, number].exp().flatten()
                terms.append(-math.log((values[cell] / values.sum()).item()))
        expected.append(sum(terms) / len(terms))
    torch.testing.assert_close(cell_loss(logits, cells).tolist(), expected)
    assert torch.autograd.gradcheck(lambda x: cell_loss(x, cells), logits)
    (gradient,) = torch.autograd.grad(cell_loss(logits, cells).sum(), logits)
    assert gradient[0, 2].abs().sum() == 0
    assert cell_loss(logits, torch.full((2, 3), -1)).tolist() == [0, 0]


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="landmark x 2"):
        landmark_loss(torch.zeros(1, 5, 3), torch.zeros(1, 5, 3), torch.ones(1))
    with pytest.raises(ValueError, match="one length per face"):
        landmark_loss(torch.zeros(1, 5, 2), torch.zeros(1, 5, 2), torch.ones(2))
    with pytest.raises(ValueError, match="height x width"):
        cell_loss(torch.zeros(1, 5, 4, 4), torch.zeros(1, 4, dtype=torch.long))
