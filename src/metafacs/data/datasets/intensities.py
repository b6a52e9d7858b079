"""Intensities of one action unit as DISFA and BP4D write them: ``frame,intensity``, a line a frame."""

from __future__ import annotations

from collections.abc import Collection

from metafacs.data.datasets.reading import whole_number
from metafacs.facs import HIGHEST_INTENSITY


def parse_intensity(line: str, unknown: Collection[int] = ()) -> tuple[int, int | None] | None:
    """Return (frame, intensity 0 to 5) of one line, or None if it is not one.

    Args:
        line: E.g. ``17,3``.
        unknown: Codes that stand for an intensity that was not coded; it is then None.

    >>> parse_intensity("17,3"), parse_intensity(" 17 , 3 ,"), parse_intensity("17,6")
    ((17, 3), (17, 3), None)
    >>> parse_intensity("17,9", unknown={9})
    (17, None)
    """
    numbers = [whole_number(cell.strip()) for cell in line.strip().rstrip(",").split(",")]
    if len(numbers) != 2:
        return None
    frame, intensity = numbers
    if frame is None or intensity is None:
        return None
    if intensity in unknown:
        return frame, None
    return (frame, intensity) if intensity <= HIGHEST_INTENSITY else None
