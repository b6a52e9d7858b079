from __future__ import annotations

import json
from pathlib import Path

import pytest

from metafacs.cli import main, push
from metafacs.data.store import Store
from metafacs.inference.loading import load_detector


def test_files_are_written_for_a_look_without_a_network(
    untrained_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["push", str(untrained_model), "lab/faces", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert str(tmp_path / "out" / "README.md") in capsys.readouterr().out
    assert "# lab/faces" in (tmp_path / "out" / "README.md").read_text()
    assert main(words) == 1
    assert "is there already; name an empty folder" in capsys.readouterr().err


def test_the_command_tells_where_the_model_is(
    untrained_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def save_to_hub(model: Path, repository: str, **options: object) -> str:
        asked.append((model, repository, options))
        return f"hf:{repository}@{'c' * 40}"

    monkeypatch.setattr(push, "save_to_hub", save_to_hub)
    assert main(["push", str(untrained_model), "lab/faces", "--licence", "mit", "--public"]) == 0
    assert asked == [(untrained_model, "lab/faces", {"private": False, "records": [], "licence": "mit"})]
    assert f"published: hf:lab/faces@{'c' * 40}" in capsys.readouterr().out


def test_a_wrong_repository_ends_in_a_sentence(
    untrained_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(untrained_model), "faces"]) == 1
    assert "metafacs push: 'faces' is no repository of the Hub; write user/name" in capsys.readouterr().err


def test_a_model_on_a_network_of_timm_goes_all_the_way(au_store: Store, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="needs the extra timm")
    run, out = tmp_path / "run", tmp_path / "out"
    words = ["--action_units", str(au_store.path), "--out", str(run), "--size", "32", "--iterations", "1"]
    words += ["--split", "everybody", "--batch.au", "8", "--batch.validation", "8", "--aus", "[1,4,12]"]
    assert main(["train", "--method", "single_task", "--options.backbone", "timm:test_convnext", *words]) == 0
    assert main(["push", str(run / "model.safetensors"), "lab/faces", "--out", str(out)]) == 0
    told = json.loads((out / "config.json").read_text())
    assert told["options"]["backbone"] == {"name": "timm:test_convnext", "weights": "none"}
    assert told["initial_weights"] == {"choice": "none", "sha256": None, "timm": timm.__version__}
    assert "with the backbone `timm:test_convnext`" in (out / "README.md").read_text()
    assert load_detector(out / "model.safetensors").aus == load_detector(run / "model.safetensors").aus
