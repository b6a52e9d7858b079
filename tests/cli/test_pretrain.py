from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from metafacs.cli import main
from metafacs.models.backbones import Backbone
from metafacs.tensor_files import read_header


def test_weights_are_rebuilt_by_one_command(
    pretraining_faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    # A finished rendering is taken as it is.
    shutil.copytree(pretraining_faces, out / "faces")
    words = ["pretrain", "--out", str(out), "--preset", "tiny", "--iterations", "2", "--workers", "1"]
    assert main([*words, "--progress", "false"]) == 0
    said = capsys.readouterr().out
    assert "synthetic faces, 6 pictures of 2 held-out people" in said
    path = out / "small_faces.safetensors"
    assert str(path) in said
    Backbone("small", str(path)).build()
    told = read_header(path)
    assert told is not None
    assert told["synthetic"] is True
    assert told["never_read"] == ["action units", "expressions"]
    assert (told["people"], told["iterations"], told["seed"]) == (18, 2, 0)
    scores = told["scores_on_held_out_people"]
    assert isinstance(scores, dict)
    assert 0 <= scores["verification_auc"] <= 1
    before = path.read_bytes()
    assert main([*words, "--progress", "false"]) == 0
    assert path.read_bytes() == before
