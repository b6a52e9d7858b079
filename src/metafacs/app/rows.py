"""The rows of an analysis as the page reads them while it is going on, and the landmarks beside them.

Rows are JSON lines, a frame each. Landmarks, most of what is known of a face and needed only where a frame
is shown, are records of one size in a file of their own, so that a stretch of frames is found without reading
the rest.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metafacs.inference.engine import FrameResults
    from metafacs.inference.result import FaceResult

ROWS, LANDMARKS = "rows.jsonl", "landmarks.bin"
"""Names of the two files in the folder of an analysis."""

_POINTS = 68
_RECORD = struct.Struct(f"<2i{2 * _POINTS}f")
_PART = 1 << 20
MOST_LANDMARKS = 2000
"""Records that are given at once."""


def row_of(frame: FrameResults, aus: Sequence[int]) -> dict[str, Any]:
    """Return a frame as plain data, without its landmarks.

    Args:
        frame: What it shows.
        aus: Order of the values.
    """
    seen = [face for face in frame.faces if face.success]
    # A frame without a face holds one result that may say why.
    problem = "" if seen else frame.faces[0].problem
    return {
        "n": frame.number,
        "t": round(frame.timestamp, 3),
        "faces": [_face(face, aus) for face in seen],
        "problem": problem,
    }


def _face(face: FaceResult, aus: Sequence[int]) -> dict[str, Any]:
    assert face.box is not None
    return {
        "id": face.face_id,
        "score": round(face.score, 3),
        "box": [round(edge, 1) for edge in face.box],
        "p": [round(face.probabilities[au], 4) for au in aus],
        "i": [face.intensities[au] for au in aus] if face.intensities else [],
        "pose": None if face.pose is None else list(face.pose),
    }


class RowWriter:
    """Writes rows and landmarks as they come; a context manager.

    Args:
        folder: Of the analysis; it is made if needed.
        aus: Order of the values.
    """

    def __init__(self, folder: Path, aus: Sequence[int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._aus = aus
        # Handed to the system at once: the server reads what is there.
        self._rows = (folder / ROWS).open("wb", buffering=0)
        self._landmarks = (folder / LANDMARKS).open("wb", buffering=0)

    def add(self, frame: FrameResults) -> None:
        """Append a frame."""
        for face in frame.faces:
            if face.landmarks is not None:
                points = face.landmarks.ravel().tolist()
                self._landmarks.write(_RECORD.pack(frame.number, face.face_id, *points))
        line = json.dumps(row_of(frame, self._aus), ensure_ascii=False, separators=(",", ":"))
        self._rows.write(line.encode(errors="backslashreplace") + b"\n")

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._rows.close()
        self._landmarks.close()


def read_rows(folder: Path, after: int) -> tuple[bytes, int, bool]:
    """Return whole rows behind a place, about a megabyte of them.

    Args:
        folder: Of the analysis.
        after: Place in bytes, as the last call gave it; 0 at the beginning.

    Returns:
        The rows as elements of a JSON array, without its brackets; the place behind them; whether more rows
        are there.

    Raises:
        ValueError: If the place is not the beginning of a row.
    """
    try:
        file = (folder / ROWS).open("rb")
    except FileNotFoundError:
        if after:
            raise ValueError(_NO_PLACE) from None
        return b"", 0, False
    with file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(after - 1, 0))
        if after > size or (after and file.read(1) != b"\n"):
            raise ValueError(_NO_PLACE)
        part = file.read(_PART)
        if len(part) == _PART and b"\n" not in part:
            part += file.readline()
    whole = part[: part.rfind(b"\n") + 1]
    place = after + len(whole)
    return whole.rstrip(b"\n").replace(b"\n", b","), place, bool(whole) and size - place > 0


_NO_PLACE = "no row begins there; begin with after=0"


def told_by_rows(folder: Path) -> dict[str, Any]:
    """Return how long an analysis is whose process died, and who is in it, as its end would have told.

    Args:
        folder: Of the analysis.
    """
    done, people, seconds = 0, set[int](), 0.0
    place, more = 0, True
    while more:
        part, place, more = read_rows(folder, place)
        for row in json.loads(b"[" + part + b"]"):
            done, seconds = done + 1, row["t"]
            people |= {face["id"] for face in row["faces"]}
    return {"done": done, "people": sorted(people), "seconds": seconds}


def read_landmarks(folder: Path, first: int, last: int) -> bytes:
    """Return the records of a stretch of frames: frame and person as int32, 136 coordinates as float32.

    Args:
        folder: Of the analysis.
        first: Number of the first frame.
        last: Number of the last one.
    """
    try:
        file = (folder / LANDMARKS).open("rb")
    except FileNotFoundError:
        return b""
    with file:
        count = os.fstat(file.fileno()).st_size // _RECORD.size

        def frame_at(place: int) -> int:
            file.seek(place * _RECORD.size)
            return int.from_bytes(file.read(4), "little", signed=True)

        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if frame_at(middle) < first else (low, middle)
        begin, high = low, min(count, low + MOST_LANDMARKS)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if frame_at(middle) <= last else (low, middle)
        file.seek(begin * _RECORD.size)
        return file.read((low - begin) * _RECORD.size)
