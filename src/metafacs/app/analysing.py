"""One pass of a model over a picture or a video, its rows written as they come."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metafacs.app.rows import RowWriter
from metafacs.data.videos import Selection, Video
from metafacs.faces.pictures import read_picture
from metafacs.inference.detector import Detector
from metafacs.inference.engine import FrameResults
from metafacs.inference.journal import Journal, predict_to_journal
from metafacs.inference.predictions import expected_frames

JOURNAL = "journal"
"""Name of the journal in the folder of an analysis."""

TELL_EVERY = 0.2
"""Seconds between two words on how far an analysis is."""

Tell = Callable[[dict[str, Any]], None]


def analyse_picture_file(detector: Detector, path: Path, name: str, folder: Path) -> dict[str, Any]:
    """Analyse a picture into the journal and the rows of a folder; return what is known of it.

    Args:
        detector: Reads the faces.
        path: The picture.
        name: What results call it.
        folder: Of the analysis.

    Raises:
        ValueError: If it cannot be read.
    """
    image = read_picture(path)
    results = detector.analyse_picture(image, input=name)
    frame = FrameResults(0, 0.0, results)
    with Journal.start(folder / JOURNAL, {}) as journal, RowWriter(folder, detector.aus) as rows:
        journal.append(frame)
        rows.add(frame)
        journal.finish()
    people = [face.face_id for face in results if face.success]
    about = {"width": image.shape[1], "height": image.shape[0]}
    return {"done": 1, "expected": 1, "people": people, "about": about}


def analyse_video(
    detector: Detector, path: Path, name: str, folder: Path, tell: Tell, *, fps: float | None = None
) -> dict[str, Any]:
    """Analyse a video into the journal and the rows of a folder.

    Args:
        detector: Reads the faces.
        path: The video.
        name: What results call it.
        folder: Of the analysis.
        tell: Called with ``about`` the video once, then with how far it is.
        fps: Frames per second that are taken; None for all.

    Returns:
        How far it got, and the notes of the video.

    Raises:
        ValueError: If it cannot be analysed; what is finished is kept.
    """
    source = Video(path)
    source.name = name
    selection = Selection(fps=fps)
    expected = expected_frames(source, selection)
    tell({"about": describe_video(source), "expected": expected})
    people: set[int] = set()
    done, told = 0, 0.0

    with RowWriter(folder, detector.aus) as rows:

        def seen(frame: FrameResults) -> None:
            nonlocal done, told
            rows.add(frame)
            people.update(face.face_id for face in frame.faces if face.success)
            done += 1
            if time.monotonic() - told >= TELL_EVERY:
                told = time.monotonic()
                tell({"done": done, "people": sorted(people)})

        notes = predict_to_journal(detector, source, folder / JOURNAL, {}, selection=selection, seen=seen)
    return {"done": done, "expected": done, "people": sorted(people), "about": {"notes": notes}}


def describe_video(video: Video) -> dict[str, Any]:
    """Return what the page shows of a video, as plain data."""
    frames, rate = video.frame_count, video.rate
    return {
        "width": video.width,
        "height": video.height,
        "frames": frames,
        "rate": rate,
        "seconds": frames / rate if frames and rate else None,
        "notes": list(video.notes),
    }
