"""The file of a comparison: read, every setting checked, and planned as runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from jsonargparse import ArgumentError
from msgspec import Meta

from metafacs.checkpoints.description import THRESHOLD, Probability
from metafacs.cli import train
from metafacs.cli.paths import check_groups, expanded
from metafacs.cli.train import training_parser, upgraded
from metafacs.data.splits import Side
from metafacs.evaluation.comparison import ComparisonError, Run
from metafacs.executors.ray import RayOptions
from metafacs.executors.slurm import SlurmOptions
from metafacs.methods import find_method
from metafacs.parsing import convert, read_yaml
from metafacs.plugins import PluginError
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
        slurm: What the runs ask for with ``--executor slurm``; options of the command go before.
        ray: The same with ``--executor ray``.
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
    slurm: SlurmOptions = field(default_factory=SlurmOptions)
    ray: RayOptions = field(default_factory=RayOptions)


_KEYS = {entry.name for entry in fields(Described)}


def described(content: Mapping[str, Any], path: Path) -> Described:
    """Return the content of a comparison's file with every value of its kind.

    Raises:
        ComparisonError: If one is not.
    """
    return convert(dict(content), Described, str(path), ComparisonError, "correct it")


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
    for name, kind in (("slurm", SlurmOptions), ("ray", RayOptions)):
        given, known = content.get(name, {}), {entry.name for entry in fields(kind)}
        if isinstance(given, dict) and (unknown := sorted(map(str, set(given) - known))):
            raise ComparisonError(f"{path}: {name} has the unknown keys {unknown}; known: {sorted(known)}")
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
    plan = described(content, path)
    _check(plan, path)
    common = {
        label
        for label, own in plan.starts.items()
        if _laid_over(plan.common, own or {}).get("split") == "everybody"
    }
    # Seeds and folds in the outer loops: a comparison that is cut short has whole rows of methods.
    others = [label for label in plan.starts if label not in common]
    places = [
        *product(plan.seeds, [1], sorted(common)),
        *product(plan.seeds, plan.folds, others),
    ]
    begun = [
        _plan(plan, path, label, fold, seed, None, plan.starts[label] or {}) for seed, fold, label in places
    ]
    compared = [
        _plan(plan, path, label, fold, seed, plan.side, plan.methods[label] or {})
        for seed, fold, label in product(plan.seeds, plan.folds, plan.methods)
    ]
    return needed_starts(begun, compared), compared


def _check(plan: Described, path: Path) -> None:
    """Refuse what would go wrong after hours of training.

    Raises:
        ComparisonError: Naming the file and the entry.
    """
    for name, numbers in (("folds", plan.folds), ("seeds", plan.seeds)):
        if len(set(numbers)) < len(numbers):
            raise ComparisonError(f"{path}: {name} names a number twice: {numbers}")
    if plan.side == plan.thresholds and plan.tested_on is None:
        raise ComparisonError(
            f"{path}: thresholds chosen on the validation people look too good on the same people: drop "
            "'thresholds' and go by AUC, or drop 'side'"
        )
    both = sorted(set(plan.starts) & set(plan.methods))
    if both:
        raise ComparisonError(f"{path}: {both[0]!r} is a start and a method; call one of them otherwise")
    for label in (*plan.starts, *plan.methods):
        try:
            # A method of one's own is module:Class.
            check_folder_name(label.replace(":", "."))
        except ValueError as error:
            raise ComparisonError(f"{path}: {error}") from error
        if Path(label).suffix.lower() in _TABLES:
            raise ComparisonError(
                f"{path}: {printable(label)!r} is the name of a table or page; call the method otherwise"
            )


def needed_starts(starts: Sequence[Run], runs: Sequence[Run]) -> list[Run]:
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
