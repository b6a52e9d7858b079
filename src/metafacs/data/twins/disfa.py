"""The synthetic twin of DISFA: 27 people who watch a film, a video each, intensities 0 to 5 per frame."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metafacs.data.facts import DISFA
from metafacs.data.twins.chunks import Record
from metafacs.data.twins.cohorts import Participant, Population, participant
from metafacs.data.twins.recordings import (
    Frame,
    Recording,
    Sitter,
    film,
    film_video,
    finish_recordings,
    record_of,
    spread_positions,
)
from metafacs.data.twins.sessions import Moment, Programme, sample_session
from metafacs.data.twins.writer import (
    Preset,
    TwinPlan,
    chunk_generator,
    size_of,
    write_bytes,
    write_text,
)
from metafacs.faces.landmarks import LANDMARKS_68_TO_66
from metafacs.synthesis.activations import intensity_level
from metafacs.synthesis.camera import Camera
from metafacs.synthesis.renderer import Subject
from metafacs.synthesis.scenes import Laboratory, sample_studio

SUBJECTS: tuple[str, ...] = tuple(sorted(subject for part in DISFA.published_parts for subject in part))
"""The 27 people of DISFA; 14, 15, 19, 20 and 22 do not exist."""

TINY_SUBJECTS: tuple[str, ...] = ("SN001", "SN010", "SN006", "SN021", "SN003", "SN025")
"""Two people of each of the three published parts."""

CODED_AUS: tuple[int, ...] = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
"""The action units that DISFA's coders scored."""

UNLABELLED_END = "SN010"
"""The person whose last frame has no label, as in the real set."""

COUNTED_FROM_ONE: tuple[str, ...] = ("SN003", "SN012", "SN021", "SN031")
"""People whose landmark files are named and counted the other way, ``l00001_lm.mat``, as some of the real."""

FRAMES = 4845
FRAMES_PER_SECOND = 20

_PEOPLE = Population(women=12, ages=(-0.05, 0.75), ancestry=(2, 3, 22))

_ROOM = Laboratory(
    key=(-0.15, 0.35, 0.95),
    key_colour=(0.42, 0.40, 0.38),
    fill=(0.6, -0.1, 0.8),
    fill_colour=(0.15, 0.15, 0.16),
    sky=(0.30, 0.30, 0.31),
    ground=(0.18, 0.18, 0.19),
    exposure=0.83,
    camera_distance=14.0,
    enlargement=1.62,
    walls=((0.10, 0.13, 0.17), (0.13, 0.16, 0.20)),
)

_CAMERA = Camera(
    noise=(1.5, 2.5),
    blur=(0.35, 0.45),
    blur_share=1.0,
    contrast=(0.95, 0.95),
    brightness=0.5,
    saturation=(1.0, 1.0),
    white_balance=(0.97, 1.0, 1.04),
)
"""A machine-vision camera before a dark wall: even frontal light, cool colours, a compressed video."""

FILM = Programme(
    "a film of nine scenes",
    {
        **{1: 0.046, 2: 0.041, 4: 0.122, 5: 0.010, 6: 0.074, 9: 0.033, 12: 0.137, 15: 0.024, 17: 0.046},
        **{20: 0.024, 25: 0.175, 26: 0.086},
        **{7: 0.08, 10: 0.04, 14: 0.07, 18: 0.01, 23: 0.02, 24: 0.04, 43: 0.01},
    },
    gaze=(0.03, -0.08),
    moments=(
        Moment(0.02, 0.12, (6, 7, 12, 25, 26)),
        Moment(0.13, 0.23, (6, 7, 12, 14, 25)),
        Moment(0.24, 0.33, (1, 2, 5, 25, 26)),
        Moment(0.34, 0.44, (1, 2, 4, 5, 20, 25)),
        Moment(0.45, 0.55, (4, 7, 9, 10, 17, 25)),
        Moment(0.56, 0.65, (4, 6, 9, 10, 15, 17)),
        Moment(0.66, 0.76, (1, 4, 15, 17, 24)),
        Moment(0.77, 0.86, (1, 4, 15, 17, 43)),
        Moment(0.88, 0.97, (1, 2, 5, 12, 25, 26)),
    ),
    spontaneity=0.25,
    hinted=0.003,
    restlessness=(0.05, 0.05, 0.03),
    sway=0.02,
)
"""Amusement, surprise, fear, disgust and sadness in turn, long neutral stretches between the reactions.

The shares average to about the published rates of DISFA. AUs that DISFA does not code occur as well.
"""


@dataclass(frozen=True)
class _Size:
    subjects: tuple[str, ...]
    frames: tuple[int, int] | None
    pixels: int


_SIZES: dict[Preset, _Size] = {
    "tiny": _Size(TINY_SUBJECTS, (12, 12), 128),
    "small": _Size(SUBJECTS, (110, 150), 160),
    "full": _Size(SUBJECTS, None, 192),
}


def plan_disfa(preset: Preset, seed: int) -> TwinPlan[Recording]:
    """Return what the twin of DISFA holds, in DISFA's own layout.

    ``Videos_LeftCamera/LeftVideoSN001_comp.avi`` is the video (upper and lower case vary),
    ``ActionUnit_Labels/SN001/SN001_au1.txt`` holds the intensities 0 to 5 of one of twelve AUs per frame,
    ``Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat`` the 66 points of a frame. The second camera's
    videos are left out: they would double the rendering. Beside what DISFA has: ``twin_provenance.csv``, all
    that is true of each labelled frame, and ``TWIN.json`` with the share of frames at intensity 2 or above
    per AU.

    Presets: ``tiny`` (6 people, 12 frames each, 128 px), ``small`` (27 people, 110 to 150 frames each,
    160 px), ``full`` (27 people, 4,845 frames each, 192 px). The videos of the smaller presets step through
    the whole course in larger strides.
    """
    size = size_of(preset, _SIZES)
    recordings = {subject: _plan_recording(seed, subject, size) for subject in size.subjects}
    return TwinPlan(
        twin="disfa",
        preset=preset,
        seed=seed,
        chunks=recordings,
        pictures={subject: _labelled(recording) for subject, recording in recordings.items()},
        render=_render,
        finish=_finish,
        videos=True,
    )


def _plan_recording(seed: int, subject: str, size: _Size) -> Recording:
    rendered: Sequence[int] = range(FRAMES)
    if size.frames is not None:
        fewest, most = size.frames
        rng = chunk_generator("disfa", seed, "plan", subject)
        rendered = spread_positions(rng, FRAMES, int(rng.integers(fewest, most + 1)))
    return Recording("disfa", seed, subject, "film", FRAMES, tuple(rendered), None, size.pixels)


def _labelled(recording: Recording) -> int:
    """Return how many frames of a recording have labels."""
    return len(recording.rendered) - (recording.subject == UNLABELLED_END)


@lru_cache(maxsize=1)
def _sitter(seed: int, subject: str) -> tuple[Sitter, Participant]:
    """Return face, recording room and temper of one person."""
    who = participant("disfa", seed, SUBJECTS, subject, _PEOPLE, FILM)
    studio = sample_studio(chunk_generator("disfa", seed, "room", subject), variation=0.25, laboratory=_ROOM)
    return Sitter(Subject(who.identity), studio), who


def _render(root: Path, recording: Recording) -> Record:
    """Write video, landmarks and label files of one person."""
    sitter, who = _sitter(recording.seed, recording.subject)
    session = sample_session(
        recording.generator("session"),
        FILM,
        who.person,
        recording.length,
        frames_per_second=FRAMES_PER_SECOND,
        shares=who.shares,
    )
    subject = recording.subject
    video = f"Videos_LeftCamera/{video_name(subject)}"
    frames = film_video(root / video, film(recording, sitter, session, _CAMERA), FRAMES_PER_SECOND)
    labelled = frames[: _labelled(recording)]
    files = [video]
    for frame in frames:
        files.append(f"Landmark_Points/{subject}/tmp_frame_lm/{landmark_name(subject, frame.number)}")
        write_bytes(root / files[-1], landmark_file(frame.landmarks))
    for au in CODED_AUS:
        files.append(f"ActionUnit_Labels/{subject}/{subject}_au{au}.txt")
        write_text(root / files[-1], "".join(_label_lines(labelled, au)))
    return {**record_of(subject, f"{subject}/{{:04d}}", labelled, CODED_AUS), "files": files}


def _label_lines(frames: Sequence[Frame], au: int) -> list[str]:
    return [f"{frame.number},{intensity_level(frame.action_units.get(au, 0.0))}\n" for frame in frames]


def video_name(subject: str) -> str:
    """Return the name of a person's video; upper and lower case vary as in the real set.

    >>> video_name("SN001"), video_name("SN002")
    ('LeftVideoSN001_comp.avi', 'leftVideoSN002_Comp.avi')
    """
    variant = SUBJECTS.index(subject) % 4
    camera, ending = ("Left", "left", "Left", "left")[variant], ("comp", "Comp", "Comp", "comp")[variant]
    return f"{camera}Video{subject}_{ending}.avi"


def landmark_name(subject: str, number: int) -> str:
    """Return the name of the landmark file of a frame, which is counted from 1.

    >>> landmark_name("SN001", 1), landmark_name("SN003", 1)
    ('SN001_0000_lm.mat', 'l00001_lm.mat')
    """
    return f"l0{number:04d}_lm.mat" if subject in COUNTED_FROM_ONE else f"{subject}_{number - 1:04d}_lm.mat"


def landmark_file(landmarks: NDArray[np.float32]) -> bytes:
    """Return the MATLAB file of a frame: ``pts``, 66 x 2, the centre of the first pixel at (1, 1).

    Args:
        landmarks: Shape (68, 2), pixels, the centre of the first pixel at (0, 0).
    """
    # SciPy takes a third of a second to import, and only this twin needs it.
    from scipy.io import savemat

    buffer = io.BytesIO()
    savemat(buffer, {"pts": landmarks[list(LANDMARKS_68_TO_66)].astype(np.float64) + 1})
    content = buffer.getvalue()
    # The 116 bytes of text at the head hold the time of writing; the same seed must give the same bytes.
    return b"MATLAB 5.0 MAT-file, synthetic twin of DISFA by metafacs".ljust(116) + content[116:]


def _finish(root: Path, records: Sequence[Record]) -> Mapping[str, Any]:
    """Write the provenance; return who is there and how often each AU is present."""
    return {
        "subjects": len(records),
        "presence_rule": "intensity 2 (FACS level B) or above",
        "au_rates": finish_recordings(root, records, CODED_AUS),
    }
