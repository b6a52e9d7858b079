"""Train and test several methods over folds and seeds as a file describes; takes up what was stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from jsonargparse import ArgumentError, ArgumentParser, Namespace
from msgspec import Meta

from metafacs.checkpoints.description import THRESHOLD, Probability
from metafacs.cli import train
from metafacs.cli.output import write_comparison
from metafacs.cli.paths import check_groups, expanded
from metafacs.cli.train import training_parser, upgraded
from metafacs.data.splits import Side
from metafacs.evaluation.comparison import (
    ComparisonError,
    Run,
    finished_records,
    lost_runs,
    perform_runs,
    unfinished,
)
from metafacs.locks import claimed
from metafacs.methods import find_method
from metafacs.parsing import convert, read_yaml
from metafacs.plugins import PluginError
from metafacs.progress import progress_bar
from metafacs.reports.comparison import Comparison
from metafacs.reports.named_paper import find_paper
from metafacs.texts import check_folder_name, printable
from metafacs.training.trainer import LARGEST_SEED, LONGEST_RUN

_TABLES = {".csv", ".md", ".html", ".png", ".json"}
"""Endings of the files that a comparison writes beside the folders of its methods."""

Fold = Annotated[int, Meta(ge=1, le=LONGEST_RUN)]
Seed = Annotated[int, Meta(ge=0, le=LARGEST_SEED)]
Settings = dict[str, dict[str, Any] | None]


@dataclass(frozen=True)
class Described:
    """What the file of a comparison holds.

    Attributes:
        out: Folder of the runs, the tables and the report.
        folds: Folds, from 1.
        seeds: Seeds of training.
        common: Settings of all trainings.
        methods: Row of the tables -> its own settings.
        starts: Training that others start from -> its own settings.
        paper: Paper whose printed scores stand beside ours.
        side: Side of the split to test on.
        tested_on: Store to test on; None = the one trained on.
        thresholds: From which probability on AUs count as present: one number, or ``validation`` for the best
            F1 per AU on the validation people of each training, which must have some.
    """

    out: Annotated[str, Meta(min_length=1)]
    folds: Annotated[list[Fold], Meta(min_length=1)]
    seeds: Annotated[list[Seed], Meta(min_length=1)]
    common: dict[str, Any]
    methods: Annotated[Settings, Meta(min_length=1)]
    starts: Settings = field(default_factory=dict)
    paper: str | None = None
    side: Literal["test", "validation"] = "test"
    tested_on: str | None = None
    thresholds: Literal["validation"] | Probability = THRESHOLD


_KEYS = {entry.name for entry in fields(Described)}


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="YAML file of a comparison, e.g. configs/mal_bp4d_twin.yaml")
    parser.add_argument("--out", type=Path | None, default=None, help="folder; default the file's")
    parser.add_argument(
        "--methods",
        type=list[str] | None,
        default=None,
        help="only these of the file and the runs they start from",
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
    for name in ("folds", "seeds"):
        if arguments[name] is not None:
            content[name] = arguments[name]
    if arguments.out is not None:
        content["out"] = str(arguments.out)
    if arguments.methods is not None:
        unknown = sorted(set(arguments.methods) - set(content["methods"]))
        if unknown or not arguments.methods:
            raise ComparisonError(
                f"{arguments.file} has no methods {unknown}; it has {list(content['methods'])}"
            )
        content["methods"] = {name: content["methods"][name] for name in arguments.methods}
    starts, runs = plan_runs(content, arguments.file)
    out = Path(expanded(content["out"]))
    with claimed(out, f"comparing what {arguments.file} describes"):
        failed = _perform(starts, runs, arguments.workers)
        records, lost = finished_records(runs), lost_runs(runs)
        if len(records) > len(lost):
            comparison = Comparison(records, find_paper(content.get("paper") or ""))
            write_comparison(comparison, out, f"metafacs compare {arguments.file.as_posix()}")
    if lost:
        print(
            f"{len(lost)} of {len(records)} runs lost their game or their numbers. This is their result, the "
            "same with every try: they have no scores, every mean is over the others, and the same command "
            "leaves them as they are. To train one again, delete its folder:"
        )
        for one, told in lost:
            print(f"  {one}: {printable(str(told))} ({printable(one.folder)})")
    if failed:
        print(f"{len(failed)} runs failed: {'; '.join(map(str, failed))}. The same command tries them again.")
    return int(bool(failed))


def _perform(starts: Sequence[Run], runs: Sequence[Run], workers: int | None) -> list[Run]:
    """Perform what is missing and return which runs failed; no run if a start did."""
    failed: list[Run] = []
    with progress_bar() as bar:
        task = bar.add_task("runs", total=len(starts) + len(runs))
        # A start may itself start from one listed before it.
        labels = dict.fromkeys(run.label for run in starts)
        for batch in (*([run for run in starts if run.label == label] for label in labels), runs):
            todo = unfinished(batch)
            bar.advance(task, len(batch) - len(todo))
            for outcome in perform_runs(todo, workers=workers):
                bar.advance(task)
                told = outcome.error or (f"lost: {outcome.lost}" if outcome.lost else "done")
                bar.console.print(f"{outcome.run}: {told}")
                if outcome.error:
                    failed.append(outcome.run)
            if failed:
                break
    return failed


def read_comparison(path: Path) -> dict[str, Any]:
    """Return the content of a comparison's file.

    Raises:
        ComparisonError: If the file is missing, is no YAML, or lacks or misspells a key.
    """
    content: dict[str, Any] = read_yaml(path, ComparisonError)
    if not isinstance(content, dict) or not content.get("methods"):
        raise ComparisonError(
            f"{path} is no comparison: it needs 'methods', a list of names with their settings"
        )
    if "sources" in content:
        raise ComparisonError(f"{path}: the key 'sources' is called 'starts' now; rename it")
    if content.get("starts", ...) is None:
        del content["starts"]
    unknown = sorted(map(str, set(content) - _KEYS))
    missing = sorted({"out", "common", "folds", "seeds"} - set(content))
    if unknown or missing:
        raise ComparisonError(
            f"{path}: unknown keys {unknown}, missing keys {missing}; known: {sorted(_KEYS)}"
        )
    try:
        find_paper(content.get("paper") or "")
    except ValueError as error:
        raise ComparisonError(f"{path}: {error}") from error
    return content


def plan_runs(content: Mapping[str, Any], path: Path) -> tuple[list[Run], list[Run]]:
    """Return the runs that the compared ones start from, and those, every setting checked.

    A method's settings are laid over the common ones; null takes a common setting away. In texts ``{out}``,
    ``{fold}`` and ``{seed}`` stand for the comparison's folder and the run's numbers. ``side: validation``
    tests on validation people, to choose settings by; ``tested_on`` names another store to test on than the
    one trained on; ``thresholds: validation`` judges at thresholds that validation people say. Starts are
    trained in the order of the file, so one may start from another before it. A start that learns from
    everybody is trained first and once, as fold 1, any other in every fold; one whose model no setting of a
    run names is left out.

    Raises:
        ComparisonError: If a setting is unknown or has a wrong value.
    """
    described = convert(dict(content), Described, str(path), ComparisonError, "correct it")
    _check(described, path)
    common = {
        label
        for label, own in described.starts.items()
        if _laid_over(described.common, own or {}).get("split") == "everybody"
    }
    # Seeds and folds in the outer loops: a comparison that is cut short has whole rows of methods.
    others = [label for label in described.starts if label not in common]
    places = [
        *product(described.seeds, [1], sorted(common)),
        *product(described.seeds, described.folds, others),
    ]
    begun = [
        _plan(described, path, label, fold, seed, None, described.starts[label] or {})
        for seed, fold, label in places
    ]
    compared = [
        _plan(described, path, label, fold, seed, described.side, described.methods[label] or {})
        for seed, fold, label in product(described.seeds, described.folds, described.methods)
    ]
    return _asked_for(begun, compared), compared


def _check(described: Described, path: Path) -> None:
    """Refuse what would go wrong after hours of training.

    Raises:
        ComparisonError: Naming the file and the entry.
    """
    for name, numbers in (("folds", described.folds), ("seeds", described.seeds)):
        if len(set(numbers)) < len(numbers):
            raise ComparisonError(f"{path}: {name} names a number twice: {numbers}")
    if described.side == described.thresholds and described.tested_on is None:
        raise ComparisonError(
            f"{path}: thresholds chosen on the validation people look too good on the same people: drop "
            "'thresholds' and go by AUC, or drop 'side'"
        )
    both = sorted(set(described.starts) & set(described.methods))
    if both:
        raise ComparisonError(f"{path}: {both[0]!r} is a start and a method; call one of them otherwise")
    for label in (*described.starts, *described.methods):
        try:
            # A method of one's own is module:Class.
            check_folder_name(label.replace(":", "."))
        except ValueError as error:
            raise ComparisonError(f"{path}: {error}") from error
        if Path(label).suffix.lower() in _TABLES:
            raise ComparisonError(
                f"{path}: {printable(label)!r} is the name of a table or page; call the method otherwise"
            )


def _asked_for(starts: Sequence[Run], runs: Sequence[Run]) -> list[Run]:
    """Return the starts whose folder the settings of the runs name, or those of such a start."""
    needed: set[Path] = set()
    asking = list(runs)
    while asking:
        texts = json.dumps([run.settings for run in asking], ensure_ascii=False)
        asking = [run for run in starts if run.folder not in needed and f"{run.folder}/" in texts]
        needed.update(run.folder for run in asking)
    return [run for run in starts if run.folder in needed]


def _plan(
    content: Described,
    path: Path,
    label: str,
    fold: int,
    seed: int,
    tested: Side | None,
    own: Mapping[str, Any],
) -> Run:
    folder = Path(expanded(content.out))
    settings = _filled(_laid_over(content.common, own), folder, fold, seed)
    method = settings.pop("method", label)
    out = folder / label / f"fold{fold}-seed{seed}"
    try:
        kind = find_method(str(method))
    except PluginError as error:
        raise ComparisonError(f"{path}, {label}: {error}; name a method with 'method'") from error
    parser = training_parser(["--method", method])
    parser.exit_on_error = False
    try:
        settings = upgraded({"method": method, "fold": fold, "seed": seed, **settings}, kind)
        # The parser changes what it is given.
        parsed = parser.parse_object({**deepcopy(settings), "out": str(out)})
        check_groups(parsed, parser.get_defaults())
        json.dumps(settings, allow_nan=False)
        known = train.arguments_of(expanded(parser.instantiate(parsed)))
    except (ArgumentError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ComparisonError(f"{path}, {label}: {error}") from error
    elsewhere = expanded(content.tested_on) if tested else None
    if elsewhere:
        settings["tested_on"] = elsewhere
    return Run(label, fold, seed, settings, known, tested, elsewhere, content.paper or "", content.thresholds)


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
