"""What users take away: the files that ``metafacs predict`` writes, made of finished results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from metafacs.app.analysing import TELL_EVERY, Tell
from metafacs.app.viewed import Viewed
from metafacs.data.videos import Video
from metafacs.faces.pictures import read_picture
from metafacs.inference.annotate import annotate_video
from metafacs.inference.elan import write_elan
from metafacs.inference.event_logs import write_boris_csv
from metafacs.inference.events import write_events_csv
from metafacs.inference.picture_predictions import write_picture_overlay
from metafacs.inference.timeline_plot import draw_timeline, save_plot
from metafacs.inference.writers import open_writer

FORMS = {
    "openface.csv": "openface",
    "fex.csv": "fex",
    "table.jsonl": "jsonl",
    "table.parquet": "parquet",
}
"""Name of a table on the page -> its convention, a name in ``WRITERS``."""


def write_download(
    viewed: Viewed, what: str, path: Path | None, name: str, out: Path, options: dict[str, Any]
) -> dict[str, Any]:
    """Write one file that a user takes away; return nothing.

    Args:
        viewed: The results.
        what: A key of :data:`FORMS`, or ``events.csv``, ``events.eaf``, ``boris.csv``, ``plot.png``,
            ``plot.svg``, ``overlay.png``.
        path: The user's file; None of a camera.
        name: What the user calls it.
        out: The file to write.
        options: ``person``: whom to draw.

    Raises:
        ValueError: If there is nothing to draw, or it is not said whom.
    """
    if what in FORMS:
        with open_writer(out, FORMS[what], viewed.detector) as writer:
            for frame in viewed:
                for face in frame.faces:
                    writer.write(face)
    elif what == "events.csv":
        write_events_csv(out, viewed.events)
    elif what == "events.eaf":
        # The user keeps the video where it was: linked is what lies beside the file.
        video = None if path is None else out.parent / name
        write_elan(out, viewed.timelines, viewed.events, viewed.rules, video=video, names=viewed.view.names)
    elif what == "boris.csv":
        write_boris_csv(out, viewed.timelines, viewed.events, viewed.rate)
    elif what == "overlay.png":
        assert path is not None
        (frame,) = viewed
        write_picture_overlay(out, read_picture(path), frame.faces, viewed.detector)
    else:
        person = _whom(viewed, options["person"])
        name_of = viewed.view.names.get(person)
        save_plot(draw_timeline(viewed.timelines, person, viewed.events, name=name_of), out)
    return {}


def write_picture_table(pictures: Sequence[Viewed], what: str, out: Path) -> dict[str, Any]:
    """Write one table of several pictures, numbered in their order; return nothing.

    Raises:
        ValueError: If they were read by different models, or other AUs are chosen of them.
    """
    first = pictures[0].detector
    if any(
        (each.detector.aus, each.detector.description) != (first.aus, first.description) for each in pictures
    ):
        raise ValueError(
            "the pictures were read with different models or AUs, which have different columns: analyse them "
            "with one, or take a table of each"
        )
    with open_writer(out, FORMS[what], first) as writer:
        for number, picture in enumerate(pictures):
            for frame in picture:
                for face in frame.faces:
                    writer.write(replace(face, frame=number))
    return {}


def write_overlay(viewed: Viewed, path: Path, out: Path, tell: Tell) -> dict[str, Any]:
    """Write a video with the results drawn onto it; return how many frames it has.

    Args:
        viewed: The results.
        path: The video.
        out: The file to write.
        tell: Called with how far it is.

    Raises:
        ValueError: If the video cannot be read or written.
    """
    source, told = Video(path), 0.0
    tell({"expected": source.frame_count})

    def advance(number: int) -> None:
        nonlocal told
        if time.monotonic() - told >= TELL_EVERY:
            told = time.monotonic()
            tell({"done": number + 1})

    names = viewed.view.names or None
    return {"done": annotate_video(source, viewed, out, viewed.detector, names=names, advance=advance)}


def _whom(viewed: Viewed, person: int | None) -> int:
    seen = [line.person for line in viewed.timelines.people]
    if not seen:
        raise ValueError(f"{viewed.name} shows nobody, so that there is nothing to draw")
    if person is None and len(seen) > 1:
        raise ValueError(f"{viewed.name} shows {len(seen)} people; choose whom to draw")
    return seen[0] if person is None else person
