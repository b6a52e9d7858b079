"""Train and test several methods over folds and seeds as a file describes; takes up what was stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentError, ArgumentParser, Namespace

from metafacs.cli import train
from metafacs.cli.evaluate import print_table
from metafacs.cli.train import upgraded
from metafacs.data.splits import Side
from metafacs.evaluation.comparison import ComparisonError, Run, finished_records, perform_runs
from metafacs.evaluation.records import Record
from metafacs.methods import find_method
from metafacs.plugins import PluginError
from metafacs.progress import progress_bar
from metafacs.reports.composition import compose_report
from metafacs.reports.page import write_page

_KEYS = {"out", "folds", "seeds", "side", "tested_on", "common", "sources", "methods"}


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="YAML file of a comparison, e.g. configs/mal_bp4d_twin.yaml")
    parser.add_argument("--out", type=Path | None, default=None, help="folder; default the file's")
    parser.add_argument(
        "--methods",
        type=list[str] | None,
        default=None,
        help="only these of the file and the sources they start from",
    )
    parser.add_argument("--folds", type=list[int] | None, default=None, help="default the file's")
    parser.add_argument("--seeds", type=list[int] | None, default=None, help="default the file's")
    parser.add_argument(
        "--workers", type=int | None, default=None, help="runs at a time; default one per core"
    )
    return parser


def run(arguments: Namespace) -> int:
    """Perform what is missing, then write the tables and the report; 1 if a run failed."""
    content = read_comparison(arguments.file)
    for name in ("out", "folds", "seeds"):
        if arguments[name] is not None:
            content[name] = arguments[name]
    if arguments.methods is not None:
        unknown = sorted(set(arguments.methods) - set(content["methods"]))
        if unknown:
            raise ComparisonError(
                f"{arguments.file} has no methods {unknown}; it has {list(content['methods'])}"
            )
        content["methods"] = {name: content["methods"][name] for name in arguments.methods}
    sources, runs = plan_runs(content, arguments.file)
    failed = []
    with progress_bar() as bar:
        task = bar.add_task("runs", total=len(sources) + len(runs))
        for batch in (sources, runs):
            bar.advance(task, sum(run.finished for run in batch))
            for outcome in perform_runs(batch, workers=arguments.workers):
                bar.advance(task)
                bar.console.print(f"{outcome.run}: {outcome.error or 'done'}", highlight=False)
                if outcome.error:
                    failed.append(outcome.run)
            if failed:
                break
    records = finished_records(runs)
    if records:
        write_results(records, Path(content["out"]), f"metafacs compare {arguments.file.as_posix()}")
    if failed:
        print(f"{len(failed)} runs failed: {'; '.join(map(str, failed))}. The same command tries them again.")
    return int(bool(failed))


def read_comparison(path: Path) -> dict[str, Any]:
    """Return the content of a comparison's file.

    Raises:
        ComparisonError: If the file is missing, is no YAML, or lacks or misspells a key.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ComparisonError(
            f"there is no file {path}; give a comparison such as those in configs/"
        ) from None
    except yaml.YAMLError as error:
        raise ComparisonError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict) or not content.get("methods"):
        raise ComparisonError(
            f"{path} is no comparison: it needs 'methods', a list of names with their settings"
        )
    unknown = sorted(set(content) - _KEYS)
    missing = sorted({"out", "common", "folds", "seeds"} - set(content))
    if unknown or missing:
        raise ComparisonError(
            f"{path}: unknown keys {unknown}, missing keys {missing}; known: {sorted(_KEYS)}"
        )
    return content


def plan_runs(content: Mapping[str, Any], path: Path) -> tuple[list[Run], list[Run]]:
    """Return the runs that the compared ones start from, and those, every setting checked.

    A method's settings are laid over the common ones; null takes a common setting away. In texts ``{out}``,
    ``{fold}`` and ``{seed}`` stand for the comparison's folder and the run's numbers. ``side: validation``
    tests on validation people, to choose settings by; ``tested_on`` names another store to test on than the
    one trained on. A source that learns from everybody is trained once, as fold 1, any other in every fold;
    one whose model no setting of a run names is left out.

    Raises:
        ComparisonError: If a setting is unknown or has a wrong value.
    """
    side: Side = content.get("side", "test")
    if side not in ("test", "validation"):
        raise ComparisonError(f"{path}: side is test or validation, not {side!r}")
    sources, methods = content.get("sources") or {}, content["methods"]
    common = {
        label
        for label, own in sources.items()
        if _laid_over(content["common"], own or {}).get("split") == "everybody"
    }
    # Seeds and folds in the outer loops: a comparison that is cut short has whole rows of methods.
    places = [
        *product(content["seeds"], [1], sorted(common)),
        *product(content["seeds"], content["folds"], [label for label in sources if label not in common]),
    ]
    begun = [
        _plan(content, path, label, fold, seed, None, sources[label] or {}) for seed, fold, label in places
    ]
    compared = [
        _plan(content, path, label, fold, seed, side, methods[label] or {})
        for seed, fold, label in product(content["seeds"], content["folds"], methods)
    ]
    return _asked_for(begun, compared), compared


def _asked_for(sources: Sequence[Run], runs: Sequence[Run]) -> list[Run]:
    """Return the sources whose folder the settings of the runs name, or those of such a source."""
    needed: set[Path] = set()
    asking = list(runs)
    while asking:
        texts = json.dumps([run.settings for run in asking], ensure_ascii=False)
        asking = [run for run in sources if run.folder not in needed and f"{run.folder}/" in texts]
        needed.update(run.folder for run in asking)
    return [run for run in sources if run.folder in needed]


def _plan(
    content: Mapping[str, Any],
    path: Path,
    label: str,
    fold: int,
    seed: int,
    tested: Side | None,
    own: Mapping[str, Any],
) -> Run:
    settings = _filled(_laid_over(content["common"], own), Path(content["out"]), fold, seed)
    method = settings.pop("method", label)
    out = Path(content["out"]) / label / f"fold{fold}-seed{seed}"
    try:
        kind = find_method(method)
    except PluginError as error:
        raise ComparisonError(f"{path}, {label}: {error}; name a method with 'method'") from error
    settings = upgraded({"method": method, "fold": fold, "seed": seed, **settings}, kind)
    parser = train.build_parser(["--method", method])
    parser.exit_on_error = False
    try:
        # The parser changes what it is given.
        parsed = parser.instantiate(parser.parse_object({**deepcopy(settings), "out": str(out)}))
    except (ArgumentError, KeyError, TypeError, ValueError) as error:
        raise ComparisonError(f"{path}, {label}: {error}") from error
    elsewhere = content.get("tested_on") if tested else None
    if elsewhere:
        settings["tested_on"] = elsewhere
    return Run(label, fold, seed, settings, train.arguments_of(parsed), tested, elsewhere)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    laid = dict(below)
    for key, value in above.items():
        if value is None:
            laid.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(laid.get(key), Mapping):
            laid[key] = _laid_over(laid[key], value)
        else:
            laid[key] = value
    return laid


def _filled(value: Any, out: Path, fold: int, seed: int) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(inner, out, fold, seed) for key, inner in value.items()}
    if isinstance(value, str):
        for name, part in (("{out}", out), ("{fold}", fold), ("{seed}", seed)):
            value = value.replace(name, str(part))
    return value


def write_results(records: Sequence[Record], out: Path, command: str) -> None:
    """Write tables and report of a comparison and print where they are."""
    content = compose_report(records, commands=[command])
    for table in content.tables:
        print_table(table, out)
    write_page(content, out / "report.html")
    for claim in content.claims:
        print(claim)
    print(f"tables: {out / 'summary.md'} and beside it\nreport: {out / 'report.html'}")
