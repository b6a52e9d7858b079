"""Every shipped configuration parses, names real options, and opens with its command, cost and score."""

from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.cli import train
from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.methods import METHODS

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_parses_and_builds(path: Path) -> None:
    words = ["--config", str(path)]
    parser = train.build_parser(words)
    values = parser.instantiate(parser.parse_args(words))
    options = {**vars(values.options), "weights": "none", "backbone": "small"}
    method = METHODS[values.method]((1, 12), COMPOUND_EXPRESSIONS, **options)
    assert set(values.optimizers) == set(method.parameter_groups())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_opens_with_command_cost_and_score(path: Path) -> None:
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    text = "\n".join(head)
    assert f"metafacs train --config configs/{path.name}" in text
    assert "# Cost:" in text
    assert "# Score:" in text


def test_there_are_configurations() -> None:
    assert CONFIGS
