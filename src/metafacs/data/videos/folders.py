"""The frames of a video that lie in a folder as numbered pictures."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from metafacs.data.videos.frames import Frame, VideoError
from metafacs.data.videos.remarks import enumerate_briefly
from metafacs.data.videos.selection import EVERY_FRAME, Selection
from metafacs.faces.pictures import SUFFIXES, PictureError, read_picture

_SPARSEST = 1000
"""Numbers per picture above which they are no numbers of frames but times or names."""

_NUMBERED = re.compile(r"(?P<name>.*?)(?P<digits>\d+)", re.ASCII | re.DOTALL)


class FrameFolder:
    """The numbered pictures of a folder as frames: ``0001.png``, ``0002.png`` or ``frame_0.jpg`` and so on.

    The first picture is frame 0, and the others keep their distance to it: a number that is missing is a
    frame without an image, so that frames stay in step with the names.

    Args:
        path: The folder; other files in it are left alone.
        rate: Pictures per second, for time stamps; without it the time stamps are NaN.

    Raises:
        VideoError: If there are no numbered pictures, more than one sequence of them, two of one number, or
            none can be read.
        ValueError: If the rate is not above 0.
    """

    def __init__(self, path: Path | str, *, rate: float | None = None) -> None:
        if rate is not None and not rate > 0:
            raise ValueError(f"{rate:g} pictures per second make no sense; give a rate above 0")
        self.path, self.name, self.rate = Path(path), str(path), rate
        self._pictures = _sequence(self.path)
        self._first = min(self._pictures)
        self.notes: list[str] = []
        self.frame_count: int | None = max(self._pictures) - self._first + 1
        missing = [n for n in range(self._first, max(self._pictures)) if n not in self._pictures]
        if missing:
            self.notes.append(f"Pictures are missing: number {enumerate_briefly(missing)}.")
        self.height, self.width = self._size()

    def frames(self, numbers: Selection = EVERY_FRAME, start_at: int = 0) -> Iterator[Frame]:
        """Yield the selected frames in order; see :class:`FrameSource`.

        Raises:
            VideoError: If the selection asks for times and no rate is known.
        """
        if self.rate is None and (numbers.fps or numbers.start is not None or numbers.end is not None):
            raise VideoError(
                f"{self.path} holds pictures without times; give their rate, or select every N-th of them"
            )
        for number in numbers.choose(range(self.frame_count or 0), self._time):
            if number >= start_at:
                yield self._read(number)

    def _read(self, number: int) -> Frame:
        path = self._pictures.get(self._first + number)
        if path is None:
            return Frame(number, self._time(number), None, f"there is no picture {self._first + number}")
        try:
            return Frame(number, self._time(number), read_picture(path))
        except PictureError as error:
            return Frame(number, self._time(number), None, str(error))

    def _time(self, number: int) -> float:
        return float("nan") if self.rate is None else number / self.rate

    def _size(self) -> tuple[int, int]:
        for number in sorted(self._pictures):
            image = self._read(number - self._first).image
            if image is not None:
                return image.shape[0], image.shape[1]
        raise VideoError(f"none of the pictures in {self.path} can be read; copy them again")


def _sequence(folder: Path) -> dict[int, Path]:
    """Return the pictures of a folder by the number at the end of their names."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise VideoError(f"{folder} {what}; give a folder of numbered pictures")
    sequences: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        match = _NUMBERED.fullmatch(path.stem)
        if match and path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
            sequences[match["name"]].append((match["digits"], path))
    if not sequences:
        raise VideoError(f"{folder} holds no numbered pictures such as 0001.png; give a folder that does")
    if len(sequences) > 1:
        names = ", ".join(f"{files[0][1].name} ({len(files)})" for files in sequences.values())
        raise VideoError(
            f"{folder} holds {len(sequences)} sequences of numbered pictures, beginning with {names}; "
            "give each a folder of its own"
        )
    files = next(iter(sequences.values()))
    width = min(len(digits) for digits, _ in files)
    padded = {digits == str(int(digits)).zfill(width): path for digits, path in reversed(files)}
    if False in padded:
        raise VideoError(
            f"{folder} holds {padded[True].name} and {padded[False].name}, numbered in different ways as if "
            "they were two sequences; give each a folder of its own"
        )
    pictures: dict[int, Path] = {}
    for digits, path in files:
        number = int(digits)
        if number in pictures:
            raise VideoError(
                f"{folder} holds number {number} twice, {pictures[number].name} and {path.name}; remove one"
            )
        pictures[number] = path
    first, last = min(pictures), max(pictures)
    if last - first >= _SPARSEST * len(pictures):
        raise VideoError(
            f"{folder} holds {len(pictures)} pictures from {pictures[first].name} to {pictures[last].name}; "
            "so far apart these are no numbers of frames: number them one after the other"
        )
    return pictures
