from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from metafacs.cli import main
from metafacs.data.store import Store


def test_counts_sheet_and_json(au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet, out = tmp_path / "new" / "sheet.png", tmp_path / "counts.json"
    assert main(["inspect", str(au_store.path), "--sheet", str(sheet), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "bp4d (synthetic twin): 96 pictures of 36 px" in printed
    assert "Brow lowerer" in printed
    assert json.loads(out.read_text())["pictures"] == 96
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"


def test_no_store_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path)]) == 1
    assert "not a finished prepared store" in capsys.readouterr().err


def test_patterns_of_expressions(
    compound_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = tmp_path / "patterns.png"
    assert main(["inspect", str(compound_store.path), "--patterns", str(drawn)]) == 0
    printed = capsys.readouterr().out
    assert "synthetic" in printed
    assert compound_store.expressions[0] in printed
    with Image.open(drawn) as picture:
        assert picture.format == "PNG"


def test_patterns_need_both_labels(
    au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(au_store.path), "--patterns", str(tmp_path / "patterns.png")]) == 1
    assert "expression" in capsys.readouterr().err


def test_shares_of_people(au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = tmp_path / "people.png"
    assert main(["inspect", str(au_store.path), "--people", str(drawn)]) == 0
    printed = capsys.readouterr().out
    assert "Pictures of each person that show an action unit, percent (BP4D twin, synthetic)" in printed
    assert "Everybody" in printed
    with Image.open(drawn) as picture:
        assert picture.format == "PNG"


def test_nothing_foreign_and_nothing_of_the_store_is_overwritten(
    au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(au_store.path, tmp_path / "store")
    before = (tmp_path / "store" / "store.json").read_bytes()
    words = ["inspect", str(tmp_path / "store")]
    assert main([*words, "--out", str(tmp_path / "store" / "store.json")]) == 1
    assert "is inside the store" in capsys.readouterr().err
    assert (tmp_path / "store" / "store.json").read_bytes() == before
    assert main([*words, "--out", str(tmp_path / "a"), "--sheet", str(tmp_path / "b" / ".." / "a")]) == 1
    assert "given twice" in capsys.readouterr().err
    photo = tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(photo)
    mine = photo.read_bytes()
    assert main([*words, "--sheet", str(photo)]) == 1
    assert "photo.png is there already" in capsys.readouterr().err
    assert photo.read_bytes() == mine
    for _ in range(2):
        assert main([*words, "--sheet", str(tmp_path / "sheet.png"), "--out", str(tmp_path / "c.json")]) == 0
