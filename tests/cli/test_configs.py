"""Every shipped comparison parses, names real options, and opens with its command, cost and score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from metafacs.cli.compare import plan_runs, read_comparison
from metafacs.methods import METHODS

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_run_has_settings_that_fit_its_method(
    path: Path, small_options: Callable[[str], dict[str, object]]
) -> None:
    content = read_comparison(path)
    sources, runs = plan_runs(content, path)
    assert {run.label for run in runs} == set(content["methods"])
    for run in (*sources, *runs):
        name = run.arguments["method"]
        options = {**run.arguments["options"], **small_options(name)}
        options |= {"weights": "none"} if "weights" in options else {}
        expressions = (
            ("happily surprised", "sadly angry") if name in ("mml", "compound_multi_task") else ("fear",)
        )
        method = METHODS[name]((1, 2), expressions, **options)
        assert set(run.arguments["optimizers"]) <= set(method.parameter_groups())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_opens_with_command_cost_and_score(path: Path) -> None:
    head = "\n".join(line for line in path.read_text().splitlines() if line.startswith("#"))
    assert f"metafacs compare configs/{path.name}" in head
    assert "# Cost:" in head
    assert "# Score:" in head


def test_there_are_configurations() -> None:
    assert CONFIGS
