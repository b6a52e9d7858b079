"""The home folder in arguments and files of settings, and files of settings that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonargparse import Namespace

from metafacs.cli import main
from metafacs.cli.comparison_file import plan_runs
from metafacs.cli.paths import expanded
from metafacs.data.store import Store
from metafacs.parsing import FileError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, in whose neighbour the command runs."""
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def settings(store: Store) -> dict[str, object]:
    return {
        "method": "single_task",
        "options": {"backbone": "small"},
        "action_units": str(store.path),
        "aus": [1, 4],
        "iterations": 1,
        "size": 32,
        "batch": {"au": 4},
        "optimizers": {"base": {"name": "sgd", "lr": "1e-3"}},
        "progress": False,
    }


@pytest.mark.parametrize("words", [["--config=~/train.yaml"], ["--config=~/train.yaml", "--out=~/runs/a"]])
def test_home_folder_in_settings_and_arguments(words: list[str], home: Path, au_store: Store) -> None:
    content = settings(au_store) | ({} if len(words) > 1 else {"out": "~/runs/a"})
    (home / "train.yaml").write_text(yaml.safe_dump(content))
    assert main(["train", *words]) == 0
    assert (home / "runs" / "a" / "model.safetensors").is_file()
    assert list(Path.cwd().iterdir()) == []


def test_home_folder_in_a_comparison(home: Path, au_store: Store) -> None:
    common = {k: v for k, v in settings(au_store).items() if k != "method"}
    content = {
        "out": "~/out",
        "folds": [1],
        "seeds": [0],
        "tested_on": "~/store",
        "common": {**common, "initialise": "~/a/model.safetensors"},
        "methods": {"single_task": None},
    }
    _, (run,) = plan_runs(content, Path("x.yaml"))
    assert run.folder == home / "out" / "single_task" / "fold1-seed0"
    assert run.arguments["initialise"] == home / "a" / "model.safetensors"
    assert run.tested_on == str(home / "store")


def test_home_folder_everywhere_in_arguments(home: Path) -> None:
    given = Namespace(a=Namespace(b=[Path("~/x")], c=(Path("~"), "~/y")), d={"e": "~z", "f": 3}, g="a ~/b")
    found = expanded(given)
    assert found.a.b == [home / "x"]
    assert found.a.c == (home, str(home / "y"))
    assert (found.d, found.g) == ({"e": "~z", "f": 3}, "a ~/b")
    with pytest.raises(
        FileError, match=r"user's name that this machine does not know; .* give ./~nobody-here/x"
    ):
        expanded(Path("~nobody-here/x"))


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "more than 100,000 values"),
        ("seed: 1\nseed: 2\n", "the key 'seed' is given twice"),
        ("[" * 99, "nested deeper than"),
        ("a: [1", "is not YAML that can be used"),
        ("", "holds no settings"),
        ("[seed, 1]", "holds no settings"),
        ("seed one: 1", "'seed one' is the name of no option"),
        ("batch: {seed one: 1}", "'seed one' is the name of no option"),
        ("3: 1", "'3' is the name of no option"),
        ("x" * (2 << 20), "is larger than 1 MiB"),
        ("a: \udcff", "is no UTF-8 text"),
    ],
)
@pytest.mark.parametrize("command", ["train", "adapt", "few_shot"])
def test_settings_that_are_none_are_refused_with_their_file(
    content: str, message: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(SystemExit) as ended:
        main([command, "--config", str(path)])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert str(path) in told
    assert message in told


@pytest.mark.parametrize(
    ("command", "content", "message"),
    [
        ("train", {"method": "mal", "batch": float("nan")}, "batch is 'nan'; give names with values instead"),
        ("train", {"method": "mal", "augmentation": ["a"]}, """augmentation is "['a']"; give names"""),
        ("train", {"method": "mal", "options": 3}, "options are names with values, not 3"),
        ("few_shot", {"training": {"augmentation": ["a"]}}, "augmentation is"),
        ("few_shot", {"testing": {"shots": None}}, "testing.shots and testing.steps are lists of numbers"),
    ],
)
def test_values_where_names_with_values_belong(
    command: str, content: dict, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"action_units": "a", "out": "b", **content}))
    with pytest.raises(SystemExit):
        main([command, "--config", str(tmp_path / "a.yaml")])
    assert message in " ".join(capsys.readouterr().err.split())


def test_devices_and_missing_files_are_no_settings(capsys: pytest.CaptureFixture[str]) -> None:
    for path, message in (("/dev/zero", "is no regular file"), ("nowhere.yaml", "does not exist")):
        with pytest.raises(SystemExit):
            main(["train", "--config", path])
        assert f"{path} {message}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["folds: [1]", "batch: {foo: 1}", "iterations: x", "options: {nope: 1}"])
def test_what_no_option_takes_is_refused_with_its_file(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    words = ["--method", "single_task", "--action_units", "store", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit):
        main(["train", "--config", str(path), *words])
    name = text.partition(":")[0]
    error = capsys.readouterr().err.rpartition("error: ")[2]
    assert name in error
    assert f"options were read from {path} too" in error
