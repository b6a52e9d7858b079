"""What users take away: the files that ``metafacs predict`` writes, made of finished results."""

from __future__ import annotations

import tempfile
import time
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

from metafacs.app.analysing import TELL_EVERY, Tell
from metafacs.app.formats import ABOUT, OVER_TIME, TABLES, stem_of
from metafacs.app.viewed import Viewed
from metafacs.data.videos import Video
from metafacs.faces.pictures import read_picture
from metafacs.files import written_whole
from metafacs.inference.annotate import annotate_video
from metafacs.inference.counting import Counting
from metafacs.inference.elan import write_elan
from metafacs.inference.event_logs import write_boris_csv
from metafacs.inference.events import write_events_csv
from metafacs.inference.picture_predictions import write_picture_overlay
from metafacs.inference.sidecars import sidecar_path, write_sidecar
from metafacs.inference.timeline_plot import draw_timeline, plot_timelines, save_plot
from metafacs.inference.writers import open_writer

FORMS = {
    "openface.csv": "openface",
    "fex.csv": "fex",
    "table.jsonl": "jsonl",
    "table.parquet": "parquet",
}
"""Name of a table on the page -> its convention, a name in ``WRITERS``."""


def write_download(viewed: Viewed, what: str, out: Path, *, person: int | None = None) -> dict[str, Any]:
    """Write one file that a user takes away; return nothing.

    Args:
        viewed: The results.
        what: A key of :data:`FORMS`, or ``about.json``, ``events.csv``, ``events.eaf``, ``boris.csv``,
            ``plot.png``, ``plot.svg``, ``overlay.png``.
        out: The file to write.
        person: Whom to draw; None where one person is seen.

    Raises:
        ValueError: If there is nothing to draw, or it is not said whom.
    """
    if what in FORMS:
        with open_writer(out, FORMS[what], viewed.detector) as writer:
            for frame in viewed:
                for face in frame.faces:
                    writer.write(face)
    elif what == "about.json":
        write_sidecar(out, "openface", viewed.detector, video=viewed.kind != "picture", more=_about(viewed))
        sidecar_path(out).replace(out)
    elif what == "events.csv":
        write_events_csv(out, viewed.events)
    elif what == "events.eaf":
        # The user keeps the video where it was: linked is what lies beside the file.
        video = None if viewed.path is None else out.parent / viewed.name
        write_elan(out, viewed.timelines, viewed.events, viewed.rules, video=video, names=viewed.view.names)
    elif what == "boris.csv":
        write_boris_csv(out, viewed.timelines, viewed.events, viewed.rate)
    elif what == "overlay.png":
        assert viewed.path is not None
        (frame,) = viewed
        write_picture_overlay(out, read_picture(viewed.path), frame.faces, viewed.detector)
    else:
        whom = _whom(viewed, person)
        name = viewed.view.names.get(whom)
        save_plot(draw_timeline(viewed.timelines, whom, viewed.events, name=name), out)
    return {}


def write_bundle(files: Iterable[Viewed], out: Path, tell: Tell, *, folders: bool) -> dict[str, Any]:
    """Write the tables, events and plots of files into one ZIP file; return nothing.

    Annotated videos are not in it: they take long.

    Args:
        files: The results, made as they are asked for: those of long videos take memory.
        out: The file to write.
        tell: Called after every file: many of them take longer than a process may be silent.
        folders: Give every file a folder.
    """
    with (
        written_whole(out, durable=False) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        taken: set[str] = set()
        for viewed in files:
            folder = _folder_of(viewed, taken) if folders else ""
            with tempfile.TemporaryDirectory(dir=out.parent) as made:
                _write_all(viewed, Path(made))
                for path in sorted(Path(made).iterdir()):
                    archive.write(path, folder + path.name)
            tell({})
    return {}


def _write_all(viewed: Viewed, folder: Path) -> None:
    """Write what a bundle holds of one file."""
    stem = stem_of(viewed.name)
    names = {"openface.csv": TABLES["openface.csv"], **ABOUT}
    if viewed.kind == "picture":
        names["overlay.png"] = "{stem}_overlay.png"
    else:
        names |= OVER_TIME
    for what, name in names.items():
        path = folder / name.format(stem=stem)
        if what.startswith("plot."):
            plot_timelines(path, viewed.timelines, viewed.events, names=viewed.view.names)
        else:
            write_download(viewed, what, path)


def _folder_of(viewed: Viewed, taken: set[str]) -> str:
    """Return a folder for a file that no other has, whatever takes capitals for small letters."""
    stem = stem_of(viewed.name)
    names = (stem if number == 1 else f"{stem} ({number})" for number in count(1))
    name = next(name for name in names if name.casefold() not in taken)
    taken.add(name.casefold())
    return f"{name}/"


def _about(viewed: Viewed) -> dict[str, Any]:
    """Return what the description of a table says besides the model."""
    view = {name: value for name, value in viewed.view.to_json().items() if name != "neutral"}
    counting = Counting(viewed.detector.thresholds, video=viewed.kind != "picture")
    for frame in viewed:
        counting.add(frame.faces)
    more: dict[str, Any] = {"source": {"name": viewed.name, **viewed.source}, "view": view}
    more["counts"] = counting.counts().to_json()
    if viewed.kind != "picture":
        more |= {"selection": asdict(viewed.selection), "events": viewed.rules.describe()}
    return more if viewed.neutral is None else more | {"neutral": viewed.neutral}


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


def write_overlay(viewed: Viewed, out: Path, tell: Tell) -> dict[str, Any]:
    """Write a video with the results drawn onto it; return how many frames it has.

    Args:
        viewed: The results.
        out: The file to write.
        tell: Called with how far it is.

    Raises:
        ValueError: If the video cannot be read or written.
    """
    assert viewed.path is not None
    source, told = Video(viewed.path), 0.0
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
