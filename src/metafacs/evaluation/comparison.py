"""A comparison: methods x folds x seeds, trained and tested; takes up work that was stopped."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metafacs.data.splits import Side
from metafacs.evaluation.protocols import evaluate
from metafacs.evaluation.records import Record, read_record, write_record
from metafacs.files import write_json
from metafacs.processes import run_jobs, use_one_thread
from metafacs.training.run import train
from metafacs.training.trainer import MODEL_FILE

RECORD_FILE = "record.json"
SETTINGS_FILE = "settings.json"


class ComparisonError(ValueError):
    """A comparison cannot be run as described; the message names the file or the run and what to change."""


@dataclass(frozen=True)
class Run:
    """One training with its test.

    Attributes:
        label: Name of the method, or of the variant of a method, in the tables.
        fold: 1-based fold.
        seed: Seed of training.
        settings: What the run was asked for, as plain data; kept beside its record.
        arguments: The same as keyword arguments of :func:`metafacs.training.run.train`.
        tested: Side of the split to test on, ``validation`` for a study that chooses settings; None for a
            source of other runs, which is only trained.
        tested_on: Store to test on; None = the one trained on.
    """

    label: str
    fold: int
    seed: int
    settings: Mapping[str, Any]
    arguments: Mapping[str, Any]
    tested: Side | None = "test"
    tested_on: str | None = None

    @property
    def folder(self) -> Path:
        """Folder of the model and of its record."""
        return Path(self.arguments["out"])

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return (self.folder / (RECORD_FILE if self.tested else MODEL_FILE)).is_file()

    def __str__(self) -> str:
        return f"{self.label}, fold {self.fold}, seed {self.seed}"


@dataclass(frozen=True)
class Outcome:
    """What became of a run: an error in words, or none."""

    run: Run
    error: str | None = None


def perform(run: Run) -> Outcome:
    """Train and test one run in its folder; what went wrong is returned, so that other runs go on."""
    try:
        model = train(**{**run.arguments, "progress": False})
        if run.tested:
            store = run.tested_on or run.arguments["action_units"]
            record = evaluate(model, store, side=run.tested)
            label = run.label if run.label != record.method else ""
            write_record(replace(record, label=label), run.folder / RECORD_FILE)
    except (ValueError, OSError, FloatingPointError) as error:
        return Outcome(run, str(error))
    except Exception:
        return Outcome(run, traceback.format_exc())
    return Outcome(run)


def perform_runs(runs: Sequence[Run], *, workers: int | None = None) -> Iterator[Outcome]:
    """Perform the runs that are not finished, one process of one thread per core.

    A finished run is on disk with its record, and a stopped one goes on from its checkpoint: the same call
    after a kill does only what is left.

    Args:
        runs: What to do, in this order.
        workers: Processes; None = one per core.

    Yields:
        The outcome of every run that was not finished, in the order of finishing.

    Raises:
        ComparisonError: If a folder holds a run of other settings.
    """
    for run in runs:
        _claim(run)
    todo = [run for run in runs if not run.finished]
    yield from run_jobs(perform, todo, workers, initialise=use_one_thread, stop_at_once=False)


def finished_records(runs: Sequence[Run]) -> list[Record]:
    """Return the records of the tested runs that are finished, in order."""
    return [read_record(run.folder / RECORD_FILE) for run in runs if run.tested and run.finished]


def _claim(run: Run) -> None:
    path = run.folder / SETTINGS_FILE
    settings = json.loads(json.dumps(run.settings))
    if not path.is_file():
        write_json(path, settings)
        return
    found = json.loads(path.read_text(encoding="utf-8"))
    if found != settings:
        other = sorted(k for k in {*found, *settings} if found.get(k) != settings.get(k))
        raise ComparisonError(
            f"{run.folder} holds a run of other settings ({', '.join(other)}); choose another --out or "
            "delete it"
        )
