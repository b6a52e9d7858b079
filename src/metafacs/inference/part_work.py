"""One part of many files: claimed, analysed through journals, and written exactly once.

Who wants to make a part claims its folder of work first; the operating system ends the claim with the
process. What is finished lies in journals there, from which the next one goes on. The part is written there
as well, waited for until it is on the disk, and then given its name; a part that has its name is never
touched again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from metafacs.data.parts import RECEIPT, Failure, Receipt
from metafacs.data.videos import VideoError
from metafacs.files import make_durable
from metafacs.inference.baseline import BaselineError
from metafacs.inference.detector import Detector
from metafacs.inference.engine import FrameResults
from metafacs.inference.inputs import is_there
from metafacs.inference.journal import Journal, JournalError, is_complete, predict_to_journal, read_journal
from metafacs.inference.part_deaths import Deaths, journal_of
from metafacs.inference.part_plan import PARTS, WORK, ListedFile, Part, listed_files, state_of
from metafacs.inference.picture_predictions import (
    PictureJob,
    PictureOutcome,
    analyse_picture,
    keep_outcomes,
)
from metafacs.inference.predictions import FinishedFrames, Options, open_source
from metafacs.inference.result import FaceResult
from metafacs.inference.writers import ParquetWriter, open_writer
from metafacs.locks import OWN_FILES, FolderInUseError, claimed
from metafacs.texts import printable

State = Literal["made", "there", "taken", "lost"]
"""What became of a part: made now, there already, being made by another worker, or lost with its process."""

_IN_A_ROW = 5
"""Files on which the networks fail, one after the other, from which on it is no longer the files."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class MachineError(RuntimeError, ValueError):
    """Networks that fail on whatever they are given, or inputs that are all away; the message tells a way."""


@lru_cache(maxsize=1)
def _failing_files(out: str) -> set[int]:
    """Return which files of a run the networks failed on since they did not: parts may be of one file."""
    return set()


@dataclass(frozen=True)
class PartJob:
    """One part to make.

    Attributes:
        out: Folder of the results.
        folder: Where relative paths of the list start.
        part: Which part.
        options: What is asked of every file.
        retries: How often a file that failed is tried again.
        words: What was named; where nothing of it is there, no file is to blame.
    """

    out: Path
    folder: str
    part: Part
    options: Options
    retries: int
    words: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where the part lies when it is finished."""
        return self.out / PARTS / self.part.name


@dataclass(frozen=True)
class PartOutcome:
    """What became of a part.

    Attributes:
        part: Which one.
        state: Whether it was made.
        receipt: What it is of, if it was made.
    """

    part: Part
    state: State
    receipt: Receipt | None = None


def make_part(get_detector: Callable[[], Detector], job: PartJob) -> PartOutcome:
    """Make a part, unless it is there or another worker is making it.

    Args:
        get_detector: Returns what reads the faces.
        job: What is to be done.

    Raises:
        MachineError: If the networks fail on one file after the other, or nothing of what was named is there.
        JournalError: If the disk is full; what is finished is kept.
        PlanError: If the list was damaged.
        OSError: If the folder of the results cannot be written to.
    """
    if job.path.exists():
        return PartOutcome(job.part, "there")
    work = job.out / WORK / job.path.stem
    try:
        with claimed(work, f"predicting part {job.part.number}"):
            if job.path.exists():
                return PartOutcome(job.part, "there")
            receipt = _Making(get_detector(), job, work).make()
            _clear(work)
    except FolderInUseError:
        return PartOutcome(job.part, "taken")
    except OSError:
        # Whoever made the last part has cleared the folder of work meanwhile.
        if job.path.exists():
            return PartOutcome(job.part, "there")
        raise
    return PartOutcome(job.part, "made", receipt)


def lost_part(job: PartJob, end: str) -> PartOutcome:
    """Return what became of a part whose process died; what is finished of it is kept."""
    return PartOutcome(job.part, "lost")


def _clear(work: Path) -> None:
    for path in work.iterdir():
        if path.name not in OWN_FILES:
            path.unlink(missing_ok=True)


class _Making:
    """Makes a part in its folder of work, which is claimed."""

    def __init__(self, detector: Detector, job: PartJob, work: Path) -> None:
        self._detector, self._job, self._work = detector, job, work
        self._files = listed_files(job.out, job.folder, job.part)
        self._problems: dict[int, str] = {}
        self._failing = _failing_files(os.path.abspath(job.out))
        self._attempt = 0
        # A process may have been ended by somebody else once.
        self._most_deaths = max(1, job.retries)

    def make(self) -> Receipt:
        """Analyse the files, write the part, give it its name."""
        self._deaths = Deaths(self._work)
        with self._deaths.watched():
            results = self._pictures() if self._job.part.kind == "picture" else self._videos()
        path = self._work / "part.parquet"
        receipt = self._write(path, results)
        _publish(path, self._job.path)
        return receipt

    def _pictures(self) -> Iterator[Iterable[FrameResults]]:
        """Analyse pictures; return the results of each, in order."""
        waiting, later = self._files, dict[int, FrameResults]()
        for attempt in range(self._job.retries + 1):
            self._attempt = attempt
            path = self._work / f"try{attempt}.unfinished"
            with self._journal(path, attempt) as journal:
                if not journal.complete:
                    begun = (file for file in waiting if file.number >= journal.next_frame)
                    keep_outcomes(journal, map(self._picture, begun))
            seen = read_journal(path)[1]
            if attempt:
                again = {frame.number: frame for frame in seen}
                later |= again
                failed = {number for number, frame in again.items() if frame.faces[0].problem}
            else:
                failed = {frame.number for frame in seen if frame.faces[0].problem}
            waiting = [file for file in waiting if file.number in failed]
            if not waiting:
                break
        first = read_journal(self._work / "try0.unfinished")[1]
        return ([later.get(frame.number, frame)] for frame in first)

    def _picture(self, file: ListedFile) -> PictureOutcome:
        if problem := self._unreadable(file):
            return PictureOutcome(file.number, [FaceResult(file.name, file.number, problem=problem)])
        job = PictureJob(file.number, file.input.path, file.name, None)
        try:
            outcome = analyse_picture(lambda: self._detector, job)
        except Exception as error:
            problem = self._failed(file, error)
            return PictureOutcome(file.number, [FaceResult(file.name, file.number, problem=problem)])
        self._failing.clear()
        return outcome

    def _videos(self) -> Iterator[Iterable[FrameResults]]:
        """Analyse videos; return the results of each, in order."""
        finished: dict[int, FinishedFrames] = {}
        for attempt in range(self._job.retries + 1):
            self._attempt = attempt
            for file in self._files:
                if file.number not in finished:
                    self._video(file, finished)
            if len(finished) == len(self._files):
                break
        return (finished.get(file.number, ()) for file in self._files)

    def _video(self, file: ListedFile, finished: dict[int, FinishedFrames]) -> None:
        """Analyse a video into its journal; note its frames among the finished, or its problem."""
        path, options = journal_of(self._work, file.number), self._job.options
        if problem := self._unreadable(file):
            self._problems[file.number] = problem
            return
        try:
            if not (path.is_file() and is_complete(path)):
                source = open_source(file.input, options)
                source.name = file.name
                run = {"part": self._job.part.name, "file": file.number}
                try:
                    predict_to_journal(
                        self._detector, source, path, run, selection=options.selection, resume=True
                    )
                finally:
                    close = getattr(source, "close", None)
                    if close is not None:
                        close()
            finished[file.number] = FinishedFrames(self._detector, path, options.neutral)
        except Exception as error:
            self._problems[file.number] = self._failed(file, error)
            return
        self._problems.pop(file.number, None)
        self._failing.clear()

    def _journal(self, path: Path, attempt: int) -> Journal:
        run = {"part": self._job.part.name, "try": attempt}
        return Journal.resume(path, run) if path.exists() else Journal.start(path, run)

    def _unreadable(self, file: ListedFile) -> str:
        """Note that a file is begun; return why it cannot be."""
        if (died := self._deaths.of(file.number)) > self._most_deaths:
            return (
                f"{file.name} ended {died} processes that read it; memory may be too short for it, or a "
                "decoder fails on it"
            )
        self._deaths.begin(file.number)
        size, changed = state_of(file.input)
        if size < 0:
            self._refuse_elsewhere()
            return f"{file.name} cannot be reached"
        if (size, changed) != (file.size, file.changed_ns):
            return f"{file.name} was changed after it was listed"
        return ""

    def _refuse_elsewhere(self) -> None:
        """End where the disk of the inputs is missing: else all files would be listed as failed."""
        words = self._job.words
        if words and not any(map(is_there, words)):
            raise MachineError(
                f"nothing of what was named can be reached from here ({printable(words[0])}): mount its "
                "disk, and give the same command again"
            )

    def _failed(self, file: ListedFile, error: Exception) -> str:
        """Return why a file failed; raise what is no fault of the file."""
        if isinstance(error, JournalError) or (isinstance(error, OSError) and error.errno in _FULL):
            raise error
        if isinstance(error, (VideoError, BaselineError, OSError, MemoryError)):
            self._failing.clear()
            return printable(str(error) or f"{file.name} takes more memory than there is")
        if self._attempt == 0:  # later only files that failed follow one another
            self._failing.add(file.number)
        told = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        if len(self._failing) == _IN_A_ROW:
            self._failing.clear()
            raise MachineError(
                f"{_IN_A_ROW} files one after the other failed, {file.name} last ({told}): that is hardly "
                "their fault; look after the machine and the model, and give the same command again"
            ) from error
        return printable(told)

    def _write(self, path: Path, results: Iterator[Iterable[FrameResults]]) -> Receipt:
        """Write the rows and the receipt."""
        pictures = self._job.part.kind == "picture"
        rows, failed, faces = [], [], 0
        with open_writer(path, "parquet", self._detector) as writer:
            assert isinstance(writer, ParquetWriter)
            for file, frames in zip(self._files, results, strict=True):
                count, problem = 0, self._problems.get(file.number, "")
                for frame in frames:
                    if pictures and frame.faces[0].problem:
                        problem = frame.faces[0].problem
                    for face in frame.faces:
                        writer.write(face)
                        count, faces = count + 1, faces + face.success
                rows.append(count)
                if problem:
                    died = self._deaths.of(file.number)
                    tries = died if died > self._most_deaths else self._job.retries + 1
                    failed.append(Failure(file.number, file.name, problem, tries))
            names = () if pictures else tuple(file.name for file in self._files)
            part = self._job.part
            receipt = Receipt(part.name, part.first, tuple(rows), faces, tuple(failed), names)
            writer.attach(RECEIPT, receipt.to_json())
        return receipt


def _publish(written: Path, path: Path) -> None:
    """Give a part that is on the disk its name; one that is there already stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(written, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            os.replace(written, path)
    make_durable([path])
