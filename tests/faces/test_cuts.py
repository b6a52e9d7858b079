from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from metafacs.faces.cuts import CutFinder

Picture = NDArray[np.uint8]


def wall(shift: int = 0, level: int = 60) -> Picture:
    y, x = np.mgrid[0:90, 0:160]
    stripes = level + 40 * np.sin((x + shift) / 25) + 0.3 * y
    return np.stack([stripes] * 3, 2).astype(np.uint8)


def test_only_another_camera_is_a_cut() -> None:
    cuts = CutFinder()
    assert [cuts.is_cut(wall(shift)) for shift in range(0, 30, 2)] == [False] * 15
    assert cuts.is_cut(wall(0, 150))
    assert not cuts.is_cut(wall(1, 150))


def test_a_moving_camera_is_none() -> None:
    cuts = CutFinder()
    assert not any(cuts.is_cut(wall(shift)) for shift in range(0, 200, 10))


def test_a_state_survives_json() -> None:
    cuts, again = CutFinder(), CutFinder()
    for shift in range(4):
        cuts.is_cut(wall(3 * shift))
    again.restore(json.loads(json.dumps(cuts.state())))
    assert again.state() == cuts.state()
    assert again.is_cut(wall(0, 150)) == cuts.is_cut(wall(0, 150))


def test_tiny_pictures_are_taken() -> None:
    cuts = CutFinder()
    assert not cuts.is_cut(np.zeros((1, 1, 3), np.uint8))
    assert cuts.is_cut(np.full((1, 1, 3), 255, np.uint8))
