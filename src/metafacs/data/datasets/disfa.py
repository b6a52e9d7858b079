"""DISFA: 27 people, one video each, AU intensities 0 to 5 per frame as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from metafacs.data.datasets.disfa_landmarks import LandmarkFiles, refuse_moved_landmarks
from metafacs.data.datasets.folders import find_files, find_folders, note_files
from metafacs.data.datasets.intensities import NO_INTENSITY, IntensityFile, check_threshold
from metafacs.data.datasets.mismatches import refuse_presence_codes
from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    read_twin,
    require_folder,
)
from metafacs.data.datasets.recorded_frames import RecordedFrames, find_recorded_frames, note_unused_videos
from metafacs.facs import AU_NAMES

BAD_FRAMES: Mapping[str, tuple[tuple[int, int], ...]] = {
    "SN001": ((398, 420), (3190, 3243)),
    "SN002": ((800, 826),),
    "SN004": ((4541, 4555),),
    "SN006": ((1349, 1405),),
    "SN009": ((1736, 1808), (1851, 1885)),
    "SN011": ((4529, 4533), (4830, 4845)),
    "SN021": (
        (574, 616),
        (985, 1164),
        (1190, 1205),
        (1305, 1338),
        (1665, 1710),
        (1862, 2477),
        (2554, 4657),
        (4710, 4722),
    ),
    "SN023": ((1021, 1049), (3378, 3557), (3584, 3668), (4547, 4621), (4741, 4772), (4825, 4845)),
    "SN025": ((4596, 4662), (4816, 4835)),
    "SN027": ((3461, 3494), (4738, 4785)),
    "SN028": ((1875, 1885), (4571, 4690)),
    "SN029": ((4090, 4543),),
    "SN030": ((939, 962), (1406, 1422), (2100, 2132), (2893, 2955)),
}
"""Frames in DISFA's error log, per person, 1-based and inclusive; JAA-Net leaves out exactly these."""

_SUBJECT = re.compile(r"^SN\d{3}$", re.IGNORECASE | re.ASCII)
_LABELS = re.compile(r"^(?P<subject>SN\d{3})_au(?P<au>\d{1,2})\.txt$", re.IGNORECASE | re.ASCII)


def read_disfa(
    root: Path | str,
    *,
    threshold: int = 2,
    camera: Literal["left", "right"] = "left",
    keep_bad_frames: bool = False,
    landmarks: bool = False,
    first_frame: Literal[0, 1] | None = None,
) -> Reading:
    """Read the intensities of DISFA, make them present or absent, and match them with the frames.

    Layout: ``ActionUnit_Labels/SN001/SN001_au1.txt`` (lines ``frame,intensity``, frames from 1, intensities
    0 to 5) and ``Videos_LeftCamera/LeftVideoSN001_comp.avi`` (upper and lower case vary), or the extracted
    frames as ``SN001/0.jpg`` below the root, ``Frames`` or ``Images``;
    ``Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat``, see
    :class:`~metafacs.data.datasets.disfa_landmarks.LandmarkFiles`.

    Args:
        root: The folder that holds ``ActionUnit_Labels``.
        threshold: Smallest intensity that counts as present, 1 to 5; MAL and JAA-Net use 2, MAML-AU uses 1.
        camera: Which of the two cameras' videos to take.
        keep_bad_frames: Keep the frames in :data:`BAD_FRAMES`, as ME-GraphAU's lists do.
        landmarks: Cut the crops by the 66 delivered landmarks. By default the face is found as in
            prediction, so that training and prediction see the same crop. The face is also found in frames
            without landmarks, which are counted in ``skipped``.
        first_frame: Number in the name of the first extracted frame: 0, as the lists of others have it, or
            1, as FFmpeg counts; the same for all people. None takes it from the pictures: from 0 where one
            has the number 0, from 1 where one has the number of the last label instead. Videos need none.

    Returns:
        The reading; an AU whose file does not label a frame is unknown there. Frames without any label are
        left out and counted.

    Raises:
        DatasetError: If the label folder, or that of wanted landmarks, is missing or holds no person; if
            the pictures do not tell whether they count from 0 or 1, those of two people tell different
            things, or one has the number 0 against ``first_frame``; if a file counts its frames from 0,
            holds other numbers than intensities, or no file holds more than 1.
        ValueError: If the threshold is not 1 to 5, or landmarks are wanted for the right camera.
    """
    check_threshold(threshold)
    if first_frame not in (None, 0, 1):
        raise ValueError(f"first_frame is 0 or 1, not {first_frame}")
    if landmarks and camera == "right":
        raise ValueError("landmarks are delivered for the left camera only; read the right one without them")
    root = Path(root)
    labels = require_folder(root / "ActionUnit_Labels", "one folder of intensities per person, e.g. SN001")
    reading = Reading("disfa", root, twin=read_twin(root))
    folders = find_folders(labels)
    named = [folder for folder in folders if _SUBJECT.match(folder.name)]
    if not named:
        raise DatasetError(f"{labels} holds no folder such as SN001; DISFA's intensities are one per person")
    if len({folder.name.upper() for folder in named}) < len(named):
        raise DatasetError(f"{labels} holds two folders whose names differ in upper and lower case only")
    note_files(reading, set(folders) - set(named), "name of the folder is no person such as SN001")
    points = None
    if landmarks:
        points = require_folder(root / "Landmark_Points", "one folder of landmarks per person, e.g. SN001")
    people = [person for folder in named if (person := _find_person(reading, folder, camera)) is not None]
    refuse_presence_codes(
        labels,
        [level for person in people for row in person.intensities.values() for level in row.values()],
        threshold,
    )
    start = _start(people, first_frame)
    files = [LandmarkFiles(reading, points / p.folder.name) for p in people] if points is not None else []
    refuse_moved_landmarks({file: person.last for file, person in zip(files, people, strict=False)})
    for person, delivered in zip_longest(people, files):
        _read_person(reading, person, start, threshold, keep_bad_frames, delivered)
    videos = [root / f"Videos_{camera.title()}Camera"]
    note_unused_videos(reading, videos, [person.frames for person in people])
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    return reading


@dataclass(frozen=True)
class _Person:
    """What the files of one person hold.

    Attributes:
        folder: The folder of labels.
        frames: The video or pictures.
        intensities: Frame, from 1 -> AU -> intensity.
        origins: Frame, from 1 -> file and line of its first label.
        last: Number of the last frame in the files, also where its intensities are none; 0 without any.
    """

    folder: Path
    frames: RecordedFrames
    intensities: Mapping[int, Mapping[int, int]]
    origins: Mapping[int, tuple[Path, int]]
    last: int


def _find_person(reading: Reading, folder: Path, camera: str) -> _Person | None:
    subject = folder.name.upper()
    frames = find_recorded_frames(
        reading,
        [reading.root / f"Videos_{camera.title()}Camera"],
        f"{camera}Video{subject}_comp",
        [reading.root / name / folder.name for name in ("Frames", "Images", ".")],
    )
    if frames is None:
        reading.skip(folder, None, f"labels without a video of the {camera} camera and without frames")
        return None
    return _Person(folder, frames, *_read_intensities(reading, folder, subject))


def _start(people: Sequence[_Person], wanted: int | None) -> int:
    """Return what the pictures of all people call the first frame, 0 or 1; 0 where all have videos.

    A picture 0 is a proof. That there is none, but one with the number of the last label, is a hint at 1: a
    person whose picture 0 was lost, and who was recorded for longer than labelled, looks the same.
    """
    recorded = [person for person in people if person.frames.video is None]
    from_zero = next((person for person in recorded if 0 in person.frames.pictures), None)
    from_one = next((p for p in recorded if 0 not in p.frames.pictures and p.last in p.frames.pictures), None)
    if wanted == 1 and from_zero is not None:
        raise DatasetError(
            f"the pictures of {from_zero.folder.name} count from 0, first_frame says 1; leave it out, or "
            "give the folder the pictures that the labels belong to"
        )
    if wanted is not None:
        return wanted
    if from_zero is not None and from_one is not None:
        pictures, name = from_one.frames.pictures, from_one.folder.name
        raise DatasetError(
            f"{from_zero.folder.name} has a picture 0, the pictures of {name} begin with {min(pictures)} and "
            f"one has the number of its last label, {from_one.last}: do the names count from 0 or from 1? "
            f"With --options.first_frame 0 they do from 0 and that of {name} is lost; else number all alike"
        )
    asked = next((person for person in recorded if person.intensities), None)
    if asked is not None and from_zero is None and from_one is None:
        first, last = min(asked.frames.pictures), max(asked.frames.pictures)
        raise DatasetError(
            f"the pictures of {asked.folder.name} have the numbers {first} to {last}, its labels the frames "
            f"{min(asked.intensities)} to {asked.last}: do the names count from 0 or from 1? Say so with the "
            "option first_frame, e.g. --options.first_frame 1"
        )
    return int(from_one is not None)


def _read_person(
    reading: Reading,
    person: _Person,
    first: int,
    threshold: int,
    keep_bad_frames: bool,
    landmarks: LandmarkFiles | None,
) -> None:
    subject = person.folder.name.upper()
    start = first if person.frames.video is None else 0
    bad = frozenset(
        frame
        for first, last in (() if keep_bad_frames else BAD_FRAMES.get(subject, ()))
        for frame in range(first, last + 1)
    )
    for frame in sorted(person.intensities):
        origin, levels = person.origins[frame], person.intensities[frame]
        place = person.frames.locate(frame - 1, frame - 1 + start)
        if frame in bad:
            reading.skip(*origin, "frame is in DISFA's list of bad frames")
        elif place is None:
            reading.skip(*origin, "label without a frame")
        else:
            picture, number = place
            reading.samples.append(
                Sample(
                    f"{subject}/{frame:04d}",
                    picture,
                    subject=subject,
                    action_units={au: float(x >= threshold) for au, x in levels.items()},
                    intensities={au: float(x) for au, x in levels.items()},
                    frame=number,
                    landmarks=None if landmarks is None else landmarks.read(reading, frame, origin),
                )
            )
    labelled = {frame - 1 + start for frame in person.intensities}
    person.frames.note_unlabelled(reading, person.folder, labelled)


def _read_intensities(
    reading: Reading, folder: Path, subject: str
) -> tuple[dict[int, dict[int, int]], dict[int, tuple[Path, int]], int]:
    """Return the intensities, origins and last number of a frame of :class:`_Person`."""
    files: dict[int, IntensityFile] = {}
    for path in find_files(reading, folder, (".txt",), known=()):
        match = _LABELS.match(path.name)
        if match is None or match["subject"].upper() != subject or int(match["au"]) not in AU_NAMES:
            reading.skip(path, None, f"file name is not {subject}_au<FACS number>.txt")
        elif (au := int(match["au"])) in files:
            reading.skip(path, None, "second file of one action unit; the first is read")
        else:
            files[au] = IntensityFile(reading, path, au, first_frame=1)
    intensities: dict[int, dict[int, int]] = {}
    origins: dict[int, tuple[Path, int]] = {}
    for file in files.values():
        for frame, intensity in file.levels.items():
            if intensity is not None:
                intensities.setdefault(frame, {})[file.au] = intensity
                origins.setdefault(frame, (file.path, file.lines[frame]))
    for file in files.values():
        if file.levels:
            reading.skip(file.path, None, NO_INTENSITY, len(intensities.keys() - file.levels.keys()))
    last = max((number for file in files.values() for number in file.numbers), default=0)
    return intensities, origins, last
