"""The program as a user meets it: commands, files, exit codes, messages."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli import command_module, main
from metafacs.evaluation.records import read_record

SMALL = ["--size", "48", "--options.backbone", "small", "--batch.au", "8", "--batch.expression", "8"]
SMALL += ["--batch.validation", "8", "--reserve", "0.1"]


@pytest.fixture(scope="module")
def stores(bp4d_twin: Path, raf_db_twin: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("cli")
    for name, root in (("bp4d", bp4d_twin), ("raf_db", raf_db_twin)):
        words = ["prepare", name, "--root", str(root), "--out", str(folder / name), "--size", "52"]
        assert main([*words, "--workers", "1", "--progress", "false"]) == 0
    return {"bp4d": folder / "bp4d", "raf_db": folder / "raf_db"}


def training(stores: dict[str, Path], out: Path, *more: str) -> list[str]:
    words = ["train", "--method", "mal", "--action_units", str(stores["bp4d"]), "--out", str(out)]
    return [*words, "--expression", str(stores["raf_db"]), "--progress", "false", *SMALL, *more]


@pytest.fixture(scope="module")
def model(stores: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    assert main(training(stores, out, "--iterations", "4")) == 0
    return out / "model.safetensors"


def test_twelve_aus_of_bp4d_are_the_default(model: Path) -> None:
    assert load_checkpoint(model).aus == (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)


@pytest.mark.filterwarnings("ignore:.*positive.*")
def test_evaluate_writes_the_record(
    model: Path, stores: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "f1.csv"
    words = ["evaluate", str(model), "--action_units", str(stores["bp4d"]), "--table", str(table)]
    assert main(words) == 0
    assert "synthetic" in table.read_text()
    record = read_record(model.parent / "record.json")
    assert record.method == "mal"
    assert record.data.synthetic
    assert set(record.history) >= {"iteration", "loss_validation", "weight_expression"}
    assert "synthetic faces" in capsys.readouterr().out


def test_stopped_training_goes_on(stores: dict[str, Path], tmp_path: Path) -> None:
    """SIGTERM writes a checkpoint; the same command then ends with the weights of an unbroken run."""
    words = training(stores, tmp_path / "parts", "--iterations", "60", "--checkpoint_every", "5")
    checkpoint = tmp_path / "parts" / "checkpoint.safetensors"
    process = subprocess.Popen([sys.executable, "-m", "metafacs", *words])
    deadline = time.monotonic() + 240
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 130
    stopped = load_checkpoint(checkpoint)
    assert 5 <= stopped.iteration < 60
    for out in ("parts", "whole"):
        words[words.index("--out") + 1] = str(tmp_path / out)
        subprocess.run([sys.executable, "-m", "metafacs", *words], check=True)
    parts, whole = (load_checkpoint(tmp_path / out / "model.safetensors") for out in ("parts", "whole"))
    assert all((parts.weights[key] == value).all() for key, value in whole.weights.items())
    assert parts.history == whole.history


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--method", "magic"], "magic"),
        (["train", "--method", "mal", "--options.bakbone", "small"], "bakbone"),
        (["train", "--method", "single_task", "--options.balance", "1"], "balance"),
        (["predict", "x.jpg", "--model", "m", "--fromat", "fex"], "fromat"),
        (["twin", "celeba", "--root", "x"], "celeba"),
        (["dance"], "dance"),
    ],
)
def test_misspelt_words_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*positive.*")
def test_several_models_make_one_table(model: Path, stores: dict[str, Path], tmp_path: Path) -> None:
    other = training(stores, tmp_path / "run", "--iterations", "4", "--seed", "1")
    assert main(other) == 0
    table = tmp_path / "f1.md"
    words = ["evaluate", str(model), str(tmp_path / "run" / "model.safetensors"), "--table", str(table)]
    assert main([*words, "--action_units", str(stores["bp4d"])]) == 0
    assert "±" in table.read_text()
    assert main([*words[:-1], "table.txt", "--action_units", str(stores["bp4d"])]) == 1


def test_expected_errors_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path / "none"), "--action_units", str(tmp_path)]) == 1
    assert "does not exist; give the model.safetensors" in capsys.readouterr().err
    assert main(["prepare", "bp4d", "--root", str(tmp_path), "--out", str(tmp_path / "s")]) == 1
    assert "AU_OCC is missing" in capsys.readouterr().err


def test_methods_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("single_task", "multi_task", "mal"))


def test_print_config_can_be_read_back(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["train", "--method", "mal", "--action_units", "a", "--out", "o", "--print_config"]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 0
    path = tmp_path / "config.yaml"
    path.write_text(capsys.readouterr().out)
    parser = command_module("train").build_parser(["--config", str(path)])
    values = parser.parse_args(["--config", str(path)])
    assert values.method == "mal"
    assert values.options.backbone.name == "resnet34"
    assert values.batch.validation == 256
