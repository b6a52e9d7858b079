"""From any number of pictures to one table, a frame each, with rows in the order of the inputs.

A picture that cannot be read has a row like one without a face; the sidecar says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metafacs.faces.pictures import PictureError, read_picture
from metafacs.files import written_whole
from metafacs.inference.counting import Counting, Counts
from metafacs.inference.detector import Detector
from metafacs.inference.engine import FrameResults
from metafacs.inference.inputs import Input
from metafacs.inference.journal import Journal, JournalError, Run, read_journal
from metafacs.inference.outputs import Destination, analysis_of
from metafacs.inference.overlay import draw_overlay
from metafacs.inference.result import FaceResult
from metafacs.inference.sidecars import write_sidecar
from metafacs.inference.writers import open_writer
from metafacs.processes import run_jobs
from metafacs.texts import printable

CHECKPOINT_EVERY = 16
"""Pictures after which the journal is put safely on the disk."""


@dataclass(frozen=True)
class PictureJob:
    """One picture to analyse.

    Attributes:
        number: In the order of the inputs, from 0.
        path: The file.
        name: What results call it.
        overlay: File to draw the results to; None for none.
    """

    number: int
    path: Path
    name: str
    overlay: Path | None


@dataclass(frozen=True)
class PictureOutcome:
    """What became of one picture.

    Attributes:
        number: In the order of the inputs.
        results: One per face; one whose ``problem`` says why it could not be read.
        trouble: Why its overlay could not be written; empty if it was.
    """

    number: int
    results: list[FaceResult]
    trouble: str = ""


def analyse_picture(get_detector: Callable[[], Detector], job: PictureJob) -> PictureOutcome:
    """Analyse one picture, and draw the results onto it."""
    detector = get_detector()
    try:
        image = read_picture(job.path)
        results = detector.analyse_picture(image, input=job.name, frame=job.number)
    except PictureError as error:
        return _unread(job, printable(str(error)))
    except MemoryError:
        return _unread(job, f"{job.name} takes more memory than there is; make it smaller")
    trouble = "" if job.overlay is None else _draw(job.overlay, image, results, detector)
    return PictureOutcome(job.number, results, trouble)


def _draw(overlay: Path, image: NDArray[np.uint8], results: Sequence[FaceResult], detector: Detector) -> str:
    """Draw the results onto a picture; returns why that could not be written."""
    try:
        write_picture_overlay(overlay, image, results, detector)
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "out of memory"
        return f"{printable(overlay)} could not be written ({reason})"
    return ""


def write_picture_overlay(
    path: Path, image: NDArray[np.uint8], results: Sequence[FaceResult], detector: Detector
) -> None:
    """Write a picture with the results drawn onto it as PNG, whole or not at all.

    Args:
        path: The file to write.
        image: ``height x width x 3``, uint8, RGB.
        results: One per face.
        detector: That made them.

    Raises:
        OSError: If it cannot be written.
    """
    drawing = draw_overlay(
        image,
        results,
        detector.thresholds,
        synthetic=detector.synthetic,
        experimental=detector.experimental,
    )
    with written_whole(path) as temporary:
        drawing.save(temporary, "PNG")


def _unread(job: PictureJob, problem: str) -> PictureOutcome:
    return PictureOutcome(job.number, [FaceResult(job.name, job.number, problem=problem)])


def predict_pictures(
    get_detector: Callable[[], Detector],
    pictures: Sequence[Input],
    destination: Destination,
    run: Run,
    form: str,
    *,
    resume: bool = False,
    workers: int | None = 1,
    initialise: Callable[[], None] | None = None,
    report: Callable[[PictureOutcome], None] | None = None,
    not_read: Mapping[str, object] | None = None,
) -> Counts:
    """Analyse pictures and write their table and overlays; finished rows lie in the journal until then.

    Args:
        get_detector: Returns what reads the faces; picklable if there are several workers.
        pictures: What is analysed.
        destination: Where to.
        run: See :func:`metafacs.inference.predictions.run_of`.
        form: Convention of the table.
        resume: Go on with the journal that is there.
        workers: Processes; None = one per core.
        initialise: Called once in every worker process.
        report: Called after every picture, in order.
        not_read: What was passed over, for the sidecar.

    Raises:
        JournalError: If the journal cannot be written or gone on from.
        WorkerError: If a process dies.
    """
    destination.table.parent.mkdir(parents=True, exist_ok=True)
    begin = Journal.resume if resume and destination.journal.exists() else Journal.start
    jobs = _jobs(pictures, destination)
    with begin(destination.journal, analysis_of(run)) as journal:
        before = jobs if journal.complete else jobs[: journal.next_frame]
        if not journal.complete:
            work = partial(analyse_picture, get_detector)
            outcomes = run_jobs(work, jobs[len(before) :], workers, initialise=initialise)
            with closing(outcomes):
                keep_outcomes(journal, _in_order(outcomes, journal.next_frame), report)
    detector = get_detector()
    for outcome in _drawn_later(detector, destination, before):
        if report is not None:
            report(outcome)
    return _write(detector, destination, run, form, not_read or {})


def keep_outcomes(
    journal: Journal,
    outcomes: Iterable[PictureOutcome],
    report: Callable[[PictureOutcome], None] | None = None,
) -> None:
    """Put what became of pictures into a journal as it comes, and finish it; whatever ends it is kept.

    Args:
        journal: It may hold the pictures before.
        outcomes: In order.
        report: Called after every picture.

    Raises:
        JournalError: If the disk is full.
    """
    try:
        for outcome in outcomes:
            journal.append(FrameResults(outcome.number, 0.0, outcome.results))
            if journal.frames % CHECKPOINT_EVERY == 0:
                journal.checkpoint(journal.next_frame, None)
            if report is not None:
                report(outcome)
    except BaseException:
        with suppress(JournalError, OSError):
            journal.checkpoint(journal.next_frame, None)
        raise
    journal.finish()


def _jobs(pictures: Sequence[Input], destination: Destination) -> list[PictureJob]:
    overlays = destination.beside.get("overlay", (None,) * len(pictures))
    return [
        PictureJob(number, picture.path, picture.name, overlay)
        for number, (picture, overlay) in enumerate(zip(pictures, overlays, strict=True))
    ]


def _drawn_later(
    detector: Detector, destination: Destination, jobs: Sequence[PictureJob]
) -> Iterator[PictureOutcome]:
    """Draw what is missing of pictures that an earlier command has analysed; yield those that remain so."""
    missing = {job.number: job for job in jobs if job.overlay is not None and not job.overlay.is_file()}
    if not missing:
        return
    for picture in read_journal(destination.journal)[1]:
        job = missing.get(picture.number)
        if job is None or job.overlay is None or any(face.problem for face in picture.faces):
            continue
        try:
            trouble = _draw(job.overlay, read_picture(job.path), picture.faces, detector)
        except PictureError as error:
            trouble = printable(str(error))
        if trouble:
            yield PictureOutcome(job.number, picture.faces, trouble)


def _in_order(outcomes: Iterator[PictureOutcome], first: int) -> Iterator[PictureOutcome]:
    """Yield outcomes by their numbers; those that come early wait."""
    early: dict[int, PictureOutcome] = {}
    for outcome in outcomes:
        early[outcome.number] = outcome
        while first in early:
            yield early.pop(first)
            first += 1


def _write(
    detector: Detector, destination: Destination, run: Run, form: str, not_read: Mapping[str, object]
) -> Counts:
    """Write the table from the journal, then its sidecar; then the journal goes."""
    destination.clear(run)
    counting = Counting(detector.thresholds, video=False)
    overlays = destination.beside.get("overlay", ())
    drawn = True
    with open_writer(destination.table, form, detector) as writer:
        for picture in read_journal(destination.journal)[1]:
            counting.add(picture.faces)
            for face in picture.faces:
                # What cannot be read has a row too, so that rows fit a list of the pictures.
                writer.write(face)
                drawn &= bool(face.problem) or not overlays or overlays[picture.number].is_file()
    counts = counting.counts()
    described = destination.described(run)
    if not drawn:
        # So that the run does not pass for finished.
        described["beside"] = [kind for kind in destination.beside if kind != "overlay"]
    more = {
        **described,
        "counts": counts.to_json(),
        "not_read": dict(not_read),
    }
    write_sidecar(destination.table, form, detector, more=more)
    destination.journal.unlink()
    return counts
