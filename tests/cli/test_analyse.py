from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from metafacs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from metafacs.cli import main
from metafacs.data.store import Store
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes


@pytest.fixture
def models(au_store: Store, expression_store: Store, tmp_path: Path) -> list[Path]:
    return [
        train(
            method,
            au_store.path,
            tmp_path / method,
            options={"backbone": "small"},
            expression=expression_store.path,
            aus=[1, 4, 12],
            iterations=2,
            batch=BatchSizes(8, 8, 8),
            size=32,
            progress=False,
        )
        for method in ("single_task", "mal")
    ]


def test_writes_a_page_about_every_model(
    models: list[Path], au_store: Store, expression_store: Store, tmp_path: Path
) -> None:
    words = ["--action_units", str(au_store.path), "--expression", str(expression_store.path)]
    out = tmp_path / "analysis"
    assert main(["analyse", *map(str, models), *words, "--out", str(out), "--batches", "2"]) == 0
    numbers = json.loads((out / "analysis.json").read_text())
    assert numbers["synthetic"] is True
    assert list(numbers["gradient_cosine"]) == ["mal"]
    page = (out / "analysis.html").read_text()
    assert "Synthetic data" in page
    assert "Where the detectors look" in page
    assert "single_task: AU12" in page
    assert main(["analyse", str(models[0]), *words, "--out", str(out), "--aus", "[9]"]) == 1


def always(model: Path, expression: int) -> Path:
    """Make a model answer one expression for every picture."""
    checkpoint = load_checkpoint(model)
    checkpoint.weights["network.expressions.bias"][expression] = 100.0
    save_checkpoint(model, checkpoint)
    return model


def test_draws_weights_against_votes_of_a_table_and_what_is_corrected(
    models: list[Path],
    au_store: Store,
    expression_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "model.safetensors"
    other.write_bytes(models[1].read_bytes())
    rng = np.random.default_rng(0)
    lines = [
        f"{key},{','.join(map(str, rng.integers(1, 9, len(expression_store.expressions))))}"
        for key in expression_store.keys[:40]
    ]
    table = tmp_path / "votes.csv"
    table.write_text("\n".join([",".join(("picture", *expression_store.expressions)), *lines]))
    words = ["--action_units", str(au_store.path), "--expression", str(expression_store.path)]
    words += ["--out", str(tmp_path / "out"), "--batches", "1", "--votes", str(table)]
    words += ["--against", str(always(other, 0))]
    assert main(["analyse", str(always(models[1], 3)), *words]) == 0
    tested = expression_store.expression[expression_store.parts == "test"]
    numbers = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert numbers["claims"]
    assert numbers["corrected"]["mal"] == {
        "tested": len(tested),
        "corrected": int((tested == 3).sum()),
        "spoiled": int((tested == 0).sum()),
    }
    page = (tmp_path / "out" / "analysis.html").read_text()
    assert "Weight and agreement" in page
    assert "Expressions that one model corrects" in page
    assert page.index("mal, wrong") < page.index("mal: attention, probability of")
    assert f"of {len(tested)} held-out pictures" in capsys.readouterr().out
    # Nothing to compare: the model itself.
    assert main(["analyse", str(other), *words]) == 0
    assert "corrected" not in json.loads((tmp_path / "out" / "analysis.json").read_text())


def test_one_model_that_cannot_be_analysed_takes_no_others_away(
    models: list[Path],
    au_store: Store,
    expression_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = tmp_path / "broken" / "model.safetensors"
    broken.parent.mkdir()
    broken.write_bytes(models[1].read_bytes()[:9000])
    words = ["--action_units", str(au_store.path), "--expression", str(expression_store.path)]
    words += ["--out", str(tmp_path / "out"), "--batches", "2"]
    assert main(["analyse", str(broken), str(models[0]), *words]) == 1
    assert "1 of 2 models failed" in capsys.readouterr().err
    page = tmp_path / "out" / "analysis.html"
    assert "single_task: AU12" in page.read_text()
    page.write_text("mine")
    assert main(["analyse", str(models[0]), *words]) == 1
    assert "analysis.html is there already, and is not what metafacs wrote" in capsys.readouterr().err
    assert page.read_text() == "mine"


def test_options_have_ranges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["analyse", "a", "--action_units", "b", "--expression", "c", "--out", str(tmp_path / "out")]
    for option, value in (("--pictures", "0"), ("--batches", "-1")):
        with pytest.raises(SystemExit):
            main([*words, option, value])
        assert option.strip("-") in capsys.readouterr().err
    assert main([*words, "--aus", "[]"]) == 1
    assert "--aus names no action unit" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_people_of_another_data_set_are_not_taken_for_those_held_out(
    models: list[Path],
    disfa_store: Store,
    expression_store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--action_units", str(disfa_store.path), "--expression", str(expression_store.path)]
    assert main(["analyse", str(models[0]), *words, "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "single_task was trained on bp4d, and" in told
    assert "holds disfa; give the store that it was trained on" in told
