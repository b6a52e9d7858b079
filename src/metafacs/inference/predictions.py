"""From an input to its table and what lies beside it: whole at the end, and resumable until then."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from metafacs.data.videos import EVERY_FRAME, Camera, FrameFolder, FrameSource, Selection, Video
from metafacs.inference.annotate import annotate_video
from metafacs.inference.baseline import Baseline, apply_baseline, find_baseline
from metafacs.inference.counting import Counting, Counts
from metafacs.inference.detector import Detector
from metafacs.inference.elan import link_to, write_elan
from metafacs.inference.engine import FrameResults
from metafacs.inference.event_logs import write_boris_csv
from metafacs.inference.events import EventRules, find_events, write_events_csv
from metafacs.inference.inputs import Input
from metafacs.inference.journal import Progress, Run, predict_to_journal, read_journal
from metafacs.inference.outputs import Destination, analysis_of
from metafacs.inference.sidecars import write_sidecar
from metafacs.inference.timeline_plot import plot_timelines
from metafacs.inference.timelines import TimelineBuilder, Timelines
from metafacs.inference.writers import open_writer
from metafacs.models.backends import TORCH
from metafacs.texts import printable
from metafacs.version import __version__

Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Options:
    """What is asked of every input.

    Attributes:
        form: Convention of the tables, a name in ``WRITERS``.
        selection: Which frames of videos are taken.
        frame_rate: Frames per second of folders of numbered frames.
        neutral: Which frames show people at rest, see :mod:`metafacs.inference.baseline`; None for none.
        rules: How probabilities become events.
    """

    form: str = "openface"
    selection: Selection = EVERY_FRAME
    frame_rate: float | None = None
    neutral: str | None = None
    rules: EventRules = field(default_factory=EventRules)


def run_of(
    found: Input | Sequence[Input], fingerprint: str, device: str, options: Options, backend: str = TORCH
) -> Run:
    """Return what tells the run over an input, or over all pictures, from other runs, as plain data.

    Files are known by name, size and time of change.

    Args:
        found: A video and the like, or the pictures.
        fingerprint: What changes with the files that the detector was made of.
        device: Where it runs.
        options: What is asked for.
        backend: What runs the networks; results of two differ in the fifth digit.
    """
    known = _known(fingerprint, device, options, backend)
    if not isinstance(found, Input):
        stamps = [_stamp(one.path, one.name) for one in found]
        return known | {"input": f"{len(stamps)} pictures {_digest(stamps)}"}
    known |= _about_videos(options)
    if found.kind == "frames":
        stamps = [_stamp(path, path.name) for path in sorted(found.path.iterdir()) if path.is_file()]
        return known | {
            "input": [found.name, len(stamps), _digest(stamps)],
            "frame_rate": options.frame_rate,
        }
    return known | {"input": [found.name] if found.kind == "camera" else _stamp(found.path, found.name)}


def run_of_words(
    words: Sequence[str],
    folder: str,
    files_per_part: int | None,
    fingerprint: str,
    device: str,
    options: Options,
    backend: str = TORCH,
) -> Run:
    """Return what tells a run over many files from others, which need not list them to know it.

    Args:
        words: What was named.
        folder: Where relative paths start.
        files_per_part: Files in a part; None for the usual number.
        fingerprint: As of :func:`run_of`.
        device: Where it runs.
        options: What is asked for.
        backend: What runs the networks.
    """
    relative = any(not Path(word).expanduser().is_absolute() for word in words)
    return {
        **_known(fingerprint, device, options, backend),
        **_about_videos(options),
        "frame_rate": options.frame_rate,
        "inputs": [printable(word) for word in words],
        "folder": printable(folder) if relative else "",
        "files_per_part": files_per_part,
    }


def _known(fingerprint: str, device: str, options: Options, backend: str) -> dict[str, object]:
    version: dict[str, object] = {"format": options.form, "metafacs": __version__}
    # Runs of versions that had no other are of PyTorch.
    other: dict[str, object] = {} if backend == TORCH else {"backend": backend}
    return version | {"detector": fingerprint, "device": device} | other


def _about_videos(options: Options) -> dict[str, object]:
    return {"selection": asdict(options.selection), "neutral": options.neutral}


def open_source(found: Input, options: Options) -> FrameSource:
    """Return the frames of a video, a folder of numbered frames or a camera.

    Raises:
        VideoError: If it cannot be read.
    """
    if found.kind == "camera":
        return Camera(int(str(found.path)))
    if found.kind == "frames":
        return FrameFolder(found.path, rate=options.frame_rate)
    return Video(found.path)


def expected_frames(source: FrameSource, selection: Selection) -> int | None:
    """Return about how many frames will be analysed; None if nobody knows."""
    if source.frame_count is None:
        return None
    if source.rate is None or source.rate <= 0:
        return -(-source.frame_count // selection.every)
    seconds = min(source.frame_count / source.rate, selection.end or float("inf")) - (selection.start or 0.0)
    rate = source.rate / selection.every if selection.fps is None else min(selection.fps, source.rate)
    return max(0, round(seconds * rate))


def predict_video(
    detector: Detector,
    found: Input,
    destination: Destination,
    run: Run,
    options: Options,
    *,
    resume: bool = False,
    not_read: Mapping[str, object] | None = None,
    report: Report | None = None,
    opened: Callable[[FrameSource], None] | None = None,
) -> Counts:
    """Analyse a video, a folder of frames or a camera, and write its table and what lies beside it.

    Finished frames lie in the journal of the destination until everything is written. A camera ends with
    KeyboardInterrupt.

    Args:
        detector: Reads the faces.
        found: What is analysed.
        destination: Where to.
        run: See :func:`run_of`.
        options: What is asked for.
        resume: Go on with the journal that is there.
        not_read: What was passed over, for the sidecar.
        report: Called after every frame.
        opened: Called once with the source.

    Raises:
        ValueError: If it cannot be analysed; the message says why. What is finished is kept.
    """
    destination.table.parent.mkdir(parents=True, exist_ok=True)
    if found.kind == "camera" and resume and destination.journal.exists():
        # Its time is over: what it gave is written.
        return _write_video(detector, found, None, destination, run, options, not_read or {})
    for path in destination.beside.get("elan", ()) if found.kind == "video" else ():
        link_to(found.path, path)  # rather now than after hours
    source = open_source(found, options)
    source.name = found.name
    if opened is not None:
        opened(source)
    try:
        source.notes[:] = predict_to_journal(
            detector,
            source,
            destination.journal,
            analysis_of(run),
            selection=options.selection,
            resume=resume,
            report=report,
        )
    except KeyboardInterrupt:
        if found.kind != "camera":
            raise
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()
    return _write_video(detector, found, source, destination, run, options, not_read or {})


def _write_video(
    detector: Detector,
    found: Input,
    source: FrameSource | None,
    destination: Destination,
    run: Run,
    options: Options,
    not_read: Mapping[str, object],
) -> Counts:
    """Write everything from the journal, the sidecar last; then the journal goes."""
    destination.clear(run)
    results = FinishedFrames(detector, destination.journal, options.neutral)
    counting = Counting(detector.thresholds, video=True)
    rate = None if source is None else source.rate
    timelines = TimelineBuilder(detector, rate)
    needs_timelines = bool(set(destination.beside) - {"overlay"})
    with open_writer(destination.table, options.form, detector) as writer:
        for frame in results:
            counting.add(frame.faces)
            if needs_timelines:
                timelines.add(frame.faces)
            for face in frame.faces:
                writer.write(face)
    counts = counting.counts()
    chosen = options.selection.start is not None or options.selection.end is not None
    if source is not None and chosen and not counts.frames:
        source.notes.append("No frame lies in the chosen stretch of time, so the table is empty.")
    if needs_timelines:
        _write_beside(destination, timelines.timelines(), found, options, rate)
    for path in destination.beside.get("overlay", ()):
        shown = replace(EVERY_FRAME, start=options.selection.start, end=options.selection.end)
        notes = None if source is None else source.notes
        annotate_video(open_source(found, options), results, path, detector, selection=shown, notes=notes)
    more = {
        **destination.described(run),
        "selection": asdict(options.selection),
        "source": {"name": found.name} | ({} if source is None else _about(source)),
        "counts": counts.to_json(),
        "not_read": dict(not_read),
        **({"events": options.rules.describe()} if needs_timelines else {}),
        **results.more,
    }
    write_sidecar(destination.table, options.form, detector, video=True, more=more)
    destination.journal.unlink()
    return counts


class FinishedFrames:
    """The finished frames of a journal as tables hold them, as often as they are gone through.

    Args:
        detector: That made them.
        journal: It may belong to a run that is going on.
        neutral: Which frames show people at rest, see :mod:`metafacs.inference.baseline`; None for none.

    Attributes:
        more: What the sidecar says of them.

    Raises:
        ValueError: If the journal is none, or nobody is seen in the neutral frames.
    """

    def __init__(self, detector: Detector, journal: Path, neutral: str | None) -> None:
        self._journal = journal
        self._baseline: Baseline | None = None
        self.more: dict[str, object] = {}
        if neutral is not None:
            self._baseline = find_baseline(self._read(exact=True), detector, neutral)
            self.more["neutral"] = self._baseline.to_json()

    def __iter__(self) -> Iterator[FrameResults]:
        if self._baseline is None:
            return self._read()
        return apply_baseline(self._read(exact=True), self._baseline)

    def _read(self, *, exact: bool = False) -> Iterator[FrameResults]:
        return read_journal(self._journal, exact=exact)[1]


def _write_beside(
    destination: Destination,
    timelines: Timelines,
    found: Input,
    options: Options,
    rate: float | None,
) -> None:
    """Write what is made of the events."""
    beside = destination.beside
    events = find_events(timelines, options.rules)
    for path in beside.get("events", ()):
        write_events_csv(path, events)
    for path in beside.get("elan", ()):
        video = found.path if found.kind == "video" else None
        write_elan(path, timelines, events, options.rules, video=video)
    for path in beside.get("boris", ()):
        write_boris_csv(path, timelines, events, rate)
    for path in beside.get("plot", ()):
        plot_timelines(path, timelines, events)


def _about(source: FrameSource) -> dict[str, object]:
    """Return what a source says of itself, for the sidecar."""
    known = {
        "frames": source.frame_count,
        "rate": source.rate,
        "width": source.width,
        "height": source.height,
    }
    return known | {"notes": list(source.notes)}


def _stamp(path: Path, name: str) -> list[object]:
    """Return what a file is known by: name, size and time of change."""
    try:
        status = os.stat(path)
    except OSError:
        return [name]
    return [name, status.st_size, status.st_mtime_ns]


def _digest(stamps: Sequence[list[object]]) -> str:
    """Return what changes with any of the files."""
    return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()[:16]
