from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from metafacs.cli import few_shot, main
from metafacs.data.store import Store
from metafacs.evaluation.few_shot_records import read_few_shot_record
from metafacs.locks import OWN_FILES
from metafacs.training.few_shot import ADAM


@pytest.fixture
def words(au_store: Store, tmp_path: Path) -> list[str]:
    words = ["few_shot", "--action_units", str(au_store.path), "--out", str(tmp_path), "--subjects", "2"]
    words += ["--aus", "[1,4,12]", "--workers", "1", "--progress", "false", "--learners", "[maml,baseline]"]
    words += ["--training.iterations", "1", "--training.size", "32", "--training.shots", "2"]
    words += ["--training.backbone", "small"]
    words += ["--training.second_order", "false", "--training.optimizer.lr", ".003"]
    return [*words, "--testing.shots", "[1]", "--testing.repetitions", "1", "--testing.judged", "2"]


def test_one_field_of_the_optimizer_leaves_the_others(words: list[str]) -> None:
    parser = few_shot.build_parser(words[1:])
    found = parser.instantiate(parser.parse_args(few_shot.rewritten(words[1:]))).training.optimizer
    assert found == replace(ADAM, lr=0.003)


def test_writes_records_table_and_figures_and_takes_them_up(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*words[:-2], "--paper", "maml_au", "--testing.steps", "[0,5]", *words[-2:]]
    assert main(words) == 0
    written = {path.name for path in tmp_path.iterdir()} - OWN_FILES
    figures = {f"accuracy_by_{kind}.png" for kind in ("au", "person", "steps")}
    tables = {
        f"{name}{suffix}" for name in ("accuracy", "accuracy_by_steps", "gains") for suffix in (".md", ".csv")
    }
    assert {"models", "records", *tables, *figures} <= written
    first = capsys.readouterr().out
    assert "after 5 gradient steps (BP4D, synthetic twins)" in first
    assert "maml - baseline" in first
    assert main([*words[:-1], "2"]) == 0
    assert capsys.readouterr().out == first

    assert "choose one of mal" not in first
    (path, *_) = sorted((tmp_path / "records").iterdir())
    assert read_few_shot_record(path).paper == "maml_au"

    report = tmp_path / "report"
    assert main(["report", str(tmp_path / "records"), "--out", str(report)]) == 0
    assert (report / "accuracy.md").read_text() == (tmp_path / "accuracy.md").read_text()
    assert main(["report", str(tmp_path), "--out", str(report), "--curve", "focus"]) == 1
    assert "which has no --curve" in capsys.readouterr().err


def test_one_number_of_steps_and_two_seeds_have_other_tables(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*words, "--learners", "[anil]", "--split", "published", "--subjects", "all", "--seeds", "[0,1]"]
    assert main(words) == 0
    written = {path.name for path in tmp_path.iterdir()} - OWN_FILES
    assert "accuracy_by_seed.md" in written
    assert not {"accuracy_by_steps.md", "accuracy_by_steps.png"} & written
    assert "accuracy.md, accuracy_by_seed.md" in capsys.readouterr().out


@pytest.mark.parametrize(
    "more",
    [
        ["--subjects", "3"],
        ["--split", "published", "--subjects", "all", "--seeds", "[0,1]"],
        ["--training.shared_iterations", "1"],
    ],
    ids=["a training for each person", "one for each fold", "one start for all"],
)
def test_shards_train_and_test_everything_once(
    more: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def trained(out: Path) -> dict[str, int]:
        models = out.glob("models/**/model.safetensors")
        return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in models}

    out, whole = tmp_path / "out", tmp_path / "whole"
    assert main([*words, *more, "--out", str(whole)]) == 0
    assert main([*words, *more, "--out", str(out), "--shard", "2/2"]) == 0
    first = trained(out)
    assert 0 < len(first) < len(trained(whole))
    assert not (out / "accuracy.md").exists()
    done, every = (len(list(folder.glob("records/*.json"))) for folder in (out, whole))
    assert f"{done} of the {every} tests of all 2 shards are in" in capsys.readouterr().out
    assert main([*words, *more, "--out", str(out), "--shard", "1/2"]) == 0
    both = trained(out)
    assert set(both) == set(trained(whole))
    assert first.items() <= both.items()
    assert (out / "accuracy.md").read_text() == (whole / "accuracy.md").read_text()


def test_misspelt_settings_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--training.itrations", "3"])
    assert "itrations" in capsys.readouterr().err
    assert main([*words, "--learners", "[magic]"]) == 1
    assert "choose from" in capsys.readouterr().err
    assert main([*words, "--paper", "magic"]) == 1
    assert "there is no paper 'magic'" in capsys.readouterr().err
