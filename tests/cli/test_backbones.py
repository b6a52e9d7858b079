"""A backbone's short form on the command line and in configurations, and the weights it brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.cli import few_shot, train
from metafacs.models.backbones import Backbone

TRAIN = ["--method", "mal", "--action_units", "stores/any", "--out", "runs/any"]


def parsed(words: list[str]) -> Backbone:
    """Return the backbone that a training gets from a command line."""
    words = train.rewritten([*TRAIN, *words])
    parser = train.build_parser(words)
    values = train.arguments_of(parser.instantiate(parser.parse_args(words)))
    return Backbone.of(values["options"]["backbone"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Backbone("resnet34", "none")),
        (["--options.backbone", "small"], Backbone("small", "none")),
        (["--options.backbone", "facemesh"], Backbone("facemesh", "mesh")),
        (["--options.backbone.name=facemesh"], Backbone("facemesh", "mesh")),
        (["--options.backbone=facemesh", "--options.backbone.weights", "none"], Backbone("facemesh", "none")),
        (["--options.backbone=facemesh", "--options.weights=none"], Backbone("facemesh", "none")),
        (['--options.backbone={"name": "facemesh", "weights": "none"}'], Backbone("facemesh", "none")),
        (["--options.backbone", '{"name": "facemesh"}'], Backbone("facemesh", "mesh")),
    ],
)
def test_what_a_command_line_names_is_what_is_built(words: list[str], expected: Backbone) -> None:
    assert parsed(words) == expected


@pytest.mark.parametrize("form", ["facemesh", "{name: facemesh}", "{name: facemesh, weights: mesh}"])
def test_a_configuration_needs_no_weights_for_a_backbone_that_brings_its_own(
    form: str, tmp_path: Path
) -> None:
    (tmp_path / "train.yaml").write_text(f"options:\n  backbone: {form}\n")
    assert parsed(["--config", str(tmp_path / "train.yaml")]) == Backbone("facemesh", "mesh")
    content = f"action_units: a\nout: b\ntraining:\n  backbone: {form}\n"
    (tmp_path / "few_shot.yaml").write_text(content)
    parser = few_shot.build_parser([])
    values = parser.instantiate(parser.parse_args(["--config", str(tmp_path / "few_shot.yaml")]))
    assert values.training.backbone == Backbone("facemesh", "mesh")
