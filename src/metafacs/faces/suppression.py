"""Merges overlapping detections of one face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def overlap(box: Array, boxes: Array, *, of_smaller: bool = False) -> Array:
    """Return the intersection over union of one box with each of several.

    Args:
        box: ``4``: left, top, right, bottom.
        boxes: ``box x 4``.
        of_smaller: Divide by the smaller box's area instead of the union, which also tells a box within
            another.

    Returns:
        ``box``, 0-1.

    >>> overlap(np.array([0, 0, 2, 2]), np.array([[1, 0, 3, 2], [5, 5, 6, 6]])).round(3).tolist()
    [0.333, 0.0]
    """
    size = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = size.clip(min=0).prod(1)
    own, areas = (box[2:] - box[:2]).prod(), (boxes[:, 2:] - boxes[:, :2]).prod(1)
    area = np.minimum(own, areas) if of_smaller else own + areas - shared
    return shared / np.maximum(area, 1e-9)


def merge_detections(boxes: Array, scores: Array, threshold: float = 0.3) -> tuple[Array, Array]:
    """Return one detection per group of overlapping ones: their mean, weighted by score.

    Weighted non-maximum suppression as BlazeFace uses it; it is steadier than keeping the best box.

    Args:
        boxes: ``detection x n``, n >= 4: left, top, right, bottom, then any further coordinates.
        scores: ``detection``, more than 0, at most 1.
        threshold: Intersection over union above which two detections are of one face.

    Returns:
        ``face x n`` detections, best first, and their best ``face`` scores.
    """
    waiting = np.argsort(-scores, kind="stable")
    merged, best = [], []
    while len(waiting):
        same = overlap(boxes[waiting[0], :4], boxes[waiting, :4]) > threshold
        same[0] = True
        group = waiting[same]
        merged.append(np.average(boxes[group], axis=0, weights=scores[group]))
        best.append(scores[waiting[0]])
        waiting = waiting[~same]
    if not merged:
        return np.zeros((0, boxes.shape[1])), np.zeros(0)
    return np.stack(merged), np.array(best)
