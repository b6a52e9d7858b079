from __future__ import annotations

import numpy as np
import pytest
import torch

from metafacs.methods.dual_domain import DualDomain
from metafacs.reports.domain_pictures import draw_predicted_landmarks, draw_separation


@pytest.fixture(scope="module")
def method() -> DualDomain:
    torch.manual_seed(0)
    return DualDomain((1, 12), width=4).eval()


def test_landmarks_are_drawn_where_they_are(method: DualDomain) -> None:
    images = torch.full((2, 3, 32, 32), -1.0)
    known = torch.full((2, 49, 2), float("nan"))
    known[0, 7] = torch.tensor([8.0, 24.0])
    sheet = np.asarray(draw_predicted_landmarks(method, images, known, "target", faces="synthetic"))
    plain = np.asarray(draw_predicted_landmarks(method, images, None, "target", faces="synthetic"))
    assert sheet.shape[0] - plain.shape[0] == 180
    row = sheet[52 + 180 : 52 + 180 + 176, 176:352]
    y, x = (row[..., 0] > 128).nonzero()
    assert (x.mean() + 0.5) / 5.5 == pytest.approx(8.5, abs=0.1)
    assert (y.mean() + 0.5) / 5.5 == pytest.approx(24.5, abs=0.1)
    # Nothing is known of the second face.
    assert not (sheet[52 + 180 : 52 + 180 + 176, 356:532] > 128).any()


def test_separation_has_a_row_per_stage_and_domain(method: DualDomain) -> None:
    torch.manual_seed(1)
    source, target = torch.rand(2, 3, 3, 32, 32) * 2 - 1
    sheet = draw_separation(method, source, target, faces="synthetic")
    assert sheet.height == 52 + 12 * (88 + 4) + 16
    assert sheet.width == 176 + 3 * (88 + 4) + 16
