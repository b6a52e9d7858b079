from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from metafacs.faces.blazeface import BlazeFace, Detection, anchors
from metafacs.faces.graph_network import load_asset

Picture = NDArray[np.uint8]
CPU = torch.device("cpu")
EYES = np.array([[202.7, 101.2], [246.8, 103.6]])


@pytest.fixture(scope="module", params=["blaze_full", "blaze_back"])
def blaze(request: pytest.FixtureRequest) -> BlazeFace:
    return BlazeFace(load_asset(request.param), CPU)


def test_there_is_one_anchor_per_row_of_the_output() -> None:
    assert anchors(192).shape == (2304, 2)
    assert anchors(256).shape == (896, 2)
    assert anchors(256)[0].tolist() == anchors(256)[1].tolist() == [0.5 / 16, 0.5 / 16]
    assert anchors(192)[1].tolist() == pytest.approx([1.5 / 48, 0.5 / 48])


def test_the_face_is_found_where_it_is(blaze: BlazeFace, astronaut: Picture) -> None:
    (found,) = blaze(astronaut)
    assert found.score > 0.6
    assert np.abs(found.eyes - EYES).max() < 8
    left, top, right, bottom = found.box
    assert left < EYES[0, 0] < EYES[1, 0] < right
    assert top < EYES[0, 1] < bottom


@pytest.mark.parametrize("padding", [0.25, 0.4])
def test_a_margin_does_not_move_the_face(blaze: BlazeFace, astronaut: Picture, padding: float) -> None:
    (found,) = blaze(astronaut, padding)
    assert np.abs(found.eyes - EYES).max() < 10


def test_a_face_in_a_part_has_the_place_in_the_whole(blaze: BlazeFace, astronaut: Picture) -> None:
    (found,) = blaze.within(astronaut, (100, 10, 256))
    assert np.abs(found.eyes - EYES).max() < 6


def test_a_picture_without_a_face(blaze: BlazeFace, scenery: Picture) -> None:
    assert blaze(scenery) == []


def test_the_region_is_centred_and_turned_like_the_face() -> None:
    found = Detection(np.array([10.0, 20, 50, 60]), np.array([[20.0, 30], [30.0, 40]]), 0.9)
    region = found.region()
    assert region.centre == (29.5, 39.5)
    assert region.side == 60
    assert region.angle == pytest.approx(np.pi / 4)
