"""One run of ``metafacs predict``: everything that was named, what is printed of it, and how it may end."""

from __future__ import annotations

import shlex
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from metafacs.cli.summary import describe, describe_all, describe_video, number_of, say
from metafacs.inference.counting import Counts
from metafacs.inference.detector import Detector
from metafacs.inference.inputs import RESULTS, Input, Inputs
from metafacs.inference.journal import Run
from metafacs.inference.outputs import Destination, Plan, check_outputs
from metafacs.inference.picture_predictions import PictureOutcome, predict_pictures
from metafacs.inference.predictions import Options, run_of
from metafacs.inference.video_jobs import VideoJob, VideoJobs
from metafacs.processes import WorkerError, use_one_thread
from metafacs.progress import speed_bar
from metafacs.texts import printable

STOPPED, TERMINATED = 130, 143
"""Exit codes after Ctrl-C and after SIGTERM."""

_NAMED = 20
"""Files of each kind that was passed over whose names a sidecar holds."""

_LOOK_EVERY = 0.25
"""Seconds between looks at how far the processes are."""

_FEW = 8
"""Pictures per process, below which starting one costs more than it saves."""


_NAMES = {
    "picture": ("picture", "pictures"),
    "video": ("video", "videos"),
    "frames": ("folder of frames", "folders of frames"),
    "camera": ("camera", "cameras"),
}


class Terminated(KeyboardInterrupt):
    """SIGTERM: ends the run as Ctrl-C does."""


@dataclass
class PredictionRun:
    """One run of the command: pictures into one table, every video into its own.

    Attributes:
        inputs: What is analysed.
        plan: Where to.
        options: What is asked of every input.
        get_detector: Returns what reads the faces; picklable if there are several workers.
        fingerprint: What changes with the files that the detector is made of.
        workers: Processes.
        resume: Go on with a run that was ended.
        quiet: Print only what went wrong.
        troubles: Inputs that could not be analysed or drawn.
        done: Tables that were written.
        skipped: Tables that were finished already.
        counted: Kind -> how many inputs were analysed now.
        totals: What these amount to.
    """

    inputs: Inputs
    plan: Plan
    options: Options
    get_detector: Callable[[], Detector]
    fingerprint: str
    workers: int = 1
    resume: bool = False
    quiet: bool = False
    troubles: int = 0
    done: int = 0
    skipped: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    totals: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        pictures, self.videos = self.inputs.of("picture"), self.inputs.of("video", "frames", "camera")
        detector = self.get_detector()
        known = self.fingerprint, detector.device, self.options, detector.backend
        self.runs = [run_of(pictures, *known)] if pictures else []
        self.runs += [run_of(video, *known) for video in self.videos]

    def check(self, out: Path, *, overwrite: bool = False) -> None:
        """Refuse, before anything is done, what must not be written.

        Raises:
            OutputError: Naming what is in the way, and the ways out.
        """
        check_outputs(self.inputs, self.plan, self.runs, out, resume=self.resume, overwrite=overwrite)

    def run(self) -> int:
        """Do everything; return the exit code."""
        for hint in self.inputs.hints:
            print(f"metafacs predict: {hint}", file=sys.stderr)
        try:
            if self.plan.pictures is not None:
                self._predict_pictures()
            self._predict_videos()
        except WorkerError as error:
            print(f"metafacs predict: {error}", file=sys.stderr)
            self._tell_how_to_go_on()
            return 1
        except KeyboardInterrupt as stop:
            self._tell_how_to_go_on()
            return TERMINATED if isinstance(stop, Terminated) else STOPPED
        self._tell_all()
        return 1 if self.troubles else 0

    def _predict_pictures(self) -> None:
        """Analyse all pictures into their table."""
        pictures, destination, run = self.inputs.of("picture"), self.plan.pictures, self.runs[0]
        assert destination is not None
        detector = self.get_detector()
        if self._is_finished(destination, run):
            return
        workers = min(self.workers, max(1, len(pictures) // _FEW))
        with speed_bar("pictures", not self.quiet) as bar:
            task = bar.add_task("pictures", total=len(pictures))

            def report(outcome: PictureOutcome) -> None:
                problem, number = outcome.results[0].problem, outcome.number
                if problem or outcome.trouble:
                    self.troubles += 1
                    print(f"metafacs predict: {problem or outcome.trouble}", file=sys.stderr)
                if not problem:
                    say(describe(Path(pictures[number].name), outcome.results, detector), quiet=self.quiet)
                bar.update(task, completed=number + 1)

            counts = predict_pictures(
                self.get_detector,
                pictures,
                destination,
                run,
                self.options.form,
                resume=self.resume,
                workers=workers,
                initialise=use_one_thread,
                report=report,
                not_read=self._not_read,
            )
        self.troubles = max(self.troubles, counts.undecodable)
        say(f"table: {destination.table}", quiet=self.quiet)
        self._count(counts, pictures)

    def _predict_videos(self) -> None:
        """Analyse all videos, each into its own table."""
        first = 0 if self.plan.pictures is None else 1
        jobs: list[VideoJob] = []
        for found, destination, run in zip(self.videos, self.plan.videos, self.runs[first:], strict=True):
            if not self._is_finished(destination, run):
                more = self.resume, self._not_read
                jobs.append(VideoJob(len(jobs), found, destination, run, self.options, *more))
        if not jobs:
            return
        videos = VideoJobs(jobs, self.get_detector, self.workers)
        with speed_bar("frames", not self.quiet) as bar, _watching(videos, bar) as finished:
            for outcome in videos.outcomes():
                name = outcome.job.found.name
                finished(name)
                if outcome.counts is None:
                    self.troubles += 1
                    print(f"metafacs predict: {_about(name, outcome.problem)}", file=sys.stderr)
                    continue
                self._count(outcome.counts, [outcome.job.found])
                table = outcome.job.destination.table
                say(describe_video(name, outcome.counts, table), quiet=self.quiet)
                for note in outcome.notes:
                    say(f"  {note}", quiet=self.quiet)

    @property
    def _not_read(self) -> dict[str, object]:
        """What was passed over, for sidecars."""
        return counted_passed_over(self.inputs)

    def _is_finished(self, destination: Destination, run: Run) -> bool:
        """Return whether nothing is left to do for a table."""
        if not self.resume or not destination.is_finished(run):
            return False
        destination.journal.unlink(missing_ok=True)
        destination.clear_leftovers()  # a power cut may have brought them back
        self.skipped += 1
        return True

    def _count(self, counts: Counts, inputs: Sequence[Input]) -> None:
        self.totals.add(counts)
        self.counted.update(found.kind for found in inputs)
        self.done += 1

    def _tell_how_to_go_on(self) -> None:
        tables = len(self.plan.destinations)
        words = [word for word in sys.argv[1:] if word not in ("--resume", "--overwrite")]
        print(
            f"stopped: {self.done + self.skipped} of {tables} tables are written, and the finished rows of "
            f"what was begun are kept. Go on with:\n  {shlex.join(['metafacs', *words, '--resume'])}",
            file=sys.stderr,
        )

    def _tell_all(self) -> None:
        """Print what all amounts to, what was not read and where the results are."""
        # Tables that failed, or were finished by an earlier command, are not in the totals.
        kinds = dict.fromkeys(found.kind for found in self.inputs.found if self.counted[found.kind])
        inputs = ", ".join(number_of(self.counted[kind], *_NAMES[kind]) for kind in kinds)
        lines = describe_all(self.totals, inputs, self.get_detector()) if self.videos and self.done else []
        if any(destination.journal.exists() for destination in self.plan.destinations):
            lines.append("what failed is kept as far as it came: --resume goes on with it")
        if self.skipped:
            lines.append(f"tables that were finished already: {self.skipped}")
        lines += [f"not read: {line}" for line in self.inputs.told()]
        for line in lines:
            say(line, quiet=self.quiet)


def counted_passed_over(inputs: Inputs) -> dict[str, object]:
    """Return what was passed over as sidecars tell it: how much of each kind, and the first names."""
    # The folder of the results is there only from the second run on, which is to write the same.
    return {
        kind: {"count": len(paths), "first": [printable(path) for path in paths[:_NAMED]]}
        for kind, paths in sorted(inputs.passed_over.items())
        if kind != RESULTS
    }


def _about(name: str, problem: str) -> str:
    """Return a problem that names its file."""
    return problem if name in problem else f"{name}: {problem}"


@contextmanager
def _watching(videos: VideoJobs, bar: Progress) -> Iterator[Callable[[str], None]]:
    """Keep a bar at what is done; yield what tells that a video is finished."""
    task, over, count = bar.add_task(f"0 of {videos.count} videos", total=None), threading.Event(), 0

    def watch() -> None:
        while not over.wait(_LOOK_EVERY):
            done, expected = videos.frames
            bar.update(task, completed=done, total=expected and max(done, expected))

    def finished(name: str) -> None:
        nonlocal count
        count += 1
        bar.update(task, description=f"{count} of {videos.count} videos")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield finished
    finally:
        over.set()
        thread.join()
