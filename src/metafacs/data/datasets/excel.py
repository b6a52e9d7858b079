"""Excel files as rows of text: streamed, so that a small file cannot take much memory."""

from __future__ import annotations

import importlib
import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path

from metafacs.data.datasets.reading import DatasetError, shown

_LARGEST = 128 << 20
"""Bytes of an unpacked file; EmotioNet's table, 24,600 rows of 62 cells, takes about half of it."""

_MOST_COLUMNS = 1000
_MOST_ROWS = 1_048_576
"""Rows of the largest sheet that Excel makes."""


def excel_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (1-based row, cells as text) of the first sheet of an Excel file.

    Args:
        path: The ``.xlsx`` file.

    Raises:
        DatasetError: If openpyxl is not installed, or the file is damaged, holds more than 128 MiB when
            unpacked, or more columns than any table of labels.
    """
    if importlib.util.find_spec("openpyxl") is None:
        raise DatasetError(
            f"{path} is an Excel file: run 'pip install openpyxl', or save the table as CSV and give that"
        )
    if not path.is_file():
        raise DatasetError(f"{path} is no regular file; give the Excel file itself")
    try:
        # What an archive says of its size holds: more is not unpacked.
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path, error) from error
    if size > _LARGEST:
        raise DatasetError(
            f"{path} would take {size >> 20} MiB unpacked: it is no table of labels, or save it as CSV and "
            "give that"
        )
    try:
        workbook = importlib.import_module("openpyxl").load_workbook(path, read_only=True, data_only=True)
        rows = workbook.worksheets[0].iter_rows(values_only=True)
        for number, row in enumerate(rows, start=1):
            if len(row) > _MOST_COLUMNS or number > _MOST_ROWS:
                raise DatasetError(f"{path} has more cells than a table of labels; save it as CSV")
            yield number, ["" if cell is None else str(cell) for cell in row]
    except DatasetError:
        raise
    except Exception as error:
        # Damaged archives surface as almost any kind of error.
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DatasetError:
    return DatasetError(f"{path} is not a readable Excel file ({shown(str(error))}); download it again")
