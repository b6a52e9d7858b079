from __future__ import annotations

import numpy as np
import pytest

from metafacs.faces.suppression import merge_detections, overlap


def test_overlap_of_equal_touching_and_distant_boxes() -> None:
    boxes = np.array([[0, 0, 4, 4], [4, 0, 8, 4], [0, 0, 2, 4], [20, 20, 24, 24]], dtype=float)
    assert overlap(boxes[0], boxes) == pytest.approx([1, 0, 0.5, 0])


def test_a_box_within_another_is_all_overlap_of_the_smaller() -> None:
    boxes = np.array([[0, 0, 10, 10], [2, 2, 4, 4]], dtype=float)
    assert overlap(boxes[0], boxes[1:], of_smaller=True) == pytest.approx([1])
    assert overlap(boxes[0], boxes[1:]) == pytest.approx([0.04])


def test_a_group_becomes_its_mean_weighted_by_score() -> None:
    boxes = np.array([[0, 0, 10, 10, 5], [1, 0, 11, 10, 9], [50, 50, 60, 60, 0]], dtype=float)
    merged, best = merge_detections(boxes, np.array([0.9, 0.3, 0.6]))
    assert best.tolist() == [0.9, 0.6]
    assert merged[0] == pytest.approx([0.25, 0, 10.25, 10, 6])
    assert merged[1] == pytest.approx(boxes[2])


def test_the_order_of_the_detections_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 50, (40, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 20, (40, 2))], axis=1)
    scores = (1 + rng.permutation(40)) / 40
    shuffled = rng.permutation(40)
    once, again = merge_detections(boxes, scores), merge_detections(boxes[shuffled], scores[shuffled])
    assert once[0] == pytest.approx(again[0])
    assert once[1] == pytest.approx(again[1])


def test_nothing_gives_nothing() -> None:
    merged, best = merge_detections(np.zeros((0, 8)), np.zeros(0))
    assert merged.shape == (0, 8)
    assert best.shape == (0,)
