from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.cli.each_model import for_each_model

MODELS = [Path(f"runs/{name}/model.safetensors") for name in "abc"]


def test_errors_of_users_are_told_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    done = []

    def work(name: str, model: Path) -> None:
        if name == "b":
            raise ValueError("it is damaged")
        done.append(name)

    assert for_each_model("evaluate", MODELS, work) == 1
    assert done == ["a", "c"]
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"metafacs evaluate: {MODELS[1]}: it is damaged",
        "metafacs evaluate: 1 of 3 models failed",
    ]


@pytest.mark.parametrize("error", [KeyError("a bug"), KeyboardInterrupt()])
def test_bugs_and_ctrl_c_are_not_passed_over(error: BaseException) -> None:
    def work(name: str, model: Path) -> None:
        raise error

    with pytest.raises(type(error)):
        for_each_model("evaluate", MODELS, work)


def test_the_error_of_a_single_model_is_that_of_the_command() -> None:
    def work(name: str, model: Path) -> None:
        raise ValueError("it is damaged")

    with pytest.raises(ValueError, match="it is damaged"):
        for_each_model("evaluate", MODELS[:1], work)
