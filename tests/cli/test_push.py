from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.cli import main, push


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
