"""Many videos, one after the other or several at once in processes; one that fails stops no other."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from metafacs.data.videos import FrameSource
from metafacs.inference.counting import Counts
from metafacs.inference.detector import Detector
from metafacs.inference.inputs import Input
from metafacs.inference.journal import Progress, Run
from metafacs.inference.outputs import Destination
from metafacs.inference.predictions import Options, expected_frames, predict_video
from metafacs.processes import run_jobs, use_one_thread

if TYPE_CHECKING:
    Numbers = ctypes.Array[ctypes.c_longlong]


@dataclass(frozen=True)
class VideoJob:
    """One video, folder of frames or camera to analyse.

    Attributes:
        number: Its place among the jobs, from 0.
        found: The input.
        destination: Where the results go.
        run: What tells the run from others.
        options: What is asked for.
        resume: Go on with the journal that is there.
        not_read: What was passed over, for the sidecar.
    """

    number: int
    found: Input
    destination: Destination
    run: Run
    options: Options
    resume: bool = False
    not_read: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class VideoOutcome:
    """What became of a video.

    Attributes:
        job: Which one.
        counts: What it shows; None if it failed.
        notes: What its file says that a reader should know, e.g. that it was turned.
        problem: Why it failed.
    """

    job: VideoJob
    counts: Counts | None
    notes: tuple[str, ...] = ()
    problem: str = ""


class VideoJobs:
    """Analyses videos and tells how far it is.

    Args:
        jobs: What is to be done, numbered from 0.
        get_detector: Returns what reads the faces; picklable if there are several workers.
        workers: Processes; None = one per core.
    """

    def __init__(
        self,
        jobs: Sequence[VideoJob],
        get_detector: Callable[[], Detector],
        workers: int | None = 1,
    ) -> None:
        self._jobs, self._get_detector, self._workers = jobs, get_detector, workers
        context = multiprocessing.get_context("spawn")
        # Each process writes only the places of its own jobs: nothing has to be locked.
        self._done: Numbers = context.RawArray(ctypes.c_longlong, max(len(jobs), 1))
        self._expected: Numbers = context.RawArray(ctypes.c_longlong, [-1] * max(len(jobs), 1))

    @property
    def count(self) -> int:
        """How many jobs there are."""
        return len(self._jobs)

    @property
    def frames(self) -> tuple[int, int | None]:
        """Frames that are finished, and how many there are; None if a video does not tell.

        Videos that are not opened yet count as the others on average.
        """
        opened = [count for count in self._expected if count >= 0]
        if not opened or 0 in opened:
            return sum(self._done), None
        return sum(self._done), round(sum(opened) / len(opened) * len(self._jobs))

    def outcomes(self) -> Iterator[VideoOutcome]:
        """Do the jobs; yield what became of each as it is finished."""
        initialise = partial(_begin, self._get_detector, self._done, self._expected)
        if len(self._jobs) <= 1 or self._workers == 1:
            initialise()
        yield from run_jobs(_perform, self._jobs, self._workers, initialise=initialise)


@dataclass
class _Worker:
    get_detector: Callable[[], Detector]
    done: Numbers
    expected: Numbers


_worker: _Worker


def _begin(get_detector: Callable[[], Detector], done: Numbers, expected: Numbers) -> None:
    """Prepare this process for jobs."""
    global _worker
    use_one_thread()
    _worker = _Worker(get_detector, done, expected)


def _perform(job: VideoJob) -> VideoOutcome:
    """Do a job in this process."""
    notes: list[str] = []

    def opened(source: FrameSource) -> None:
        nonlocal notes
        notes = source.notes
        _worker.expected[job.number] = expected_frames(source, job.options.selection) or 0

    def report(progress: Progress) -> None:
        _worker.done[job.number] = progress.frames

    try:
        counts = predict_video(
            _worker.get_detector(),
            job.found,
            job.destination,
            job.run,
            job.options,
            resume=job.resume,
            not_read=job.not_read,
            report=report,
            opened=opened,
        )
    except Exception as error:
        if os.environ.get("METAFACS_DEBUG"):
            traceback.print_exc()
        known = isinstance(error, (ValueError, OSError))
        said = str(error) if known else f"{type(error).__name__}: {error}"
        _worker.expected[job.number] = _worker.done[job.number]
        return VideoOutcome(job, None, tuple(notes), said)
    _worker.expected[job.number] = _worker.done[job.number] = counts.frames
    return VideoOutcome(job, counts, tuple(notes))
