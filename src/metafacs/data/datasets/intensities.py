"""Intensities of one action unit as DISFA and BP4D write them: ``frame,intensity``, a line a frame."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from metafacs.data.datasets.mismatches import CodeBook
from metafacs.data.datasets.reading import DatasetError, Reading, whole_number
from metafacs.facs import HIGHEST_INTENSITY

NO_INTENSITY = "labelled frame without an intensity of this action unit"


class IntensityFile:
    """The intensities of one action unit in one recording; lines that hold none are noted.

    Args:
        reading: Takes up what is left out.
        path: The file.
        au: Its action unit.
        unknown: Codes that stand for an intensity that was not coded.
        first_frame: What the data set calls the first frame; None where files begin anywhere.

    Attributes:
        path: The file.
        au: Its action unit.
        levels: Frame -> intensity 0 to 5, None where it was not coded.
        lines: Frame -> line, 1-based.
        numbers: All numbers of frames, also of lines whose intensity is none.

    Raises:
        DatasetError: If many lines hold a code that is no intensity, or frames count from another
            number than the data set's.
    """

    def __init__(
        self,
        reading: Reading,
        path: Path,
        au: int,
        *,
        unknown: Collection[int] = (),
        first_frame: int | None = None,
    ) -> None:
        self.path, self.au = path, au
        self.levels: dict[int, int | None] = {}
        self.lines: dict[int, int] = {}
        also = "".join(f" or {code}" for code in sorted(unknown))
        book = f"an intensity 0 to {HIGHEST_INTENSITY}{also}"
        codes = CodeBook(path, book, float)
        frames: list[int] = []
        for number, line in reading.lines(path):
            cells = _cells(line)
            # Of a line that is cut off within the number of the frame nobody knows what it was.
            frame = whole_number(cells[0]) if len(cells) > 1 else None
            parsed = parse_intensity(line, unknown)
            if frame is not None:
                frames.append(frame)
            if frame is not None and len(cells) == 2:
                codes.count_row(spoilt=parsed is None, shows=parsed is not None and bool(parsed[1]))
                if parsed is None:
                    codes.count_strange(None, cells[1])
            if parsed is None or parsed[0] < (first_frame or 0):
                reading.skip(path, number, f"line is not 'frame,intensity' with {book}")
            elif parsed[0] in self.levels:
                reading.skip(path, number, "frame is labelled twice; the first label counts")
            else:
                self.lines[parsed[0]], self.levels[parsed[0]] = number, parsed[1]
        codes.refuse_if_many("")
        self.numbers = frozenset(frames)
        if first_frame == 1 and frames[:3] == [0, 1, 2]:
            raise DatasetError(
                f"{path} counts its frames from 0, the data set counts from 1: every label would go to the "
                "frame before; add 1 to the numbers"
            )


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
    numbers = [whole_number(cell) for cell in _cells(line)]
    if len(numbers) != 2:
        return None
    frame, intensity = numbers
    if frame is None or intensity is None:
        return None
    if intensity in unknown:
        return frame, None
    return (frame, intensity) if intensity <= HIGHEST_INTENSITY else None


def _cells(line: str) -> list[str]:
    """Return the cells of a line, without blank ones behind the second."""
    cells = [cell.strip() for cell in line.split(",")]
    return cells if any(cells[2:]) else cells[:2]


def check_threshold(threshold: int) -> int:
    """Return the smallest intensity that counts as present if it is one.

    Raises:
        ValueError: If it is not 1 to 5.
    """
    if not 1 <= threshold <= HIGHEST_INTENSITY:
        raise ValueError(f"threshold must be an intensity from 1 to {HIGHEST_INTENSITY}, not {threshold}")
    return threshold
