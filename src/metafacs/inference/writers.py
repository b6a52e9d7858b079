"""Writes results in the formats that other tools read: OpenFace, py-feat's Fex, JSON lines, Parquet.

Rows go to a temporary file as they come, so a long video needs no more memory than a short one; the file gets
its name when it is complete.
"""

from __future__ import annotations

import csv
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from metafacs.faces.alignment import Angles
from metafacs.facs import au_column
from metafacs.files import written_whole
from metafacs.inference.detector import Detector
from metafacs.inference.pose_conventions import fex_angles, openface_angles
from metafacs.inference.result import FaceResult
from metafacs.texts import cell

Row = dict[str, object]

_LANDMARKS = 68
_BOX = ("face_x", "face_y", "face_width", "face_height")
_POSE = ("pose_Rx", "pose_Ry", "pose_Rz")
_FEX_POSE = ("Pitch", "Roll", "Yaw")
_ROWS_PER_GROUP = 4096


class ResultWriter(ABC):
    """Takes results one by one. Get one from :func:`open_writer`.

    There are columns for what the detector tells: intensities and pose only if it does.

    Args:
        path: The file to write.
        detector: Whose results are written.
    """

    def __init__(self, path: Path, detector: Detector) -> None:
        self._detector = detector

    @abstractmethod
    def write(self, result: FaceResult) -> None:
        """Append one face, or one picture without a face."""

    @abstractmethod
    def close(self) -> None:
        """Write what is still held back and close the file."""

    def _row(self, result: FaceResult) -> Row:
        """Return the columns of the OpenFace convention; None where there is no face."""
        row: Row = {
            "frame": result.frame,
            "face_id": result.face_id,
            "timestamp": _seconds(result),
            "confidence": round(result.score, 3),
            "success": int(result.success),
            "input": result.input,
        }
        row |= dict(zip(_BOX, _rectangle(result), strict=True))
        if self._detector.pose:
            row |= dict(zip(_POSE, _angles(result, openface_angles, 3), strict=True))
        aus, present = self._detector.aus, result.present(self._detector.thresholds)
        row |= {au_column(au, "p"): result.probabilities.get(au) for au in aus}
        if self._detector.intensities:
            row |= {au_column(au, "r"): result.intensities.get(au) for au in aus}
        row |= {au_column(au, "c"): int(present[au]) if au in present else None for au in aus}
        return row


class _CsvWriter(ResultWriter):
    def __init__(self, path: Path, detector: Detector) -> None:
        super().__init__(path, detector)
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="")
        self._table = csv.DictWriter(self._file, list(self._columns(FaceResult(""))), lineterminator="\n")
        self._table.writeheader()

    @abstractmethod
    def _columns(self, result: FaceResult) -> Row:
        """Return one row; its keys are the header."""

    def write(self, result: FaceResult) -> None:
        self._table.writerow(self._columns(result) | {"input": cell(result.input)})

    def close(self) -> None:
        self._file.close()


class _OpenFaceWriter(_CsvWriter):
    """CSV as of OpenFace: frame, ... success, ... pose_Rx ... AU01_p ... AU01_r ... AU01_c ...

    ``AUxx_p`` is a probability, which OpenFace does not write; ``AUxx_r`` the intensity, 0 to 5; ``AUxx_c``
    is 1 where the probability reaches the threshold named in the sidecar file.
    """

    def _columns(self, result: FaceResult) -> Row:
        return self._row(result)


class _FexWriter(_CsvWriter):
    """CSV as of py-feat's Fex: FaceRectX ... x_0 ... y_67, Pitch ... AU01 (probability) ... input, frame."""

    def _columns(self, result: FaceResult) -> Row:
        names = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")
        row: Row = dict(zip(names, _rectangle(result), strict=True))
        row["FaceScore"] = round(result.score, 3) if result.success else None
        for axis, name in enumerate("xy"):
            for i in range(_LANDMARKS):
                row[f"{name}_{i}"] = (
                    None if result.landmarks is None else round(float(result.landmarks[i, axis]), 2)
                )
        if self._detector.pose:
            row |= dict(zip(_FEX_POSE, _angles(result, fex_angles, 2), strict=True))
        row |= {au_column(au): result.probabilities.get(au) for au in self._detector.aus}
        return row | {
            "input": result.input,
            "frame": result.frame,
            "face_id": result.face_id,
            "timestamp": _seconds(result),
        }


class _JsonLinesWriter(ResultWriter):
    """One JSON object per line with OpenFace's names and the 68 landmarks as ``[[x, y], ...]``."""

    def __init__(self, path: Path, detector: Detector) -> None:
        super().__init__(path, detector)
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="\n")

    def write(self, result: FaceResult) -> None:
        points = None if result.landmarks is None else result.landmarks.round(2).tolist()
        self._file.write(json.dumps(self._row(result) | {"landmarks": points}, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()


class ParquetWriter(ResultWriter):
    """Parquet with OpenFace's names and the 68 landmarks as one list ``x0, y0, x1, y1, ...``."""

    def __init__(self, path: Path, detector: Detector) -> None:
        super().__init__(path, detector)
        types: dict[str, pa.DataType] = {"frame": pa.int64(), "face_id": pa.int32(), "success": pa.int8()}
        types |= {"input": pa.string(), "timestamp": pa.float64()}
        names = self._row(FaceResult(""))
        fields = [
            (name, pa.int8() if name.endswith("_c") else types.get(name, pa.float32())) for name in names
        ]
        self._schema = pa.schema([*fields, ("landmarks", pa.list_(pa.float32()))])
        self._table = pq.ParquetWriter(path, self._schema)
        self._waiting: list[Row] = []

    def write(self, result: FaceResult) -> None:
        """Append one face, or one picture without a face."""
        points = None if result.landmarks is None else result.landmarks.round(2).ravel().tolist()
        self._waiting.append(self._row(result) | {"landmarks": points})
        if len(self._waiting) >= _ROWS_PER_GROUP:
            self._flush()

    def attach(self, name: str, text: str) -> None:
        """Put a text into the foot of the file, where readers of the rows do not see it."""
        self._table.add_key_value_metadata({name: text})

    def close(self) -> None:
        """Write what is still held back and close the file."""
        self._flush()
        self._table.close()

    def _flush(self) -> None:
        if self._waiting:
            self._table.write_table(pa.Table.from_pylist(self._waiting, self._schema))
        self._waiting = []


WRITERS: dict[str, type[ResultWriter]] = {
    "openface": _OpenFaceWriter,
    "fex": _FexWriter,
    "jsonl": _JsonLinesWriter,
    "parquet": ParquetWriter,
}
"""Name of the format -> its writer."""

SUFFIXES = {"openface": ".csv", "fex": ".csv", "jsonl": ".jsonl", "parquet": ".parquet"}
"""Name of the format -> the usual ending of its files."""


@contextmanager
def open_writer(path: str | Path, form: str, detector: Detector) -> Iterator[ResultWriter]:
    """Open a file of results; it appears, complete, when the block ends without an error.

    Args:
        path: The file to write; its folder is made if needed, an older file is replaced.
        form: A name in ``WRITERS``.
        detector: Whose results are written.

    Raises:
        ValueError: If the format is unknown or the path is a folder.
    """
    path = Path(path)
    if form not in WRITERS:
        raise ValueError(f"format {form!r} is unknown; choose one of {', '.join(WRITERS)}")
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder; give the name of a file, e.g. {path / ('faces' + SUFFIXES[form])}"
        )
    with written_whole(path) as temporary:
        writer = WRITERS[form](temporary, detector)
        try:
            yield writer
        finally:
            writer.close()


def _seconds(result: FaceResult) -> float | None:
    """Return when a frame is shown; None where no rate tells it."""
    return None if math.isnan(result.timestamp) else round(result.timestamp, 3)


def _rectangle(result: FaceResult) -> tuple[float | None, float | None, float | None, float | None]:
    """Return left, top, width and height in pixels."""
    if result.box is None:
        return None, None, None, None
    left, top, right, bottom = result.box
    return round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1)


def _angles(
    result: FaceResult, convention: Callable[[Angles], Angles], decimals: int
) -> tuple[float | None, ...]:
    """Return the head's angles in another tool's convention; None without a face."""
    if result.pose is None:
        return None, None, None
    return tuple(round(angle, decimals) for angle in convention(result.pose))
