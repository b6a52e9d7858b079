from __future__ import annotations

import numpy as np
import pytest
import torch

from metafacs.faces.tensors import to_tensor


def test_pixels_become_minus_one_to_one_channels_first() -> None:
    crops = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    tensor = to_tensor(crops)
    assert tensor.shape == (2, 3, 4, 5)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert tensor[1, 2, 3, 4].item() == pytest.approx((crops[1, 3, 4, 2] / 255 - 0.5) / 0.5, abs=1e-6)


def test_arrays_and_tensors_give_the_same_and_stay_as_they_were() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 6, 6, 3), dtype=np.uint8)
    before = crops.copy()
    assert torch.equal(to_tensor(crops), to_tensor(torch.from_numpy(crops)))
    assert torch.equal(to_tensor(crops[:, ::-1]), to_tensor(np.ascontiguousarray(crops[:, ::-1])))
    assert np.array_equal(crops, before)


@pytest.mark.parametrize(
    "crops",
    [np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 3, 4, 4), np.uint8)],
)
def test_other_arrays_are_refused(crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="batch x height x width x 3"):
        to_tensor(crops)
