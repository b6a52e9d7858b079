"""The synthetic twin of GFT: 96 people who drink and talk in groups of three, a minute of video each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from metafacs.data.facts import GFT
from metafacs.data.twins.chunks import Record
from metafacs.data.twins.cohorts import Participant, Population, participant
from metafacs.data.twins.recordings import (
    Frame,
    Occlusion,
    Recording,
    Sitter,
    film,
    film_video,
    finish_recordings,
    record_of,
    spread_positions,
    unknown_cells,
)
from metafacs.data.twins.sessions import Moment, Programme, sample_session
from metafacs.data.twins.writer import (
    Preset,
    TwinPlan,
    chunk_generator,
    size_of,
    write_text,
)
from metafacs.synthesis.activations import is_present
from metafacs.synthesis.camera import Camera
from metafacs.synthesis.renderer import Subject
from metafacs.synthesis.scenes import Laboratory, sample_studio, turn_studio

GROUPS: tuple[str, ...] = tuple(f"{number:03d}" for number in range(1, 33))
"""Groups of three people; who of the real set was with whom is not known here."""

SEATS: tuple[str, ...] = ("A", "B", "C")

SUBJECTS: tuple[str, ...] = tuple(group + place for group in GROUPS for place in SEATS)

TEST_GROUPS: tuple[str, ...] = ("004", "009", "015", "020", "026", "031")
"""Six groups of 32: 18 people to test on, 78 to train on, as many as in the official split."""

TINY_GROUPS: tuple[str, ...] = ("001", "004")
"""One group to train on, one to test on."""

CODED_AUS: tuple[int, ...] = GFT.evaluated_aus
"""The action units of the published evaluations."""

FRAMES = 1800
FRAMES_PER_SECOND = 30

_UNKNOWN = 9
_UNKNOWN_SHARE = 0.01
_SPECTACLED = 0.12
_SEAT_ANGLE = 0.7
_CUPS, _HANDS = 1.4, 0.7
"""How often, on average, a person drinks and touches the face within the minute."""

_PEOPLE = Population(women=50, ages=(-0.05, 0.25), ancestry=(8, 6, 82))

_ROOM = Laboratory(
    key=(-0.7, 1.1, 0.45),
    key_colour=(0.72, 0.60, 0.44),
    fill=(0.9, 0.4, 0.3),
    fill_colour=(0.20, 0.17, 0.13),
    sky=(0.36, 0.31, 0.25),
    ground=(0.13, 0.11, 0.09),
    exposure=0.88,
    camera_distance=8.0,
    enlargement=1.75,
    walls=((0.46, 0.40, 0.31), (0.36, 0.27, 0.20), (0.52, 0.48, 0.38)),
)

_CAMERA = Camera(
    noise=(3.0, 5.0),
    blur=(0.3, 0.5),
    blur_share=1.0,
    reduction=(0.62, 0.62),
    reduction_share=1.0,
    contrast=(1.05, 1.05),
    brightness=1.0,
    saturation=(1.05, 1.05),
    white_balance=(1.04, 1.0, 0.93),
)
"""A small video camera in a room lit by warm ceiling lamps: few pixels on the face, noise."""

_AMUSED = (6, 7, 10, 12, 25, 26)
_SPEAKING = (2, 14, 17, 18, 20, 22, 25, 26)

TALK = Programme(
    "a conversation over drinks",
    {
        **{1: 0.07, 2: 0.12, 4: 0.05, 6: 0.28, 10: 0.25, 12: 0.30, 14: 0.08, 15: 0.09, 23: 0.22, 24: 0.16},
        **{7: 0.25, 17: 0.18, 18: 0.05, 20: 0.03, 22: 0.04, 25: 0.42, 26: 0.20, 28: 0.02, 43: 0.01},
    },
    gaze=(0.2, -0.05),
    spontaneity=0.35,
    hinted=0.01,
    restlessness=(0.20, 0.10, 0.08),
    sway=0.04,
)
"""No rates of GFT are published in the papers at hand: these are chosen, social smiles most frequent."""


@dataclass(frozen=True)
class _Size:
    groups: tuple[str, ...]
    frames: int | None
    pixels: int


_SIZES: dict[Preset, _Size] = {
    "tiny": _Size(TINY_GROUPS, 12, 128),
    "small": _Size(GROUPS, 36, 160),
    "full": _Size(GROUPS, None, 192),
}


def plan_gft(preset: Preset, seed: int) -> TwinPlan[Recording]:
    """Return what the twin of GFT holds, in the layout that ``read_gft`` takes.

    ``labels/001A.csv`` holds the occurrence codes of ten AUs per frame (level B and above = 1, unknown = 9),
    ``videos/001A.mp4`` is the video, ``train.txt`` and ``test.txt`` name the people of the two sides,
    whatever the preset. The three people of a group share a room, what amuses them, and the conversation:
    one speaks at a time. Beside that: ``twin_provenance.csv``, all that is true of each frame, and
    ``TWIN.json`` with the share of positive codes per AU.

    Presets: ``tiny`` (2 groups, 12 frames of each person, 128 px), ``small`` (32 groups, 36 frames of each
    person, 160 px), ``full`` (32 groups, 1,800 frames of each person, 192 px). The videos of the smaller
    presets step through the minute in larger strides.
    """
    size = size_of(preset, _SIZES)
    people = [group + place for group in size.groups for place in SEATS]
    recordings = {subject: _plan_recording(seed, subject, size) for subject in people}
    return TwinPlan(
        twin="gft",
        preset=preset,
        seed=seed,
        chunks=recordings,
        pictures={subject: len(recording.rendered) for subject, recording in recordings.items()},
        render=_render,
        finish=_finish,
        videos=True,
    )


def _plan_recording(seed: int, subject: str, size: _Size) -> Recording:
    rendered: Sequence[int] = range(FRAMES)
    if size.frames is not None:
        rng = chunk_generator("gft", seed, "plan", subject)
        rendered = spread_positions(rng, FRAMES, size.frames)
    return Recording("gft", seed, subject, "talk", FRAMES, tuple(rendered), None, size.pixels)


@lru_cache(maxsize=1)
def _sitter(seed: int, subject: str) -> tuple[Sitter, Participant]:
    """Return face, place in the group's room and temper of one person."""
    group, place = subject[:-1], SEATS.index(subject[-1])
    who = participant("gft", seed, SUBJECTS, subject, _PEOPLE, TALK)
    room = sample_studio(chunk_generator("gft", seed, "room", group), variation=0.5, laboratory=_ROOM)
    spectacles = bool(chunk_generator("gft", seed, "spectacles", subject).random() < _SPECTACLED)
    return Sitter(Subject(who.identity), turn_studio(room, (place - 1) * _SEAT_ANGLE), spectacles), who


def conversation(rng: np.random.Generator, place: int) -> tuple[Moment, ...]:
    """Return what moves one person of a group: jokes for all three, and the turns in which the person speaks.

    Args:
        rng: Of the group: the three people get the same jokes and never speak at once.
        place: Number of the seat, 0 to 2.
    """
    jokes = [Moment(start, start + 0.14, _AMUSED) for start in np.sort(rng.uniform(0, 0.86, 5)).tolist()]
    ends = np.sort(rng.uniform(0, 1, 8))
    speakers = rng.integers(0, 3, 9)
    turns = [
        Moment(float(start), float(end), _SPEAKING)
        for start, end, speaker in zip([0.0, *ends], [*ends, 1.0], speakers, strict=True)
        if speaker == place
    ]
    return (*jokes, *turns)


def occlusions(rng: np.random.Generator) -> list[Occlusion]:
    """Return when a person drinks (two to four seconds) and touches the face (two to eight seconds)."""
    events = []
    for kind, number, longest in (("cup", _CUPS, 4.0), ("hand", _HANDS, 8.0)):
        for _ in range(int(rng.poisson(number))):
            start = int(rng.integers(0, FRAMES))
            events.append(Occlusion(kind, start, start + int(rng.uniform(2.0, longest) * FRAMES_PER_SECOND)))
    return events


def _render(root: Path, recording: Recording) -> Record:
    """Write video and codes of one person."""
    sitter, who = _sitter(recording.seed, recording.subject)
    group, place = recording.subject[:-1], SEATS.index(recording.subject[-1])
    moments = conversation(chunk_generator("gft", recording.seed, "conversation", group), place)
    rng = recording.generator("session")
    session = sample_session(
        rng,
        replace(TALK, moments=moments),
        who.person,
        recording.length,
        frames_per_second=FRAMES_PER_SECOND,
        shares=who.shares,
    )
    events = occlusions(rng)
    video = f"videos/{recording.subject}.mp4"
    frames = film_video(root / video, film(recording, sitter, session, _CAMERA, events), FRAMES_PER_SECOND)
    hidden = unknown_cells(rng, len(frames), CODED_AUS, _UNKNOWN_SHARE)
    labels = f"labels/{recording.subject}.csv"
    write_text(root / labels, _table(frames, hidden))
    record = record_of(recording.subject, f"{recording.subject}/{{:05d}}", frames, CODED_AUS)
    return {**record, "files": [video, labels]}


def _table(frames: Sequence[Frame], hidden: set[tuple[int, int]]) -> str:
    """Return the codes of a person's frames as CSV."""
    lines = [",".join(["frame", *(f"AU{au}" for au in CODED_AUS)])]
    for row, frame in enumerate(frames):
        codes = [
            _UNKNOWN if (row, au) in hidden else int(is_present(frame.action_units.get(au, 0.0)))
            for au in CODED_AUS
        ]
        lines.append(",".join(str(cell) for cell in (frame.number, *codes)))
    return "\n".join(lines) + "\n"


def _finish(root: Path, records: Sequence[Record]) -> Mapping[str, Any]:
    """Write split lists and provenance; return who is there and how often each AU is present."""
    for name, tests in (("train", False), ("test", True)):
        people = [subject for subject in SUBJECTS if (subject[:-1] in TEST_GROUPS) == tests]
        write_text(root / f"{name}.txt", "\n".join(people) + "\n")
    return {
        "subjects": len(records),
        "groups": len(records) // len(SEATS),
        "presence_rule": "FACS level B or above",
        "au_rates": finish_recordings(root, records, CODED_AUS),
    }
