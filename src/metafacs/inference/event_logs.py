"""Events as another program lists them: the table of aggregated events of BORIS."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from metafacs.facs import au_column
from metafacs.files import written_whole
from metafacs.inference.elan import tier_name
from metafacs.inference.events import Event
from metafacs.inference.timelines import Timelines
from metafacs.texts import cell

BORIS_COLUMNS = (
    "Observation id",
    "Observation date",
    "Description",
    "Observation type",
    "Source",
    "Time offset (s)",
    "Coding duration",
    "Media duration (s)",
    "FPS (frame/s)",
    "Subject",
    "Observation duration by subject by observation",
    "Behavior",
    "Behavioral category",
    "Behavior type",
    "Start (s)",
    "Stop (s)",
    "Duration (s)",
    "Media file name",
    "Image index start",
    "Image index stop",
    "Image file path start",
    "Image file path stop",
    "Comment start",
    "Comment stop",
)
"""Header of BORIS 8 and 9."""


def write_boris_csv(
    path: str | Path, timelines: Timelines, events: Sequence[Event], rate: float | None = None
) -> None:
    """Write events as BORIS exports aggregated events, for the scripts and packages that read those.

    A person is a subject and an AU a state; where an event is cut by a gap the comment says so. BORIS
    does not open its own exports: to look at events with the video, use ELAN.

    Args:
        path: The table.
        timelines: Of one video.
        events: Found in them.
        rate: Frames per second of the video; empty if None.
    """
    totals = {
        line.person: sum(event.duration for event in events if event.person == line.person)
        for line in timelines.people
    }
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(BORIS_COLUMNS)
        for event in events:
            video = cell(timelines.input)
            name = cell(Path(timelines.input).stem)
            observation = [name, "", "", "Media file", f"player #1:{timelines.input}", "0.000"]
            lengths = [f"{timelines.seconds:.3f}", "", "" if rate is None else f"{rate:.3f}"]
            subject = [tier_name(event.person), f"{totals[event.person]:.3f}"]
            behaviour = [au_column(event.au), "Action unit", "STATE"]
            onset, offset = round(event.onset, 3), round(event.offset, 3)
            times = [f"{time:.3f}" for time in (onset, offset, offset - onset)]
            comments = [
                "" if event.complete in ("both", end) else "cut by a gap" for end in ("onset", "offset")
            ]
            frames = [event.onset_frame, event.offset_frame, "", ""]
            table.writerow([*observation, *lengths, *subject, *behaviour, *times, video, *frames, *comments])
