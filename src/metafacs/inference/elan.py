"""Events as a file of ELAN, with the video linked, so that people can look at them and correct them."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from metafacs.files import written_whole
from metafacs.inference.events import Event, EventRules
from metafacs.inference.timelines import Timeline, Timelines, check_told
from metafacs.version import __version__

_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_SEEN_TYPE, _EVENT_TYPE = "face seen", "action unit"
_MIME = {
    ".avi": "video/x-msvideo",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".webm": "video/webm",
    ".wmv": "video/x-ms-wmv",
}
# What ELAN itself writes for a file it does not know.
_UNKNOWN_MIME = "unknown"
# ELAN expects these four in every file, used or not.
_CONSTRAINTS = {
    "Time_Subdivision": "Time subdivision of parent annotation's time interval, no time gaps allowed within "
    "this interval",
    "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation. Annotations refering to the same "
    "parent are ordered",
    "Symbolic_Association": "1-1 association with a parent annotation",
    "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are "
    "allowed",
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Annotation = tuple[float, float, str]


def tier_name(person: int, au: int | None = None) -> str:
    """Return the name of the tier of a person's AU, or of the stretches in which the person is seen.

    >>> tier_name(0, 6), tier_name(2)
    ('person0_AU06', 'person2')
    """
    return f"person{person}" if au is None else f"person{person}_AU{au:02d}"


def write_elan(
    path: str | Path,
    timelines: Timelines,
    events: Sequence[Event],
    rules: EventRules,
    *,
    video: str | Path | None = None,
    aus: Sequence[int] | None = None,
    names: Mapping[int, str] | None = None,
) -> None:
    """Write events as an ELAN file (EAF 3.0), whole or not at all.

    Every person has a tier ``person0`` with the stretches in which the face is seen, and a tier
    ``person0_AU12`` for each AU, also where there was no event: an empty tier says that none was found, and
    outside the stretches nothing is known. An annotation reads ``AU12 0.93 (3.1)``: probability and, in
    brackets, intensity at the peak. The video is linked relative to the file.

    Args:
        path: The file, ending in ``.eaf``.
        timelines: Of one video.
        events: Found in them.
        rules: How; they are noted in the header.
        video: The video to link; none if None, e.g. for a camera.
        aus: Which AUs get a tier; all of the model if None.
        names: Person -> name, in printable letters: the participant of the person's tiers, which else is
            ``person0``.

    Raises:
        ValueError: If the model does not tell one of the AUs, or the name of the video has characters that
            XML has no word for.
    """
    aus = check_told(timelines, aus)
    tiers: dict[str, list[Annotation]] = {}
    for line in timelines.people:
        tiers[tier_name(line.person)] = _seen(line)
        for au in aus:
            tiers[tier_name(line.person, au)] = [
                (event.onset, event.offset, _label(event))
                for event in events
                if event.person == line.person and event.au == au
            ]
    root = ET.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": f"metafacs {__version__}",
            "DATE": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": _INSTANCE,
            "xsi:noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    header = ET.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if video is not None:
        ET.SubElement(header, "MEDIA_DESCRIPTOR", link_to(Path(video), Path(path)))
    order = ET.SubElement(root, "TIME_ORDER")
    participants = {tier_name(person): name for person, name in (names or {}).items()}
    count = _add_tiers(root, order, tiers, participants)
    for name, value in _notes(timelines, rules, count).items():
        ET.SubElement(header, "PROPERTY", {"NAME": name}).text = value
    for kind in (_SEEN_TYPE, _EVENT_TYPE):
        ET.SubElement(
            root,
            "LINGUISTIC_TYPE",
            {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": kind, "TIME_ALIGNABLE": "true"},
        )
    for name, meaning in _CONSTRAINTS.items():
        ET.SubElement(root, "CONSTRAINT", {"DESCRIPTION": meaning, "STEREOTYPE": name})
    ET.indent(root, " ")
    with written_whole(path) as temporary:
        ET.ElementTree(root).write(temporary, encoding="UTF-8", xml_declaration=True)


def _label(event: Event) -> str:
    strength = "" if event.peak_intensity is None else f" ({event.peak_intensity:.1f})"
    return f"AU{event.au:02d} {event.peak_probability:.2f}{strength}"


def _seen(line: Timeline) -> list[Annotation]:
    """Return the stretches in which a person is seen."""
    return [
        (float(line.times[start]), float(line.ends[stop - 1]), "seen")
        for start, stop in line.stretches.tolist()
    ]


def _add_tiers(
    root: ET.Element,
    order: ET.Element,
    tiers: Mapping[str, list[Annotation]],
    participants: Mapping[str, str],
) -> int:
    """Append tiers and the times they refer to; return the number of annotations."""
    times: list[int] = []
    for name, parts in tiers.items():
        person, _, au = name.partition("_")
        tier = ET.SubElement(
            root,
            "TIER",
            {
                "ANNOTATOR": "metafacs",
                "LINGUISTIC_TYPE_REF": _EVENT_TYPE if au else _SEEN_TYPE,
                "PARTICIPANT": participants.get(person, person),
                "TIER_ID": name,
            },
        )
        for begin, end, label in _in_milliseconds(parts):
            number = len(times) // 2 + 1
            alignable = ET.SubElement(
                ET.SubElement(tier, "ANNOTATION"),
                "ALIGNABLE_ANNOTATION",
                {
                    "ANNOTATION_ID": f"a{number}",
                    "TIME_SLOT_REF1": f"ts{2 * number - 1}",
                    "TIME_SLOT_REF2": f"ts{2 * number}",
                },
            )
            ET.SubElement(alignable, "ANNOTATION_VALUE").text = label
            times += [begin, end]
    for slot in sorted(range(len(times)), key=times.__getitem__):
        ET.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{slot + 1}", "TIME_VALUE": str(times[slot])})
    return len(times) // 2


def _in_milliseconds(parts: Iterable[Annotation]) -> Iterable[tuple[int, int, str]]:
    """Yield annotations in order and in milliseconds; none is empty and none overlaps the one before."""
    free = 0
    for begin, end, label in parts:
        # As the tables round, so that the same frames lie inside.
        start = max(free, round(round(begin, 3) * 1000))
        free = max(start + 1, round(round(end, 3) * 1000))
        yield start, free, label


def link_to(video: Path, path: Path) -> dict[str, str]:
    """Return the attributes that link a video to the file at a path.

    Raises:
        ValueError: If the name of the video has characters that XML has no word for.
    """
    try:
        place = Path(os.path.relpath(video, path.parent)).as_posix()
        place = place if place.startswith("../") else f"./{place}"
    except ValueError:  # another drive of Windows
        place = f"file:///{video.absolute().as_posix()}"
    if _NOT_XML.search(place):
        raise ValueError(f"{str(video)!r} has characters that ELAN's files cannot hold; rename the video")
    return {
        "MEDIA_URL": place,
        "MIME_TYPE": _MIME.get(video.suffix.lower(), _UNKNOWN_MIME),
        "RELATIVE_MEDIA_URL": place,
    }


def _notes(timelines: Timelines, rules: EventRules, count: int) -> dict[str, str]:
    """Return what the header keeps; ELAN hands on properties that it does not know."""
    thresholds = ", ".join(f"AU{au:02d} {timelines.thresholds[au]:g}" for au in timelines.aus)
    return {
        "lastUsedAnnotationId": str(count),
        "metafacs.events": rules.describe(),
        **{f"metafacs.{name}": f"{value:g}" for name, value in asdict(rules).items()},
        "metafacs.thresholds": thresholds,
        "metafacs.synthetic": str(timelines.synthetic).lower(),
    }
