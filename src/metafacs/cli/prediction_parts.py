"""One worker of a run over many files: which parts it makes, what is printed of it, and how it may end."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from metafacs.cli.prediction_run import STOPPED, TERMINATED, Terminated, counted_passed_over
from metafacs.cli.summary import number_of, say
from metafacs.data.parts import Receipt
from metafacs.inference.detector import Detector
from metafacs.inference.inputs import Input, Inputs, list_inputs
from metafacs.inference.outputs import OutputError, check_folder
from metafacs.inference.part_checks import account_for, write_failures
from metafacs.inference.part_plan import (
    PARTS,
    PLAN,
    WORK,
    Part,
    PartPlan,
    PlanError,
    differences,
    read_plan,
    write_plan,
)
from metafacs.inference.part_work import PartJob, lost_part, make_part
from metafacs.inference.predictions import Options, run_of_words
from metafacs.inference.sidecars import write_sidecar
from metafacs.locks import FolderInUseError, claimed
from metafacs.processes import WorkerError, run_jobs, use_one_thread
from metafacs.progress import speed_bar
from metafacs.shares import ALL, Share

RETRIES = 2
"""How often a file that failed is tried again, if nothing is said."""

_LOOK_EVERY = 1.0
"""Seconds between looks for the plan that another worker is writing."""

_MOST_DEATHS = 20
"""Processes that may die one after the other, before a part is made again."""

_NAMED = 3
"""Files of a part that failed whose names are printed."""

_NAMES = {"picture": ("picture", "pictures"), "video": ("video", "videos")}


@dataclass
class PartsRun:
    """One worker, or several on one machine, of a run over many files.

    Attributes:
        words: What was named.
        out: Folder of the results.
        options: What is asked of every file.
        get_detector: Returns what reads the faces; picklable if there are several workers.
        fingerprint: What changes with the files that the detector is made of.
        share: Which parts are this command's.
        files_per_part: Files in a part; None for the usual number.
        retries: How often a file that failed is tried again.
        workers: Processes.
        quiet: Print only what went wrong.
    """

    words: Sequence[str]
    out: Path
    options: Options
    get_detector: Callable[[], Detector]
    fingerprint: str
    share: Share = ALL
    files_per_part: int | None = None
    retries: int = RETRIES
    workers: int = 1
    quiet: bool = False

    def run(self) -> int:
        """Make the parts of the share that nobody else makes; return the exit code."""
        self._made = 0
        try:
            plan = self._plan()
            parts = [part for part in plan.parts if self.share.holds(part.number)]
            self._make(plan, parts)
        except KeyboardInterrupt as stop:
            words = shlex.join(["metafacs", *sys.argv[1:]])
            print(
                f"stopped: {self._made} parts were made now, and what was begun is kept as far as it came. "
                "Go on "
                f"with the same command:\n  {words}",
                file=sys.stderr,
            )
            return TERMINATED if isinstance(stop, Terminated) else STOPPED
        return self._tell(plan, parts)

    def _plan(self) -> PartPlan:
        """Return the plan; the first worker writes it, the others wait for it."""
        check_folder(self.out)
        waited = False
        while not (self.out / PLAN).is_file():
            try:
                with claimed(self.out, "listing files"):
                    if not (self.out / PLAN).is_file():
                        self._list()
            except FolderInUseError:
                if not waited:
                    say("another worker is listing the files; this one waits for it", quiet=self.quiet)
                waited = True
                time.sleep(_LOOK_EVERY)
        plan = read_plan(self.out)
        if differing := differences(plan, self._run):
            raise PlanError(
                f"{self.out} holds the parts of another run ({'; '.join(differing)}): give the same inputs "
                "and "
                "options, or another folder with --out"
            )
        return plan

    @property
    def _run(self) -> dict[str, object]:
        detector = self.get_detector()
        more = self.fingerprint, detector.device, self.options, detector.backend
        return dict(run_of_words(self.words, os.getcwd(), self.files_per_part, *more))

    def _list(self) -> None:
        """List the files and write the plan, and what lies beside the folder of the parts."""
        if strange := next((name for name in (PARTS, WORK) if (self.out / name).exists()), None):
            raise OutputError(
                f"{self.out / strange} is there already, and there is no plan that says of what run it is; "
                "give "
                "another folder with --out"
            )
        say("listing the files", quiet=self.quiet)
        told, kinds = Inputs(), set[str]()

        def listed() -> Iterator[Input]:
            frames = self.options.frame_rate is not None
            for found in list_inputs(self.words, self.out, told, frames=frames):
                if found.kind == "camera":
                    raise PlanError("a camera is no file: analyse it without --shard and --files_per_part")
                kinds.add(found.kind)
                yield found
            # Before the plan: who finds one lists nothing, and could not tell what was passed over.
            more = {"run": self._run, "not_read": counted_passed_over(told)}
            videos = kinds != {"picture"}
            write_sidecar(self.out / PARTS, "parquet", self.get_detector(), video=videos, more=more)

        write_plan(self.out, listed(), self._run, os.getcwd(), files_per_part=self.files_per_part)
        for hint in told.hints:
            print(f"metafacs predict: {hint}", file=sys.stderr)
        for line in told.told():
            say(f"not read: {line}", quiet=self.quiet)

    def _make(self, plan: PartPlan, parts: Sequence[Part]) -> None:
        """Make parts until all are there or in the hands of others."""
        pace, deaths = _Pace(plan, parts), 0
        with speed_bar("files", not self.quiet) as bar:
            task = bar.add_task(f"files of share {self.share}", total=pace.files, completed=pace.finished())
            while True:
                there, before, lost = plan.finished(), self._made, 0
                jobs = [self._job(plan, part) for part in parts if part.name not in there]
                work = partial(make_part, self.get_detector)
                outcomes = run_jobs(work, jobs, self.workers, initialise=use_one_thread, lost=lost_part)
                for outcome in outcomes:
                    if outcome.state == "lost":
                        # A file may be the cause, which is given up when it has ended enough of them.
                        lost, deaths = lost + 1, deaths + 1
                        self._say_lost(outcome.part, deaths)
                    if outcome.receipt is not None:
                        self._made, deaths = self._made + 1, 0
                        self._say_made(outcome.part, outcome.receipt, pace)
                        bar.update(task, completed=pace.finished())
                if self._made == before and not lost:
                    return

    def _say_lost(self, part: Part, deaths: int) -> None:
        """Tell that a process died; end if one dies after the other.

        Raises:
            WorkerError: If too many did.
        """
        print(f"metafacs predict: the process that made part {part.number} died", file=sys.stderr)
        if deaths > _MOST_DEATHS:
            raise WorkerError(
                f"{deaths} processes died one after the other without a part made, often for want of memory; "
                "what "
                "is finished is kept: give the same command again, with fewer --workers"
            )

    def _job(self, plan: PartPlan, part: Part) -> PartJob:
        return PartJob(self.out, plan.folder, part, self.options, self.retries, tuple(self.words))

    def _say_made(self, part: Part, receipt: Receipt, pace: _Pace) -> None:
        """Print one line about a part, and one for each of the first files that failed."""
        failed = receipt.failed
        for one in failed[:_NAMED]:
            print(f"metafacs predict: {one.problem}", file=sys.stderr)
        if len(failed) > _NAMED:
            print(f"metafacs predict: and {len(failed) - _NAMED} more of this part", file=sys.stderr)
        files = number_of(part.files, *_NAMES[part.kind])
        told = f"part {part.number}: {files}, {number_of(receipt.faces, 'face', 'faces')}"
        told += f", {len(failed)} failed" if failed else ""
        say(f"{told}; {pace.told()}", quiet=self.quiet)

    def _tell(self, plan: PartPlan, parts: Sequence[Part]) -> int:
        """Print what the share amounts to and, if it is whole, what the run does; return the exit code."""
        account = account_for(plan, parts)
        for sentence in account.wrong:
            print(f"metafacs predict: {sentence}", file=sys.stderr)
        share = "" if self.share == ALL else f" of share {self.share}"
        lines = [
            f"parts{share}: {account.made:,} of {account.parts:,} are there, with "
            f"{number_of(account.analysed, 'file', 'files')} analysed and {account.failed:,} failed"
        ]
        if account.made < account.parts:
            lines.append(
                f"the others are in the hands of other workers; when these have ended, 'metafacs merge "
                f"{shlex.quote(str(self.out))}' tells whether all is there"
            )
        there = plan.finished()
        if len(there) == len(plan.parts):
            with suppress(FolderInUseError), claimed(self.out, "writing what failed"):
                lines.append(f"all {plan.files:,} files are done; what failed: {write_failures(plan)}")
                shutil.rmtree(self.out / WORK, ignore_errors=True)
        lines.append(f"table: {self.out / PARTS}")
        for line in lines:
            say(line, quiet=self.quiet)
        return 1 if account.failed or account.faults else 0


class _Pace:
    """How fast the parts of a share come, whoever makes them."""

    def __init__(self, plan: PartPlan, parts: Sequence[Part]) -> None:
        self._plan, self._sizes = plan, {part.name: part.files for part in parts}
        self.files = sum(self._sizes.values())
        self._began, self._before = time.monotonic(), self.finished()

    def finished(self) -> int:
        """Return how many files are in parts that are there."""
        return sum(self._sizes.get(name, 0) for name in self._plan.finished())

    def told(self) -> str:
        """Return speed and estimate in words."""
        done = self.finished()
        speed = max(done - self._before, 1) / max(time.monotonic() - self._began, 1e-9)
        left = timedelta(seconds=round((self.files - done) / speed))
        return f"{done:,} of {self.files:,} files, {speed:.3g} per second, about {left} left"
