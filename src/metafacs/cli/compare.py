"""Train and test several methods over folds and seeds as a file describes; takes up what was stopped."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from jsonargparse import ArgumentParser, Namespace

from metafacs.cli import shards
from metafacs.cli.comparison_file import described, needed_starts, plan_runs, read_comparison
from metafacs.cli.output import write_comparison
from metafacs.cli.paths import expanded
from metafacs.evaluation.comparison import (
    ComparisonError,
    Run,
    finished_records,
    lost_runs,
    perform_runs,
    rows_of,
    unfinished,
)
from metafacs.evaluation.records import Record
from metafacs.executors.executor import Executor
from metafacs.executors.local import LocalExecutor, visible_gpus, workers_for
from metafacs.executors.ray import RayExecutor, RayOptions
from metafacs.executors.slurm import SlurmExecutor, SlurmOptions
from metafacs.models.devices import check_device
from metafacs.parsing import check_number
from metafacs.progress import progress_bar
from metafacs.reports.comparison import Comparison
from metafacs.reports.named_paper import find_paper
from metafacs.shares import ALL, Share, parse_share
from metafacs.texts import printable

OptionsT = TypeVar("OptionsT", SlurmOptions, RayOptions)

_ANY_GPU = ("cuda", "gpu", "auto")
"""Accelerators that name no GPU of their own, so that each worker can be given one."""


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
        "--workers",
        type=int | None,
        default=None,
        help="runs at a time on this machine; default one per GPU, without one as many as the cores hold; "
        "workers that are more than the GPUs share them",
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of each run, however many run")
    parser.add_argument(
        "--accelerator",
        type=str | None,
        default=None,
        help="device of every run, as 'metafacs train' has it; default the file's. cuda gives each worker a "
        "GPU of its own",
    )
    parser.add_argument(
        "--shard",
        type=str | None,
        default=None,
        help=shards.HELP,
    )
    parser.add_argument(
        "--executor",
        type=Literal["local", "slurm", "ray"],
        default="local",
        help="where the runs run: in processes of this machine, as jobs of Slurm, or on a cluster of Ray",
    )
    parser.add_class_arguments(SlurmOptions, "slurm")
    parser.add_class_arguments(RayOptions, "ray")
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
    if arguments.accelerator is not None:
        starts, runs = (
            [replace(run, arguments={**run.arguments, "accelerator": arguments.accelerator}) for run in some]
            for some in (starts, runs)
        )
    out, share = Path(expanded(content["out"])), parse_share(arguments.shard) if arguments.shard else ALL
    own = rows_of(runs, share)
    starts = needed_starts(starts, own)
    executor = _executor(arguments, content, out, [*starts, *own])
    command = _command(arguments)
    with shards.claimed_share(out, share, f"comparing what {arguments.file} describes"):
        failed = _perform(starts, own, executor, share)
        records = finished_records(own)
        if share == ALL:
            _write(records, content, out, command)
    if share != ALL:
        found = finished_records(runs)
        shards.write_if_whole(
            out, share, len(found), len(runs), "runs", lambda: _write(found, content, out, command)
        )
    if lost := lost_runs(own):
        print(
            f"{len(lost)} of {len(records)} runs lost their game or their numbers. This is "
            "their result, the same with every try: they have no scores, every mean is over the others, and "
            "the same command leaves them as they are. To train one again, delete its folder:"
        )
        for one, told in lost:
            print(f"  {one}: {printable(str(told))} ({printable(one.folder)})")
    if failed:
        print(
            f"{len(failed)} runs failed or cannot begin: {'; '.join(map(str, failed))}. The same command "
            "tries them again."
        )
    return int(bool(failed))


def _executor(arguments: Namespace, content: dict[str, Any], out: Path, runs: Sequence[Run]) -> Executor:
    """Return where the runs run.

    Raises:
        ValueError: If there is no such place, or no GPU where one is asked for.
    """
    check_number("threads", arguments.threads, 1, 1024)
    threads, plan = arguments.threads, described(content, arguments.file)
    asked = {str(run.arguments["accelerator"]).strip().lower() for run in runs}
    on_gpu = bool(asked & {"cuda", "gpu"})
    if arguments.executor == "ray":
        return RayExecutor(_laid_over(plan.ray, arguments.ray), threads, int(on_gpu))
    if arguments.executor == "slurm":
        workers = workers_for(arguments.workers, threads=threads, gpus=())
        options = _laid_over(plan.slurm, arguments.slurm)
        return SlurmExecutor(out / ".slurm", options, threads, int(on_gpu), workers)
    gpus = visible_gpus() if asked & set(_ANY_GPU) and asked <= {*_ANY_GPU, "cpu"} else ()
    if on_gpu and not gpus:
        check_device(sorted(asked & {"cuda", "gpu"})[0])
    workers = workers_for(arguments.workers, threads=threads, gpus=gpus)
    if gpus and workers > len(gpus):
        print(f"{workers} workers share {len(gpus)} GPUs and their memory")
    return LocalExecutor(workers, threads, gpus)


def _command(arguments: Namespace) -> str:
    """Return the shell command that performs the same runs; how they are shared out is nobody's result."""
    words = ["metafacs", "compare", arguments.file.as_posix()]
    words += ["--out", arguments.out.as_posix()] if arguments.out is not None else []
    for name in ("methods", "folds", "seeds"):
        if arguments[name] is not None:
            words += [f"--{name}", f"[{', '.join(map(str, arguments[name]))}]"]
    words += ["--accelerator", arguments.accelerator] if arguments.accelerator is not None else []
    return shlex.join(words)


def _laid_over(below: OptionsT, above: OptionsT) -> OptionsT:
    """Return options of the file with those that the command gives."""
    given = {entry.name: getattr(above, entry.name) for entry in fields(below)}
    return replace(below, **{name: value for name, value in given.items() if value is not None})


def _perform(starts: Sequence[Run], runs: Sequence[Run], executor: Executor, share: Share) -> list[Run]:
    """Perform what is missing; return which runs failed, or lack the model of one that did."""
    failed: list[Run] = []
    left = unfinished(runs)
    # A start whose runs are all finished may have been deleted; nothing asks for it.
    starts = needed_starts(starts, left)
    with progress_bar() as bar:
        task = bar.add_task("runs", total=len(starts) + len(runs))
        # A start may itself start from one listed before it.
        labels = dict.fromkeys(run.label for run in starts)
        for batch in (*([run for run in starts if run.label == label] for label in labels), runs):
            todo = []
            for run in left if batch is runs else unfinished(batch):
                if lacking := needed_starts(failed, [run]):
                    failed.append(run)
                    bar.console.print(f"{run}: cannot begin, as {' and '.join(map(str, lacking))} failed")
                else:
                    todo.append(run)
            bar.advance(task, len(batch) - len(todo))
            # Shares that need the same starts begin with different ones.
            first = len(todo) * (share.number - 1) // share.count if batch is not runs else 0
            for outcome in perform_runs([*todo[first:], *todo[:first]], executor):
                bar.advance(task)
                told = outcome.error or (f"lost: {outcome.lost}" if outcome.lost else "done")
                bar.console.print(f"{outcome.run}: {told}")
                if outcome.error:
                    failed.append(outcome.run)
    return failed


def _write(records: Sequence[Record], content: dict[str, Any], out: Path, command: str) -> None:
    """Write tables and report of the finished runs, if one has scores."""
    if any(record.lost is None for record in records):
        write_comparison(Comparison(records, find_paper(content.get("paper") or "")), out, command)
