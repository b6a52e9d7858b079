"""From a list of labelled photos to a person's file and a prediction with it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.cli import main, personalise
from metafacs.faces.alignment import AlignmentSpec
from metafacs.methods import FEW_SHOT
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import SMALL
from metafacs.personalisation.person import Person

KNOWN = Description(Framing(32, 36, AlignmentSpec()), synthetic=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    weights = SingleTask((1, 4), backbone=SMALL).state_dict()
    save_checkpoint(
        path,
        Checkpoint("single_task", {"backbone": "small"}, (1, 4), (), weights, KNOWN),
    )
    return path


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of an astronaut (NASA, public domain) in two lights, which a list calls AU 12 and no AU 12."""
    folder = tmp_path_factory.mktemp("album")
    photo = np.asarray(data.astronaut())[:300, 60:360].astype(float)
    rows = []
    for number in range(8):
        light = 0.55 if number % 2 else 1.0
        shade = np.clip(photo * (light + 0.02 * number), 0, 255).astype(np.uint8)
        Image.fromarray(shade).save(folder / f"{number}.png")
        rows.append(f"{number}.png,{number % 2},")
    (folder / "support.csv").write_text("picture,AU12,AU4\n" + "\n".join(rows) + "\n")
    return folder


def test_a_new_au_is_added_for_a_person(
    model: Path, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    me = tmp_path / "me.safetensors"
    words = ["personalise", "--model", str(model), "--support", str(album / "support.csv"), "--out", str(me)]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert f"'metafacs predict --model {model} --person {me}'" in out.replace("\n", " ")
    assert "none -> 1.00" in out
    assert "AU4 Brow lowerer: too few labels" in out
    assert "kB)" in out
    words = [
        "predict",
        str(album / "3.png"),
        str(album / "4.png"),
        "--model",
        str(model),
        "--overlay",
        "false",
    ]
    assert main([*words, "--person", str(me), "--out", str(tmp_path / "with")]) == 0
    rows = list(csv.DictReader((tmp_path / "with" / "faces.csv").open()))
    assert [row["AU12_c"] for row in rows] == ["1", "0"]
    assert set(rows[0]) >= {"AU01_p", "AU04_p", "AU12_p"}
    assert "me.safetensors" in (tmp_path / "with" / "faces.csv.meta.json").read_text()


def test_errors_are_one_sentence(
    model: Path, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few.csv"
    few.write_text(f"picture,AU4\n{album / '1.png'},1\n")
    words = ["--support", str(few), "--out", str(tmp_path / "me.safetensors")]
    words = ["personalise", "--model", str(model), *words]
    assert main(words) == 1
    captured = capsys.readouterr()
    assert "too few labels" in captured.out
    assert "no action unit got better, so nothing was written" in captured.err
    assert not (tmp_path / "me.safetensors").exists()
    few.write_text("picture,AU4\nnone.png,1\n")
    assert main(words) == 1
    assert "line 2" in capsys.readouterr().err
    learner = tmp_path / "learner.safetensors"
    weights = FEW_SHOT["maml"]((1, 4)).state_dict()
    save_checkpoint(learner, Checkpoint("maml", {}, (1, 4), (), weights, KNOWN))
    assert main(["personalise", "--model", str(learner), *words[3:], "--mode", "full"]) == 1
    assert "drop --mode" in capsys.readouterr().err
    photo = str(album / "1.png")
    assert main(["predict", photo, "--model", str(learner)]) == 1
    assert "give the result with --person" in capsys.readouterr().err
    assert main(["predict", photo, "--model", str(model), "--person", str(tmp_path / "me.safetensors")]) == 1
    assert "metafacs personalise" in capsys.readouterr().err


def test_copies_of_two_photos_are_two_photos(
    model: Path, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = []
    for number in range(8):
        picture = Image.open(album / f"{number % 2}.png")
        picture.resize((260 + number, 260 + number)).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{number % 2}\n")
    listed = tmp_path / "dup.csv"
    listed.write_text("picture,AU12\n" + "".join(lines))
    words = ["personalise", "--model", str(model), "--support", str(listed)]
    assert main([*words, "--out", str(tmp_path / "me.safetensors")]) == 1
    captured = capsys.readouterr()
    told = " ".join(captured.out.split())
    assert "6 pictures are copies of others and count once: line 4 (as line 2), line 5 (as line 3)" in told
    assert "AU12 Lip corner puller: too few labels to be checked: give at least 2 pictures with it" in told
    assert not (tmp_path / "me.safetensors").exists()
    for out, message in ((listed, "would be overwritten"), (tmp_path, "is a folder")):
        assert main([*words, "--out", str(out)]) == 1
        assert message in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path / "3.png")]) == 1
    assert "would be overwritten" in capsys.readouterr().err


def test_only_a_persons_file_is_replaced_and_that_is_told_before_fitting(
    model: Path,
    album: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fit(*_: object, **__: object) -> tuple[Person, list[str]]:
        return Person("last", "another", (12,), {"weight": torch.zeros(2)}), []

    monkeypatch.setattr(personalise, "fit_support", fit)
    words = ["personalise", "--model", str(model), "--support", str(album / "support.csv"), "--out"]
    me, trained, notes = (tmp_path / name for name in ("me.safetensors", "trained.safetensors", "notes.txt"))
    assert main([*words, str(me)]) == 0
    assert main([*words, str(me)]) == 0
    trained.write_bytes(model.read_bytes())
    notes.write_text("mine")
    monkeypatch.setattr(personalise, "fit_support", None)
    for other in (trained, notes):
        before = other.read_bytes()
        capsys.readouterr()
        assert main([*words, str(other)]) == 1
        assert f"{other} is there already, and is no person's file" in capsys.readouterr().err
        assert other.read_bytes() == before


def test_without_a_model_it_is_the_one_in_the_package(
    stand_in_model: Path, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    me, photo = tmp_path / "me.safetensors", str(album / "3.png")
    words = ["--support", str(album / "support.csv"), "--out", str(me)]
    assert main(["personalise", *words]) == 0
    out = " ".join(capsys.readouterr().out.split())
    fingerprint = load_checkpoint(stand_in_model).fingerprint
    assert f"fitted to metafacs people detector {fingerprint}" in out
    assert f"'metafacs predict --person {me}'" in out
    assert main(["predict", photo, "--person", str(me), "--out", str(tmp_path / "own")]) == 0
    told = json.loads((tmp_path / "own" / "faces.csv.meta.json").read_text())
    assert told["model"]["model"] == f"metafacs people detector {fingerprint}"
    assert told["model"]["person"] == str(me)
    assert told["experimental"] == ["AU04"]
    assert main(["predict", photo, "--out", str(tmp_path / "general")]) == 0
    assert (tmp_path / "general" / "3_overlay.png").exists()
