from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from metafacs.checkpoints.checkpoint import Checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description
from metafacs.cli import main
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import SMALL
from metafacs.models.backends import backend_version

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

KNOWN = {"input_size": 64, "alignment": {"box_enlarge": 2.6, "border": 128}, "synthetic": True}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    method, options = SingleTask((1, 12), backbone=SMALL), {"backbone": "small"}
    path = tmp_path / "model.safetensors"
    description = Description.from_json(KNOWN)
    save_checkpoint(
        path,
        Checkpoint("single_task", {**options}, (1, 12), (), method.state_dict(), description, iteration=3),
    )
    return path


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "faces.csv").open() as file:
        return list(csv.DictReader(file))


def test_an_exported_model_predicts_what_the_model_does(
    model: Path, astronaut: NDArray[np.uint8], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported, picture = tmp_path / "model.onnx", tmp_path / "photo.png"
    Image.fromarray(astronaut).save(picture)
    assert main(["export", str(model), "--out", str(exported)]) == 0
    assert f"{backend_version('onnxruntime')}: within " in capsys.readouterr().out
    places = {"torch": ["--model", str(model)], "onnx": ["--model", str(exported)]}
    places["both"] = [*places["torch"], "--backend", "onnxruntime"]
    for place, words in places.items():
        shown = ["predict", str(picture), *words, "--out", str(tmp_path / place), "--overlay", "false"]
        assert main(shown) == 0
    (expected,) = rows_of(tmp_path / "torch")
    for place in ("onnx", "both"):
        (row,) = rows_of(tmp_path / place)
        assert row.keys() == expected.keys()
        for name, value in row.items():
            if name.strip().startswith(("AU", "x_", "y_")):
                assert float(value) == pytest.approx(float(expected[name]), abs=0.011), name
        sidecar = json.loads((tmp_path / place / "faces.csv.meta.json").read_text())
        assert sidecar["backend"] == backend_version("onnxruntime")
        assert sidecar["run"]["backend"] == "onnxruntime"
    plain = json.loads((tmp_path / "torch" / "faces.csv.meta.json").read_text())
    assert plain["backend"] == backend_version("torch")
    assert "backend" not in plain["run"]
    capsys.readouterr()
    # Rows of two backends do not go into one table.
    words = ["predict", str(picture), *places["both"], "--out", str(tmp_path / "torch"), "--overlay", "false"]
    assert main([*words, "--resume"]) == 1
    assert "torch" in capsys.readouterr().err


def test_only_own_files_are_replaced(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = tmp_path / "theirs.onnx"
    foreign.write_bytes(b"somebody's")
    assert main(["export", str(model), "--out", str(foreign)]) == 1
    assert "is no model that metafacs exported" in capsys.readouterr().err
    assert foreign.read_bytes() == b"somebody's"
    assert main(["export", str(model), "--out", str(tmp_path / "model.bin")]) == 1
    assert "ends in .onnx" in capsys.readouterr().err
