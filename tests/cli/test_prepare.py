"""Options of the readers on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from metafacs.cli import main
from metafacs.cli.prepare import build_parser
from metafacs.data.store import Store


def test_the_named_data_set_decides_about_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["disfa", "--root", "bp4d", "--out", "o", "--options.threshold", "1"]
    assert build_parser(["prepare", *words]).parse_args(words).options.threshold == 1
    words = ["--root", "disfa", "raf_db", "--out", "o"]
    assert "options" not in build_parser(["prepare", *words]).parse_args(words)
    with pytest.raises(SystemExit):
        main(["prepare", "bp4d", "--root", "r", "--out", "o", "--options.threshold", "1"])
    assert "threshold" in capsys.readouterr().err


def test_list_files_are_prepared_with_their_aus(
    bp4d_twin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted(bp4d_twin.glob("Sequences*/*/T1/*.jpg"))[:3]
    root = tmp_path / "lists"
    for path in paths:
        copy = root / path.relative_to(path.parents[2])
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    names = [path.relative_to(path.parents[2]).as_posix() for path in paths]
    (root / "part1_path.txt").write_text("\n".join(names))
    (root / "part1_AUoccur.txt").write_text("1 0\n-1 1\n0 0\n")
    words = ["prepare", "list_files", "--root", str(root), "--out", str(tmp_path / "store"), "--size", "40"]
    words += ["--options.dataset", "bp4d", "--workers", "1", "--progress", "false"]
    with pytest.raises(SystemExit):
        main(words)
    assert "aus" in capsys.readouterr().err
    assert main([*words, "--options.aus", "[12, 4]"]) == 0
    store = Store(tmp_path / "store")
    assert (store.dataset, store.aus, len(store)) == ("bp4d", (4, 12), 3)
    assert store.action_units[0].tolist() == [0.0, 1.0]
    assert list(store.subjects) == [name.split("/")[0] for name in names]


@pytest.mark.parametrize("name", ["bp4d", "disfa"])
def test_delivered_landmarks_are_an_option(
    name: str, bp4d_twin: Path, disfa_twin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = bp4d_twin if name == "bp4d" else disfa_twin
    assert main(["twin", name, "--root", str(root), "--preset", "tiny", "--progress", "false"]) == 0
    assert f"synthetic twin of {name}" in capsys.readouterr().out
    words = ["prepare", name, "--root", str(root), "--out", str(tmp_path), "--size", "32", "--workers", "1"]
    assert main([*words, "--options.landmarks", "true", "--progress", "false"]) == 0
    assert "0 pictures without a face" in capsys.readouterr().out
    store = Store(tmp_path)
    assert (len(store), store.synthetic) == ({"bp4d": 96, "disfa": 71}[name], True)
    assert not np.isnan(store.landmarks[:, 17:60]).any()
    assert np.nanmax(store.intensities) <= 5
