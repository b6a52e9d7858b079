"""The journal of a run over a video: what is finished is on disk, and a run that was ended goes on from it.

A journal holds one JSON object per line: what the run is; then every finished frame; now and then a
checkpoint with the state of the tracker; at last a line that says the run is complete. It is only appended
to. A line counts when it is whole, so that the process may die at any byte. Tables are written from it.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metafacs.data.videos import EVERY_FRAME, FrameSource, Selection, Video
from metafacs.faces.tracking import FaceTracker
from metafacs.inference.detector import Detector
from metafacs.inference.engine import GROUP, FrameResults, analyse_frames
from metafacs.inference.journal_lines import decode_line, encode_line, frame_from_json, frame_to_json

VERSION = 2

Run = Mapping[str, object]
"""What tells one run from another, plain data: input, model, thresholds, options, versions."""

_BEGINNING = b'{"journal":'
CHECKPOINT_EVERY = 4 * GROUP
"""Finished frames between checkpoints; whole groups, because between others a run cannot be gone on with."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Progress:
    """How far a run over a video is.

    Attributes:
        frames: Frames that are finished, those of earlier runs that were ended among them.
        earlier: How many of these are of earlier runs.
        number: Number of the last finished frame.
        timestamp: Its time in seconds from the start of the video.
    """

    frames: int
    earlier: int
    number: int
    timestamp: float


class JournalError(ValueError):
    """A journal that cannot be written or gone on from; the message says why and what to do."""


class Journal:
    """A journal that is being written. Made by :meth:`start` or :meth:`resume`; a context manager.

    Attributes:
        path: The file.
        next_frame: Number of the first frame that is not finished.
        frames: Frames that are finished.
        tracker_state: State of the tracker to go on with; None at the start.
        source_state: State of the source; None at the start, or if it has none.
        complete: Whether the run is over.
        notes: What the source had to say of the frames, when the run is over.
    """

    def __init__(self, path: Path, mode: str) -> None:
        self.path = path
        self.next_frame = 0
        self.frames = 0
        self.tracker_state: dict[str, Any] | None = None
        self.source_state: dict[str, Any] | None = None
        self.complete = False
        self.notes: list[str] = []
        self._sum = 0
        # Every line is handed to the system at once: a killed process loses only the line that it was at.
        self._file = path.open(mode, buffering=0)
        self._lock()

    @classmethod
    def start(cls, path: Path | str, run: Run) -> Journal:
        """Begin a journal; an older one at this place is lost.

        Args:
            path: The file; its folder is made if needed.
            run: What tells this run from others; plain data.

        Raises:
            JournalError: If it cannot be written, or another process is writing it.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        journal = cls(path, "ab")
        try:
            journal._file.truncate(0)
            journal._write({"journal": VERSION, "run": dict(run)})
            journal.checkpoint(0, None)
        except BaseException:
            journal.close()
            raise
        return journal

    @classmethod
    def resume(cls, path: Path | str, run: Run) -> Journal:
        """Go on after the last whole checkpoint; what stands behind it is cut off.

        A journal that was ended before its first checkpoint is begun anew.

        Args:
            path: The file.
            run: What tells this run from others, as :meth:`start` was given it.

        Raises:
            JournalError: If there is no journal, it belongs to another run, or another process is writing it.
        """
        path = Path(path)
        if not path.is_file():
            raise JournalError(f"{path} does not exist: there is no run to go on with; start it anew")
        journal = cls(path, "r+b")
        try:
            if not journal._find_last_checkpoint(run):
                journal.close()
                return cls.start(path, run)
        except BaseException:
            journal.close()
            raise
        return journal

    def append(self, results: FrameResults) -> None:
        """Add a finished frame.

        Raises:
            JournalError: If the disk is full.
        """
        self._write(frame_to_json(results))
        self.next_frame = results.number + 1
        self.frames += 1

    def checkpoint(
        self,
        next_frame: int,
        tracker_state: Mapping[str, object] | None,
        source_state: Mapping[str, object] | None = None,
    ) -> None:
        """Put everything so far safely on the disk, and note how to go on.

        Args:
            next_frame: Number of the first frame that is not finished.
            tracker_state: State of the tracker before that frame.
            source_state: What the source found in the frames before it, to tell it at the end.

        Raises:
            JournalError: If the disk is full.
        """
        self._seal({"checkpoint": next_frame, "tracker": tracker_state, "source": source_state})

    def finish(self, notes: Sequence[str] = ()) -> None:
        """Note that the run is complete.

        Args:
            notes: What the source has to say of the frames.

        Raises:
            JournalError: If the disk is full.
        """
        self._seal({"complete": True, "notes": list(notes)})
        self.complete, self.notes = True, list(notes)

    def close(self) -> None:
        """Close the file; the run can be gone on with."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _seal(self, content: dict[str, object]) -> None:
        content = content | {"frames": self.frames}
        self._write(content | {"sum": _sum_with(content, self._sum)})
        os.fsync(self._file.fileno())

    def _write(self, content: Mapping[str, object]) -> None:
        line = encode_line(content)
        self._sum = zlib.crc32(line, self._sum)
        left = memoryview(line)
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise JournalError(
                f"there is no space left to write {self.path}; {self.frames} frames are finished and kept: "
                "make room and resume the run"
            ) from error

    def _find_last_checkpoint(self, run: Run) -> bool:
        """Move to behind the last checkpoint up to which every byte is as it was written, if there is one."""
        behind = place = total = found = 0
        with self.path.open("rb") as file:
            for line in file:
                content = decode_line(line)
                torn = not line.endswith(b"\n") and _BEGINNING.startswith(line[: len(_BEGINNING)])
                if place == 0 and not torn:
                    _check(self.path, content, run)
                if content is None:
                    break
                told, before = content.pop("sum", None), found
                found = zlib.crc32(line, found)
                place += len(line)
                if told is None:
                    continue
                if told != _sum_with(content, before):
                    break
                behind, total, self.frames = place, found, content["frames"]
                self.complete, self.notes = "complete" in content, content.get("notes", [])
                if not self.complete:
                    self.next_frame, self.tracker_state = content["checkpoint"], content["tracker"]
                    # Earlier versions kept none.
                    self.source_state = content.get("source")
        self._sum = total
        self._file.seek(behind)
        self._file.truncate()
        return behind > 0

    def _lock(self) -> None:
        """Keep other processes from writing the same journal, where the system can do that."""
        try:
            import fcntl
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                return  # Some network file systems have no locks.
            self._file.close()
            raise JournalError(
                f"another process is writing {self.path}; wait for it or give another folder"
            ) from error


def predict_to_journal(
    detector: Detector,
    source: FrameSource,
    path: Path | str,
    run: Run,
    *,
    selection: Selection = EVERY_FRAME,
    resume: bool = False,
    report: Callable[[Progress], None] | None = None,
    seen: Callable[[FrameResults], None] | None = None,
) -> list[str]:
    """Analyse a video into a journal; whatever ends it, the frames that are finished are kept.

    Args:
        detector: Reads the faces.
        source: The video.
        path: The journal.
        run: What tells this run from others, plain data; a run goes on only from a journal of the same.
        selection: Which frames are taken.
        resume: Go on with the run whose journal is there; without one it begins.
        report: Called after every frame.
        seen: Called with what every frame of this run shows, when it is in the journal.

    Returns:
        What the source has to say of its frames, those of earlier runs among them.

    Raises:
        JournalError: If the journal belongs to another run, is being written by another process, or cannot be
            written.
        AnalysisError: If the networks fail on a frame.
        VideoError: If the video cannot be read.
    """
    known = resume and Path(path).exists()
    with Journal.resume(path, run) if known else Journal.start(path, run) as journal:
        if journal.complete:
            return journal.notes
        tracker, earlier = FaceTracker(detector.device, detector.backend), journal.frames
        if journal.tracker_state is not None:
            tracker.restore(journal.tracker_state)
        video = source if isinstance(source, Video) else None
        if video is not None and journal.source_state is not None:
            video.restore(journal.source_state)
        for results in analyse_frames(
            detector, source, selection, tracker=tracker, start_at=journal.next_frame
        ):
            journal.append(results)
            if journal.frames % CHECKPOINT_EVERY == 0:
                state = None if video is None else video.state(journal.next_frame)
                journal.checkpoint(journal.next_frame, tracker.state(), state)
            if seen is not None:
                seen(results)
            if report is not None:
                report(Progress(journal.frames, earlier, results.number, results.timestamp))
        journal.finish(source.notes)
        return journal.notes


def read_journal(path: Path | str, *, exact: bool = False) -> tuple[dict[str, Any], Iterator[FrameResults]]:
    """Return what a journal tells of its run, and its finished frames one after the other.

    Args:
        path: The file; it may belong to a run that was ended.
        exact: Give probabilities as they were calculated, not rounded as in all tables.

    Returns:
        The run as :meth:`Journal.start` was given it; the frames, read as they are asked for.

    Raises:
        JournalError: If it is no journal; while reading, if it is damaged in the middle.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = decode_line(file.readline())
    except FileNotFoundError:
        raise JournalError(f"{path} does not exist") from None
    _check_version(path, content)
    assert content is not None
    return content["run"], _frames(path, exact)


def is_complete(path: Path | str) -> bool:
    """Return whether the run of a journal is over.

    Raises:
        JournalError: If it is no journal.
    """
    path = Path(path)
    if not path.is_file():
        raise JournalError(f"{path} does not exist")
    with path.open("rb") as file:
        left, last = file.seek(0, os.SEEK_END), b""
        # Notes may make the last line long.
        while left and b"\n" not in last[:-1]:
            start = max(0, left - 4096)
            file.seek(start)
            left, last = start, file.read(left - start) + last
    content = decode_line(last[last[:-1].rfind(b"\n") + 1 :])
    return content is not None and "complete" in content


def _frames(path: Path, exact: bool) -> Iterator[FrameResults]:
    with path.open("rb") as file:
        for line in file:
            content = decode_line(line)
            if content is None:
                if file.read(1):
                    raise JournalError(
                        f"{path} is damaged at byte {file.tell() - 1 - len(line)}; run it anew"
                    )
                return
            if "frame" in content:
                try:
                    results = frame_from_json(content)
                except (KeyError, TypeError, ValueError, AttributeError):
                    place = file.tell() - len(line)
                    raise JournalError(f"{path} is damaged at byte {place}; run it anew") from None
                yield results if exact else results.rounded()


def _sum_with(content: Mapping[str, object], before: int) -> int:
    """Return the sum over the lines before and what the line says that is to hold it."""
    return zlib.crc32(encode_line(content), before)


def _check(path: Path, content: Mapping[str, Any] | None, run: Run) -> None:
    """Raise a JournalError that names what differs if a journal belongs to another run."""
    _check_version(path, content)
    assert content is not None
    theirs, ours = content["run"], json.loads(json.dumps(dict(run)))
    differing = [
        f"{name} was {theirs.get(name, 'not told')!r} and is {ours.get(name, 'not told')!r}"
        for name in sorted({*theirs, *ours})
        if theirs.get(name) != ours.get(name)
    ]
    if differing:
        raise JournalError(
            f"{path} belongs to another run: {'; '.join(differing)}. Give the same input and options, or "
            "delete it and start anew"
        )


def _check_version(path: Path, content: Mapping[str, Any] | None) -> None:
    if content is None or "journal" not in content or not isinstance(content.get("run"), dict):
        raise JournalError(f"{path} is no journal of a run of metafacs")
    if content["journal"] != VERSION:
        raise JournalError(
            f"{path} was written by another version of metafacs (form {content['journal']}, here {VERSION}); "
            "go on with that version or start anew"
        )
