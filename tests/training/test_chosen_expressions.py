"""A run on chosen expression pictures: what it learns from, what it says of it, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from metafacs.analysis.learned_pictures import learned_pictures
from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli import main
from metafacs.data.expression_pictures import ExpressionPictures
from metafacs.data.splits import choose_split
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation
from metafacs.models.model_file import CheckpointError
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes, choose_rows, make_streams

Train = Callable[..., Path]


@pytest.fixture
def trained(au_store: Store, expression_store: Store, tmp_path: Path) -> Train:
    def run(method: str = "mal", name: str = "run", **settings: object) -> Path:
        return train(
            method,
            au_store.path,
            tmp_path / name,
            **{
                "options": {"backbone": "small"},
                "expression": expression_store.path,
                "aus": [1, 4, 12],
                "iterations": 2,
                "batch": BatchSizes(8, 8, 8),
                "size": 32,
                "progress": False,
                **settings,
            },  # type: ignore[arg-type]
        )

    return run


def test_labels_that_are_learned_are_the_permuted_ones(au_store: Store, expression_store: Store) -> None:
    split = choose_split(au_store)
    data = choose_rows(au_store, {"expression": expression_store}, (1,), split, 0.1, 0)
    permuted = data.with_expressions(ExpressionPictures(permuted_labels=1.0), 0)
    drawn = make_streams(permuted, (1,), BatchSizes(4, 42, 4), 32, 0, Augmentation())["expression"]
    batch = drawn.batch(0)
    assert permuted.expressions is not None
    assert batch.expression.tolist() == permuted.expressions.labels[batch.index].tolist()
    assert batch.expression.tolist() != expression_store.expression[batch.index].tolist()
    plain = make_streams(data, (1,), BatchSizes(4, 42, 4), 32, 0, Augmentation())["expression"]
    assert "expressions" not in plain.identity()
    assert drawn.identity() != plain.identity()


def test_a_run_says_what_it_learned_from_and_is_known_by_it(
    trained: Train, expression_store: Store, provenance: Path
) -> None:
    asked = ExpressionPictures(permuted_labels=0.5, provenance=provenance)
    model = trained(expression_pictures=asked)
    description = load_checkpoint(model).description
    told = description.more["expression_pictures"]
    assert told["permuted_labels"] == 0.5
    assert told["wrong"] > 0
    assert sum(told["carriers"].values()) == told["pictures"] == description.pictures["expression"] == 42
    found = learned_pictures(description, expression_store, provenance)
    assert found is not None
    assert found.told == told
    with pytest.raises(ValueError, match="with --provenance"):
        learned_pictures(description, expression_store)
    with pytest.raises(CheckpointError, match="another run"):
        trained(expression_pictures=ExpressionPictures(permuted_labels=0.4, provenance=provenance))
    assert "expression_pictures" not in load_checkpoint(trained(name="plain")).description.more


def test_several_meta_batches_are_drawn_at_once(trained: Train) -> None:
    model = trained(options={"backbone": "small", "meta_batches": 3})
    run = load_checkpoint(model).description.more["run"]
    assert run["streams"]["validation"]["batch"] == 24


def test_a_method_without_expressions_is_told(trained: Train) -> None:
    with pytest.raises(ValueError, match="reads no store of expressions"):
        trained("single_task", expression_pictures=ExpressionPictures(permuted_labels=0.5))


def test_command_takes_doses_and_analyses_weights_by_them(
    au_store: Store,
    expression_store: Store,
    provenance: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stores = ["--action_units", str(au_store.path), "--expression", str(expression_store.path)]
    out = tmp_path / "run"
    words = [
        "train",
        "--method",
        "mal",
        "--options.backbone",
        "small",
        "--aus",
        "[1, 4, 12]",
        "--iterations",
        "2",
    ]
    words += ["--batch", "{au: 8, expression: 8, validation: 8}", "--size", "32", "--out", str(out)]
    doses = ["--expression_pictures.permuted_labels", "0.5"]
    with pytest.raises(SystemExit):
        main([*words, *stores, *doses, "--expression_pictures.oracle", "true"])
    assert "cannot run on licensed data" in capsys.readouterr().err
    assert main([*words, *stores, *doses]) == 0
    again = ["analyse", str(out / "model.safetensors"), *stores, "--batches", "1", "--pictures", "1"]
    assert main([*again, "--provenance", str(provenance), "--out", str(tmp_path / "page")]) == 0
    printed = capsys.readouterr().out
    assert "Do learned weights tell which expression pictures are good? (synthetic)" in printed
    (row,) = (line for line in printed.splitlines() if line.startswith("| run |"))
    # Eighteen of the labels are permuted; weights after two iterations are still near a half.
    assert row.count("0.500 (") >= 5
    (told,) = json.loads((tmp_path / "page" / "analysis.json").read_text())["weights_told_apart"].values()
    assert (
        told["labels"]["wrong"]["pictures"]
        == load_checkpoint(out / "model.safetensors").description.more["expression_pictures"]["wrong"]
    )
