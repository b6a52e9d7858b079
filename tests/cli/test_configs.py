"""Every shipped configuration parses, names real options, and opens with its command, cost and score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from metafacs.cli import few_shot
from metafacs.cli.comparison_file import plan_runs, read_comparison
from metafacs.methods import FEW_SHOT, METHODS
from metafacs.reports.papers import PAPERS

FOLDER = Path(__file__).parents[2] / "configs"
FEW_SHOT_CONFIGS = sorted(FOLDER.glob("few_shot_*.yaml"))
CONFIGS = sorted(set(FOLDER.glob("*.yaml")) - set(FEW_SHOT_CONFIGS))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_run_has_settings_that_fit_its_method(
    path: Path, small_options: Callable[[str], dict[str, object]]
) -> None:
    content = read_comparison(path)
    # Settings of another fold or seed are the same.
    content |= {"folds": content["folds"][:1], "seeds": content["seeds"][:1]}
    starts, runs = plan_runs(content, path)
    assert {run.label for run in runs} == set(content["methods"])
    for run in (*starts, *runs):
        name = run.arguments["method"]
        options = {**run.arguments["options"], **small_options(name)}
        options |= {"weights": "none"} if "weights" in options else {}
        expressions = (
            ("happily surprised", "sadly angry") if name in ("mml", "compound_multi_task") else ("fear",)
        )
        method = METHODS[name].build((1, 2), expressions, options)
        assert set(run.arguments["optimizers"] or {}) <= set(method.parameter_groups())


@pytest.mark.parametrize("path", FEW_SHOT_CONFIGS, ids=lambda path: path.stem)
def test_every_few_shot_test_builds_its_learners(path: Path) -> None:
    parser = few_shot.build_parser([])
    values = parser.instantiate(parser.parse_args(["--config", str(path)]))
    for name in values.learners:
        learner = FEW_SHOT[name].build((1, 2), options=values.training.options(name))
        assert {"base"} == set(learner.parameter_groups())
    assert values.testing.steps[-1] == 5


@pytest.mark.parametrize("path", [*CONFIGS, *FEW_SHOT_CONFIGS], ids=lambda path: path.stem)
def test_opens_with_command_cost_and_score(path: Path) -> None:
    head = "\n".join(line for line in path.read_text().splitlines() if line.startswith("#"))
    command = "few_shot --config" if path in FEW_SHOT_CONFIGS else "compare"
    assert f"metafacs {command} configs/{path.name}" in head
    assert "# Cost:" in head
    assert "# Score:" in head


@pytest.mark.parametrize("path", [*CONFIGS, *FEW_SHOT_CONFIGS], ids=lambda path: path.stem)
def test_names_the_paper_whose_rows_it_makes(path: Path) -> None:
    content = yaml.safe_load(path.read_text())
    assert content["paper"] in PAPERS
    assert (content["paper"] == "maml_au") == (path in FEW_SHOT_CONFIGS)
    if path.stem in (
        "dual_domain_settings_twin",
        "dual_domain_options_twin",
        "dual_domain_options",
        "mal_meta_rate_twin",
        *("mal_balance_twin", "mal_ceiling_twin", "mal_dose_twin", "mal_iterations_twin", "mal_signal_twin"),
        "mal_validation_twin",
    ):
        return  # studies of settings, which no table has
    paper = PAPERS[content["paper"]]
    rows = {name for row in paper.rows for name in (row.name, row.method, *row.labels)}
    named = content["learners"] if path in FEW_SHOT_CONFIGS else content["methods"]
    assert set(named) - rows <= {
        *("uncertainty_weighting", "dynamic_weight_average", "learning_to_reweight", "meta_weight_net"),
        *("baseline_by_person", "anil", "meta_sgd", "mal_action_units", "mal_none", "multi_task_0.39"),
    }


def test_there_are_configurations() -> None:
    assert CONFIGS
    assert FEW_SHOT_CONFIGS
