from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.cli import main
from metafacs.data.datasets.raf_ce import read_raf_ce

pytestmark = pytest.mark.filterwarnings("ignore:.*action units, the paper counts.*")


def sources(root: Path) -> tuple[Path, Path]:
    ml, au = root / "RAF-ML für alle", root / "raf_au"
    for folder in (ml / "EmoLabel", ml / "Image" / "aligned", au / "aligned"):
        folder.mkdir(parents=True)
    shares, codes = ["0 0 .4 0 .6 0", "0 0 0 .5 0 .5"], ["4+R10", "12"]
    for number in (0, 1):
        with (ml / "EmoLabel" / "distribution.txt").open("a") as file:
            file.write(f"{number:04d}.jpg {shares[number]}\n")
        with (au / "RAFAU_label.txt").open("a") as file:
            file.write(f"{number:04d}.jpg {codes[number]}\n")
        for folder in (ml / "Image" / "aligned", au / "aligned"):
            (folder / f"{number:04d}_aligned.jpg").write_bytes(b"x")
    return ml, au


def test_build_writes_the_set_and_says_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ml, au = sources(tmp_path)
    words = ["build", "raf_ce", "--raf_ml", str(ml), "--raf_au", str(au), "--progress", "false"]
    assert main([*words, "--out", str(tmp_path / "raf_ce")]) == 0
    printed = capsys.readouterr().out
    assert "raf_ce: 1 pictures, 1 discarded" in printed
    assert "sadly disgusted: 1" in printed
    assert "out of category" in printed
    (sample,) = read_raf_ce(tmp_path / "raf_ce").samples
    assert sample.expression == 5
    assert main([*words, "--out", str(ml)]) == 1
    assert "not an empty folder" in capsys.readouterr().err


def test_misspelt_set_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["build", "raf_cd", "--raf_ml", str(tmp_path), "--raf_au", str(tmp_path), "--out", "x"])
    assert stop.value.code == 2
    assert "raf_cd" in capsys.readouterr().err
