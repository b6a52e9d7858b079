"""Excel files; the package that opens them may be absent, so most of this runs with one in its place."""

from __future__ import annotations

import importlib
import importlib.util
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from metafacs.data.datasets import excel
from metafacs.data.datasets.excel import excel_rows
from metafacs.data.datasets.reading import DatasetError


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an archive that passes for an Excel file, and let openpyxl be installed."""
    path = tmp_path / "table.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "x")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    return path


def let_hold(monkeypatch: pytest.MonkeyPatch, rows: list[tuple[object, ...]]) -> None:
    """Let the first sheet hold rows."""
    sheet = SimpleNamespace(iter_rows=lambda values_only: iter(rows))
    package = SimpleNamespace(load_workbook=lambda *_, **__: SimpleNamespace(worksheets=[sheet]))
    monkeypatch.setattr(importlib, "import_module", lambda name: package)


def test_cells_become_text(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_hold(monkeypatch, [("URL", "'AU 1'"), (None, None), ("http://x/1.jpg", 1), ("y", 999.0)])
    assert list(excel_rows(table)) == [
        (1, ["URL", "'AU 1'"]),
        (2, ["", ""]),
        (3, ["http://x/1.jpg", "1"]),
        (4, ["y", "999.0"]),
    ]


def test_more_cells_than_a_table_has_are_refused(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_hold(monkeypatch, [("x",) * 16_384])
    with pytest.raises(DatasetError, match="more cells than a table of labels"):
        next(excel_rows(table))


def test_a_small_file_that_unpacks_to_much_is_refused(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "_LARGEST", 3 << 20)
    with zipfile.ZipFile(table, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(4 << 20))
    assert table.stat().st_size < 10_000
    with pytest.raises(DatasetError, match="would take 4 MiB unpacked"):
        next(excel_rows(table))


def test_a_damaged_file_is_one_sentence(table: Path) -> None:
    table.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DatasetError, match="not a readable Excel file"):
        next(excel_rows(table))


@pytest.mark.skipif(importlib.util.find_spec("openpyxl") is None, reason="openpyxl is not installed")
def test_a_real_file_is_read(tmp_path: Path) -> None:
    book = importlib.import_module("openpyxl").Workbook()
    book.active.append(["URL", "'AU 1'"])
    book.active.append(["http://x/1.jpg", 1])
    book.save(tmp_path / "real.xlsx")
    assert list(excel_rows(tmp_path / "real.xlsx")) == [(1, ["URL", "'AU 1'"]), (2, ["http://x/1.jpg", "1"])]
