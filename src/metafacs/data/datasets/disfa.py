"""DISFA: 27 people, one video each, AU intensities 0 to 5 per frame as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from metafacs.data.datasets.disfa_landmarks import LandmarkFiles
from metafacs.data.datasets.intensities import parse_intensity
from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    read_twin,
    require_folder,
)
from metafacs.data.datasets.recorded_frames import find_recorded_frames
from metafacs.facs import AU_NAMES, HIGHEST_INTENSITY

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
) -> Reading:
    """Read the intensities of DISFA, make them present or absent, and match them with the frames.

    Layout: ``ActionUnit_Labels/SN001/SN001_au1.txt`` (lines ``frame,intensity``, frames from 1, intensities
    0 to 5) and ``Videos_LeftCamera/LeftVideoSN001_comp.avi`` (upper and lower case vary), or the extracted
    frames as ``SN001/0.jpg`` below the root, ``Frames`` or ``Images``, where picture k shows label k + 1;
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

    Returns:
        The reading; an AU whose file does not label a frame is unknown there. Extracted frames without any
        label are left out and counted; those of a video are not.

    Raises:
        DatasetError: If the label folder, or that of wanted landmarks, is missing or holds no person.
        ValueError: If the threshold is not 1 to 5, or landmarks are wanted for the right camera.
    """
    if not 1 <= threshold <= HIGHEST_INTENSITY:
        raise ValueError(f"threshold must be an intensity from 1 to {HIGHEST_INTENSITY}, not {threshold}")
    if landmarks and camera == "right":
        raise ValueError("landmarks are delivered for the left camera only; read the right one without them")
    root = Path(root)
    labels = require_folder(root / "ActionUnit_Labels", "one folder of intensities per person, e.g. SN001")
    people = sorted(entry for entry in labels.iterdir() if entry.is_dir() and _SUBJECT.match(entry.name))
    if not people:
        raise DatasetError(f"{labels} holds no folder such as SN001; DISFA's intensities are one per person")
    points = None
    if landmarks:
        points = require_folder(root / "Landmark_Points", "one folder of landmarks per person, e.g. SN001")
    reading = Reading("disfa", root, twin=read_twin(root))
    for folder in people:
        files = None if points is None else LandmarkFiles(points / folder.name)
        _read_person(reading, folder, threshold, camera, keep_bad_frames, files)
    reading.aus = tuple(sorted({au for sample in reading.samples for au in sample.action_units}))
    return reading


def _read_person(
    reading: Reading,
    folder: Path,
    threshold: int,
    camera: str,
    keep_bad_frames: bool,
    landmarks: LandmarkFiles | None,
) -> None:
    subject = folder.name.upper()
    frames = find_recorded_frames(
        [reading.root / f"Videos_{camera.title()}Camera"],
        f"{camera}Video{subject}_comp",
        [reading.root / name / folder.name for name in ("Frames", "Images", ".")],
    )
    if frames is None:
        reading.skip(folder, None, f"labels without a video of the {camera} camera and without frames")
        return
    bad = frozenset(
        frame
        for first, last in (() if keep_bad_frames else BAD_FRAMES.get(subject, ()))
        for frame in range(first, last + 1)
    )
    intensities, origins = _read_intensities(reading, folder, subject)
    for frame in sorted(intensities):
        place = frames.locate(frame - 1, frame - 1)
        if frame in bad:
            reading.skip(*origins[frame], "frame is in DISFA's list of bad frames")
        elif place is None:
            reading.skip(*origins[frame], "label without a frame")
        else:
            picture, number = place
            reading.samples.append(
                Sample(
                    f"{subject}/{frame:04d}",
                    picture,
                    subject=subject,
                    action_units={au: float(x >= threshold) for au, x in intensities[frame].items()},
                    intensities={au: float(x) for au, x in intensities[frame].items()},
                    frame=number,
                    landmarks=None if landmarks is None else landmarks.read(reading, frame, origins[frame]),
                )
            )
    unlabelled = frames.pictures.keys() - {frame - 1 for frame in intensities}
    reading.skip(folder, None, "frame without a label", len(unlabelled))


def _read_intensities(
    reading: Reading, folder: Path, subject: str
) -> tuple[dict[int, dict[int, int]], dict[int, tuple[Path, int]]]:
    intensities: dict[int, dict[int, int]] = {}
    origins: dict[int, tuple[Path, int]] = {}
    for path in sorted(folder.glob("*.[tT][xX][tT]")):
        match = _LABELS.match(path.name)
        if match is None or match["subject"].upper() != subject or int(match["au"]) not in AU_NAMES:
            reading.skip(path, None, f"file name is not {subject}_au<FACS number>.txt")
            continue
        lines = reading.lines(path)
        if not lines:
            reading.skip(path, None, "empty file")
        au = int(match["au"])
        for number, line in lines:
            frame, intensity = parse_intensity(line) or (0, None)
            if frame < 1 or intensity is None:
                reading.skip(
                    path, number, f"line is not 'frame,intensity' with an intensity 0 to {HIGHEST_INTENSITY}"
                )
                continue
            known = intensities.setdefault(frame, {})
            if au in known:
                reading.skip(path, number, "frame is labelled twice; the first label counts")
                continue
            known[au] = intensity
            origins.setdefault(frame, (path, number))
    return intensities, origins
