"""A comparison: methods x folds x seeds, trained and tested; takes up work that was stopped."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.checkpoints.description import THRESHOLD, without_thresholds
from metafacs.data.expression_pictures import ALL_AS_LABELLED
from metafacs.data.splits import Side
from metafacs.data.store import Store
from metafacs.differences import differences
from metafacs.evaluation.diagnostics import Lost
from metafacs.evaluation.lost_runs import lost_record
from metafacs.evaluation.predictions import NotFiniteError
from metafacs.evaluation.protocols import described, evaluate, keep_thresholds
from metafacs.evaluation.records import Record, RecordError, read_record, write_record
from metafacs.evaluation.thresholds import VALIDATION, Thresholds, check_validation_people
from metafacs.executors.executor import Executor
from metafacs.files import digest_of_file, write_json
from metafacs.locks import claimed
from metafacs.methods import find_method
from metafacs.models.model_file import CheckpointError, known_alike
from metafacs.parsing import read_json
from metafacs.processes import out_of_memory
from metafacs.seals import sealed, unsealed
from metafacs.shares import Share
from metafacs.training.identity import foreign_code, texts
from metafacs.training.pseudo_labels import thresholds_of
from metafacs.training.run import PSEUDO_LABELS, train
from metafacs.training.trainer import MODEL_FILE, LostRunError

RECORD_FILE = "record.json"
SETTINGS_FILE = "settings.json"
CLAIM = ".claim"
"""Folder in that of a run by which one process claims it; training claims the run's own."""

INPUTS = "inputs"
"""Where in the settings of a finished run the digests are of what it was made from."""

_THRESHOLD_OF = ".threshold of AU"
"""Ending of the inputs that are thresholds of a detector that labels pictures."""


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
        tested: Side of the split to test on, ``validation`` for a study that chooses settings; None for a run
            that others start from, which is only trained.
        tested_on: Store to test on; None = the one trained on.
        paper: Paper that the comparison is made for; empty for none.
        thresholds: From which probability on AUs count as present, as
            :func:`metafacs.evaluation.protocols.evaluate` has it; ``validation`` ones are kept by the model.
    """

    label: str
    fold: int
    seed: int
    settings: Mapping[str, Any]
    arguments: Mapping[str, Any]
    tested: Side | None = "test"
    tested_on: str | None = None
    paper: str = ""
    thresholds: Thresholds = THRESHOLD

    @property
    def folder(self) -> Path:
        """Folder of the model and of its record."""
        return Path(self.arguments["out"])

    def __str__(self) -> str:
        return f"{self.label}, fold {self.fold}, seed {self.seed}"


@dataclass(frozen=True)
class Outcome:
    """What became of a run: scores, a lost game, or an error in words.

    Attributes:
        run: The run.
        error: What went wrong; None if nothing did.
        lost: Why the run has no scores; a result, as it would be the same with every try.
    """

    run: Run
    error: str | None = None
    lost: Lost | None = None


def perform(run: Run) -> Outcome:
    """Train and test one run in its folder; what went wrong is returned, so that other runs go on.

    Whoever else performs the same run is waited for; what is finished then is not done again. A run that
    ended by itself is finished: its record says what it lost. One that others start from, which has no
    record, has failed.
    """
    try:
        with claimed(run.folder / CLAIM, f"performing {run}", wait=True):
            if not _is_finished(run, _note(run), {}):
                _finish(run)
            record = _record_of(run) if run.tested else None
        return Outcome(run, lost=None if record is None else record.lost)
    except (ValueError, OSError, FloatingPointError) as error:
        return Outcome(run, str(error))
    except Exception as error:
        return Outcome(run, out_of_memory(error) or traceback.format_exc())


def _finish(run: Run) -> None:
    """Train and test a run that this process has claimed."""
    inputs = inputs_of(run)
    record = _result(run)
    # Before the record: what is finished says what it was made from.
    write_json(run.folder / SETTINGS_FILE, sealed({**run.settings, INPUTS: inputs}))
    if record is not None:
        label = run.label if run.label != record.method else ""
        write_record(replace(record, label=label, paper=run.paper), run.folder / RECORD_FILE)


def _result(run: Run) -> Record | None:
    """Train a run and return the record of its test; None for one that is only trained."""
    if run.tested and run.thresholds == VALIDATION:
        check_validation_people(run.arguments)
    try:
        model = train(**{**run.arguments, "progress": False})
        return _tested(run, model, run.tested) if run.tested else None
    except LostRunError as error:
        if run.tested is None:
            raise
        return lost_record(error, run.tested_on or run.arguments["action_units"], side=run.tested)


def _tested(run: Run, model: Path, side: Side) -> Record:
    """Test the model of a run.

    Raises:
        LostRunError: If it tells no numbers: what diverged with the last steps shows here first.
    """
    trained_on, device = run.arguments["action_units"], run.arguments.get("accelerator", "cpu")
    try:
        if run.thresholds == VALIDATION:
            keep_thresholds(model, trained_on, device=device)
        return evaluate(
            model,
            run.tested_on or trained_on,
            side=side,
            thresholds=run.thresholds,
            validation_store=trained_on,
            device=device,
        )
    except NotFiniteError as error:
        found = load_checkpoint(model)
        # As any run that has lost, it has chosen no thresholds.
        found = replace(found, description=found.description.cut_at(THRESHOLD))
        raise LostRunError(str(error), found) from error


def perform_runs(runs: Sequence[Run], executor: Executor) -> Iterator[Outcome]:
    """Perform runs.

    A finished run is on disk with its record, and a stopped one goes on from its checkpoint: the same call
    after a kill does only what is left.

    Args:
        runs: What to do, in this order, from :func:`unfinished`.
        executor: Where.

    Yields:
        The outcome of every run, in the order of finishing; one whose process died has failed.
    """
    yield from executor.run(perform, runs, lost=Outcome)


def rows_of(runs: Sequence[Run], share: Share) -> list[Run]:
    """Return the runs of one share, in order; each run is of exactly one.

    Rows of a method go to the shares in turn, so that each has as much of every method as the others. Where
    there are as many shares as places, a fold and seed each, a share has one of these whole, and needs the
    models that its runs start from for this one only.
    """
    rows = list(dict.fromkeys(run.label for run in runs))
    by_row = sorted(range(len(runs)), key=lambda place: rows.index(runs[place].label))
    return [runs[place] for place in sorted(place for job, place in enumerate(by_row) if share.holds(job))]


def unfinished(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that are still to be performed, in order.

    A record, model or file of settings that is damaged is named, and its run is one of them.

    Raises:
        ComparisonError: If a folder holds a run of other settings, or one made from other data.
    """
    known: dict[Path, dict[str, str]] = {}
    noted = [_noted(run) for run in runs]
    return [run for run, found in zip(runs, noted, strict=True) if not _is_finished(run, found, known)]


def finished_records(runs: Sequence[Run]) -> list[Record]:
    """Return the records of the tested runs that are finished, in order; those that lost are among them.

    The record of a run that is still to be performed, of another model or other thresholds say, is none.

    Raises:
        ComparisonError: As :func:`unfinished`.
    """
    left = {run.folder for run in unfinished(runs)}
    records = [_record_of(run) for run in runs if run.tested and run.folder not in left]
    return [record for record in records if record is not None]


def lost_runs(runs: Sequence[Run]) -> list[tuple[Run, Lost]]:
    """Return the finished runs that lost, in order, with what they lost."""
    found = [(run, _record_of(run)) for run in runs if run.tested]
    return [(run, record.lost) for run, record in found if record is not None and record.lost is not None]


def inputs_of(run: Run, known: dict[Path, dict[str, str]] | None = None) -> dict[str, str]:
    """Return what a run reads besides its settings: names of its arguments with digests of what they name.

    Of a detector that labels pictures the thresholds are told as well, which its fingerprint leaves out.

    Args:
        run: The run.
        known: What was found before, by path; what is new is added.

    Raises:
        ValueError: If a store cannot be opened.
        OSError: If a file cannot be read.
    """
    known = {} if known is None else known
    arguments = run.arguments
    kind, options = find_method(arguments["method"]), arguments.get("options") or {}
    roles = {"expression", "target"} & set(kind.streams)
    stores = {role: arguments.get(role) for role in ("action_units", *sorted(roles))}
    stores["tested_on"] = run.tested_on if run.tested else None
    files = {name: arguments.get(name) for name in ("initialise", PSEUDO_LABELS)}
    files |= {f"lists.{place}": path for place, path in enumerate(arguments.get("lists") or ())}
    chosen = arguments.get("expression_pictures") or ALL_AS_LABELLED
    files["expression_pictures.provenance"] = chosen.provenance
    files |= {f"options.{name}": text for name, text in texts(options)}
    for path in filter(None, stores.values()):
        if Path(path) not in known:
            known[Path(path)] = {"": Store(path).fingerprint}
    for name, path in files.items():
        # Most texts among the options are no files.
        if path and Path(path) not in known and (not name.startswith("options.") or _is_file(path)):
            known[Path(path)] = _told_of(path)
    named = {
        name: known[Path(path)] for name, path in {**stores, **files}.items() if path and Path(path) in known
    }
    found = {name: told[""] for name, told in named.items()}
    if labeller := named.get(PSEUDO_LABELS):
        found |= {f"{PSEUDO_LABELS}{ending}": text for ending, text in labeller.items()}
    return found | {f"code.{module}": digest for module, digest in foreign_code(kind, options).items()}


def _told_of(path: Path | str) -> dict[str, str]:
    """Return a digest of a file, and what else a model decides by, under the endings of an input's name.

    Of a model it is what it has learned, since its training time means nothing.
    """
    try:
        model = load_checkpoint(path)
    except CheckpointError:
        return {"": digest_of_file(path)[:16]}
    thresholds = {f"{_THRESHOLD_OF}{au}": repr(value) for au, value in thresholds_of(model).items()}
    return {"": model.fingerprint, **thresholds}


def _is_file(path: str) -> bool:
    try:
        return Path(path).suffix != "" and Path(path).is_file()
    except (OSError, ValueError):
        return False


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they come back from a file."""
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def _note(run: Run) -> dict[str, Any]:
    """Return what a run's folder says it holds, after writing it there if it says nothing that can be read.

    Raises:
        ComparisonError: If it holds a run of other settings.
    """
    if found := _noted(run):
        return found
    settings = _plain(run.settings)
    write_json(run.folder / SETTINGS_FILE, sealed(settings))
    return settings


def _noted(run: Run) -> dict[str, Any]:
    """Return what a run's folder says it holds; nothing if it says nothing that can be read.

    Raises:
        ComparisonError: If it holds a run of other settings.
    """
    path = run.folder / SETTINGS_FILE
    if not path.exists():
        return {}
    try:
        remedy = "it is written again"
        content = read_json(path, dict[str, Any], ComparisonError, remedy)
        found = unsealed(content, str(path), ComparisonError, remedy)
    except ComparisonError as error:
        print(f"{error}, and {run} looked at again", file=sys.stderr)
        return {}
    if told := differences({k: v for k, v in found.items() if k != INPUTS}, _plain(run.settings)):
        raise ComparisonError(
            f"{run.folder} holds a run of other settings: {told}; choose another --out or delete it"
        )
    return found


def _is_finished(run: Run, noted: Mapping[str, Any], known: dict[Path, dict[str, str]]) -> bool:
    """Return whether there is nothing left to do.

    Raises:
        ComparisonError: If the run was made from other data than are there now.
    """
    if INPUTS not in noted or not _has_results(run):
        return False
    try:
        inputs = inputs_of(run, known)
    except (ValueError, OSError):
        return True  # what it was made from has gone; what it found has not
    if _THRESHOLD_OF not in str(noted[INPUTS]):  # earlier versions did not tell them
        inputs = {name: told for name, told in inputs.items() if _THRESHOLD_OF not in name}
    if told := differences({INPUTS: noted[INPUTS]}, {INPUTS: inputs}):
        raise ComparisonError(
            f"{run.folder} holds a run that was made from other data: {told}; choose "
            "another --out or delete it"
        )
    return True


def _record_of(run: Run) -> Record | None:
    path = run.folder / RECORD_FILE
    if not path.exists():
        return None
    try:
        return read_record(path)
    except RecordError as error:
        print(f"{error}; {run} has to be tested again", file=sys.stderr)
        return None


def _has_results(run: Run) -> bool:
    """Return whether model and record are there, whole, and belong together; what is not so is named."""
    model, path = None, run.folder / MODEL_FILE
    if path.exists():
        try:
            model = load_checkpoint(path)
        except CheckpointError as error:
            print(f"{error}; {run} is trained again", file=sys.stderr)
            return False
    if not run.tested:
        return model is not None
    if (record := _record_of(run)) is None:
        return False
    wanted = run.thresholds if isinstance(run.thresholds, str) else f"{run.thresholds:g}"
    if record.lost is None and record.judged_at != wanted:
        what = "tested again" if model is not None else "trained again, as its model is not there"
        print(
            f"{run} was judged at thresholds {record.judged_at}, not {wanted}: it is {what}", file=sys.stderr
        )
        return False
    # A model may be deleted for its size, once it is tested.
    if model is None:
        return True
    there, here = map(without_thresholds, (record.config, _plain(described(model))))
    if told := differences(*known_alike(there, here)):
        print(
            f"{run.folder / RECORD_FILE} is of another model: {told}; {run} has to be tested again",
            file=sys.stderr,
        )
        return False
    return True
