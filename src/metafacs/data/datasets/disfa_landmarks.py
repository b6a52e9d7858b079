"""The landmark files of DISFA: one MATLAB file per frame, named in two ways."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metafacs.data.datasets.folders import find_files, note_files
from metafacs.data.datasets.list_files import counted_from_zero
from metafacs.data.datasets.reading import DatasetError, Reading
from metafacs.parsing import read_bytes

_COUNTED_FROM_ZERO = re.compile(r"^SN\d{3}_(?P<index>\d{4})_lm\.mat$", re.IGNORECASE | re.ASCII)
_COUNTED_FROM_ONE = re.compile(r"^.{2}(?P<number>\d{4})(?!\d).*\.mat$", re.IGNORECASE | re.ASCII)


class LandmarkFiles:
    """The landmarks of one person, read frame by frame.

    Layout: ``tmp_frame_lm/SN001_0000_lm.mat``, counted from 0, or two other characters and four digits that
    count from 1, ``l00001_lm.mat``. Each holds ``pts``, 66 x 2. That their pixels count from 1, as MATLAB's
    do, is said nowhere and is taken from the lists that were made of them.

    Args:
        reading: Takes up what is not read: other files, and files of one frame under both names.
        folder: The person's folder; a missing one holds nothing.

    Attributes:
        folder: Where the files are.
        indices: Numbers in the names that count from 0.
    """

    def __init__(self, reading: Reading, folder: Path) -> None:
        inner = folder / "tmp_frame_lm"
        self.folder = inner if inner.is_dir() else folder
        self.indices: set[int] = set()
        self._files: dict[int, Path] = {}
        strangers, second = [], []
        for path in find_files(reading, self.folder, (".mat",), known=()):
            frame = frame_of(path.name)
            if frame is None:
                strangers.append(path)
            elif self._files.setdefault(frame, path) is not path:
                second.append(path)
            if match := _COUNTED_FROM_ZERO.match(path.name):
                self.indices.add(int(match["index"]))
        note_files(reading, strangers, "name of the landmark file tells no frame")
        note_files(reading, second, "second landmark file of one frame; the first is read")

    def read(self, reading: Reading, frame: int, origin: tuple[Path, int]) -> NDArray[np.float32] | None:
        """Return the points of a frame, the centre of the first pixel at (0, 0); note it if there are none.

        Args:
            reading: Takes up what is missing or damaged.
            frame: Number of the frame, from 1.
            origin: File and line of the frame's label.
        """
        path = self._files.get(frame)
        if path is None:
            reading.skip(*origin, "frame without delivered landmarks; its face is found instead")
            return None
        points = read_points(path)
        if points is None:
            reading.skip(path, None, "landmark file holds no 'pts' of 66 x 2; the face is found instead")
        return points


def refuse_moved_landmarks(last_labels: Mapping[LandmarkFiles, int]) -> None:
    """Fail if files named as counted from 0 count from 1.

    A person who has the file of the last label and none of the first may only have lost that one: where
    somebody else has it, the names count from 0 as they say.

    Args:
        last_labels: The files of every person -> number of the person's last labelled frame, from 1.

    Raises:
        DatasetError: With the numbers.
    """
    if any(0 in files.indices for files in last_labels):
        return
    for files, last in last_labels.items():
        if last in files.indices:
            raise DatasetError(
                f"{files.folder}: the landmark files are numbered {min(files.indices)} to "
                f"{max(files.indices)}, but names such as SN001_0000_lm.mat count from 0, and nobody has "
                "that of the first frame: every frame would get the points of the one before; number them so"
            )


def frame_of(name: str) -> int | None:
    """Return the frame, counted from 1, that a landmark file belongs to, or None for another file.

    >>> frame_of("SN001_0000_lm.mat"), frame_of("l00001_lm.mat"), frame_of("notes.mat")
    (1, 1, None)
    """
    if match := _COUNTED_FROM_ZERO.match(name):
        return int(match["index"]) + 1
    if match := _COUNTED_FROM_ONE.match(name):
        return int(match["number"])
    return None


def read_points(path: Path) -> NDArray[np.float32] | None:
    """Return the points of a MATLAB file, ``66 x 2``, the first pixel at (0, 0), or None if it is not one."""
    # SciPy takes a third of a second to import, and only delivered landmarks need it.
    from scipy.io import loadmat

    try:
        content = read_bytes(path, largest=_LARGEST)
        order = _ORDERS.get(content[126:128])
        if order is not None and not _types_are_known(content[128:], order):
            return None
        points = np.asarray(loadmat(BytesIO(content), variable_names=["pts"])["pts"], dtype=np.float64)
    except Exception:  # damaged bytes make SciPy stumble in any way
        return None
    return counted_from_zero(points)


_ORDERS = {b"IM": "<", b"MI": ">"}
"""End of the header of a MATLAB 5 file -> order of its bytes."""

_LARGEST = 1 << 20
"""Bytes of a file of landmarks, packed and unpacked; 66 points take 1 kB."""

_MATRIX, _COMPRESSED = 14, 15
_TYPES = frozenset({*range(1, 8), 9, *range(12, 19)})


def _types_are_known(content: bytes, order: str) -> bool:
    """Return whether all elements of a MATLAB 5 file have a type that exists: SciPy crashes on any other."""
    place = 0
    while place + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, place)
        start = place + 8
        place = start + size
        if kind >> 16:  # a short element: size and type share four bytes, its content the next four
            kind, place = kind & 0xFFFF, start
        elif kind != _COMPRESSED:
            place += -size % 8
        if kind not in _TYPES:
            return False
        inner = content[start : start + size]
        if kind == _COMPRESSED:
            unpacking = zlib.decompressobj()
            inner = unpacking.decompress(inner, _LARGEST)
            if not unpacking.eof:
                return False
        if kind in (_MATRIX, _COMPRESSED) and not _types_are_known(inner, order):
            return False
    return True
