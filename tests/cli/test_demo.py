from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli import main
from metafacs.evaluation.records import read_record


@pytest.mark.filterwarnings("ignore:.*positive.*")
def test_demo_runs_from_twins_to_report(
    bp4d_twin: Path,
    raf_db_twin: Path,
    stand_in_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "demo"
    # The demo takes up stopped renderings, so finished twins are taken as they are.
    shutil.copytree(bp4d_twin, out / "data" / "bp4d")
    shutil.copytree(raf_db_twin, out / "data" / "raf_db")
    words = ["demo", "--out", str(out), "--preset", "tiny", "--iterations", "3", "--workers", "1"]
    assert main(words) == 0
    assert "synthetic" in capsys.readouterr().out
    results = json.loads((out / "results.json").read_text())
    assert results["synthetic"] is True
    assert set(results["methods"]) == {"single_task", "multi_task", "mal"}
    for scores in results["methods"].values():
        assert 0 <= scores["f1_average"] <= 1
        assert len(scores["f1"]) == 12
        assert scores["seeds"] == [0]
        assert scores["seconds"]["train"] > 0
    assert "synthetic" in (out / "f1.md").read_text()
    assert (out / "f1.csv").exists()
    assert "mal > multi_task on average F1" in results["claims"]
    assert "mal gives low weight to ambiguous expression pictures" in results["claims"]
    assert {read_record(path).paper for path in (out / "models").rglob("record.json")} == {"mal"}
    page = (out / "report.html").read_text()
    assert "synthetic" in page.lower()
    assert "http://" not in page.replace("http://www.w3.org", "")
    for name in ("astronaut", "grace_hopper"):
        assert (out / "photos" / f"{name}_overlay.png").exists()
    reader = f"metafacs people detector {load_checkpoint(stand_in_model).fingerprint}"
    assert page.count(f"Read by the {reader} of the package, trained on rendered faces") == 2
    assert f"<dd>the {reader} of the package, trained on rendered faces</dd>" in page
    first = (out / "models" / "mal-seed0" / "model.safetensors").stat().st_mtime_ns
    assert main(words) == 0
    assert json.loads((out / "results.json").read_text())["methods"].keys() == results["methods"].keys()
    assert (out / "models" / "mal-seed0" / "model.safetensors").stat().st_mtime_ns >= first
    (out / "report.html").write_text("mine")
    assert main(words) == 1
    assert "report.html is there already, and is not what metafacs wrote there" in capsys.readouterr().err
    assert (out / "report.html").read_text() == "mine"


def test_a_package_without_a_detector_is_told_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("metafacs.inference.loading.PACKAGED_MODEL", tmp_path / "people.safetensors")
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 1
    assert "metafacs detector build" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "[]"], "--seeds are different numbers, at least one, not []"),
        (["--seeds", "[1, 1]"], "--seeds are different numbers, at least one, not [1, 1]"),
        (["--seeds", "[-1]"], "seed is -1; give a number from 0"),
        (["--iterations", "0"], "iterations is 0; give a number from 1"),
    ],
)
def test_settings_out_of_range_are_told_before_the_rendering(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--out", str(tmp_path / "demo"), *words]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
