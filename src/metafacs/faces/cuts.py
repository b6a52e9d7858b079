"""Notices when a video cuts to another camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metafacs.faces.warping import Picture

_COLUMNS, _ROWS = 24, 14
# Grey levels by which the picture changes at a cut at least, and how often more than just before.
_LEAST, _TIMES = 14.0, 3.5
_USUAL = 3.0
_MEMORY = 0.8


class CutFinder:
    """Compares each frame, much reduced, with the one before.

    A cut changes most of the picture at once, by more than the camera and the people moved just before.
    """

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None
        self._change = _USUAL

    def is_cut(self, image: Picture) -> bool:
        """Return whether this frame is seen by another camera than the one before.

        Args:
            image: ``height x width x 3``, uint8; the frames of one video in their order.
        """
        now = _reduced(image)
        before, self._before = self._before, now
        if before is None:
            return False
        change = float(np.abs(now - before).mean())
        if change > max(_LEAST, _TIMES * self._change):
            self._change = _USUAL
            return True
        self._change = _MEMORY * self._change + (1 - _MEMORY) * change
        return False

    def state(self) -> dict[str, object]:
        """Return what the next answer depends on, as plain data for JSON."""
        reduced = None if self._before is None else self._before.astype(int).ravel().tolist()
        return {"before": reduced, "change": self._change}

    def restore(self, state: dict[str, object]) -> None:
        """Go on from a state that :meth:`state` returned."""
        before, change = state["before"], state["change"]
        assert isinstance(change, float)
        self._change = change
        self._before = None if before is None else np.array(before, np.float32).reshape(_ROWS, _COLUMNS, 3)


def _reduced(image: Picture) -> NDArray[np.float32]:
    """Return ``rows x columns x 3`` whole grey levels, each the mean of 3 x 3 points of its part."""
    rows, columns = (
        ((np.arange(3 * count) + 0.5) * size / (3 * count)).astype(int)
        for count, size in ((_ROWS, image.shape[0]), (_COLUMNS, image.shape[1]))
    )
    points = image[rows[:, None], columns].reshape(_ROWS, 3, _COLUMNS, 3, 3)
    return np.rint(points.mean((1, 3))).astype(np.float32)
