"""Where the frames of one recording are: in a video, or as a folder of numbered pictures."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from metafacs.data.datasets.folders import find_files, note_files
from metafacs.data.datasets.reading import Reading
from metafacs.data.videos import VIDEO_SUFFIXES, Video, VideoError
from metafacs.faces.pictures import SUFFIXES

_LAST_NUMBER = re.compile(r"(\d+)$", re.ASCII)
_MOST_DIGITS = 18


@dataclass(frozen=True)
class RecordedFrames:
    """The frames of one recording: a video or numbered pictures.

    Attributes:
        video: The video; None where the frames were extracted.
        pictures: Number in the file name -> picture, where the frames were extracted.
    """

    video: Path | None = None
    pictures: Mapping[int, Path] = field(default_factory=dict)

    def locate(self, frame: int, number: int) -> tuple[Path, int | None] | None:
        """Return the file and the frame within it for one label, or None if there is none.

        Args:
            frame: 0-based frame of the video. Whether the video is that long is only known once it is
                decoded.
            number: Number in the name of an extracted picture.
        """
        if self.video is not None:
            return (self.video, frame) if frame >= 0 else None
        picture = self.pictures.get(number)
        return None if picture is None else (picture, None)

    def note_unlabelled(self, reading: Reading, place: Path, labelled: Collection[int]) -> None:
        """Note how many frames no label names: many of them may mean that the labels are of another cut.

        Args:
            reading: Takes up the number.
            place: File or folder of the labels.
            labelled: 0-based frames of the video, or numbers in the names of the pictures.
        """
        if self.video is None:
            unlabelled = len(self.pictures.keys() - labelled)
        else:
            try:
                count = Video(self.video).frame_count or 0
            except VideoError:  # it is named when the store is prepared
                count = 0
            unlabelled = len(set(range(count)) - set(labelled))
        reading.skip(place, None, "frame without a label", unlabelled)


def find_recorded_frames(
    reading: Reading, video_folders: Iterable[Path], video_stem: str, picture_folders: Iterable[Path]
) -> RecordedFrames | None:
    """Return the first video of a name, else the first folder with numbered pictures, else None.

    Args:
        reading: Takes up what is not read: a second video of the name, pictures without a number.
        video_folders: Where to look for the video; folders may be missing.
        video_stem: The video's name without its ending; upper and lower case are the same.
        picture_folders: Where to look for extracted frames; folders may be missing.
    """
    videos = [
        path
        for folder in video_folders
        for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
        if path.stem.lower() == video_stem.lower() and path.suffix.lower() in VIDEO_SUFFIXES
    ]
    if videos:
        note_files(reading, videos[1:], "second video of one recording; the first is read")
        return RecordedFrames(video=videos[0])
    for folder in picture_folders:
        pictures = numbered_pictures(reading, folder)
        if pictures:
            return RecordedFrames(pictures=pictures)
    return None


def note_unused_videos(
    reading: Reading, folders: Iterable[Path], recordings: Iterable[RecordedFrames]
) -> None:
    """Note the videos in some folders that no label file belongs to."""
    used = {recording.video for recording in recordings}
    for folder in folders:
        videos = find_files(reading, folder, VIDEO_SUFFIXES)
        note_files(reading, set(videos) - used, "video without labels")


def numbered_pictures(reading: Reading, folder: Path) -> dict[int, Path]:
    """Return the pictures of a folder by the number their names end with.

    Args:
        reading: Takes up what is not read: names without a number, and pictures that share one, of which
            none can be told to be the frame.
        folder: A folder such as ``SN002`` with ``0.jpg``; a missing one gives nothing.
    """
    by_number: dict[int, list[Path]] = defaultdict(list)
    unnumbered = []
    for path in find_files(reading, folder, SUFFIXES, known=()):
        number = number_of(path)
        if number is None:
            unnumbered.append(path)
        else:
            by_number[number].append(path)
    note_files(reading, unnumbered, "name of the picture does not end with the number of the frame")
    shared = [path for paths in by_number.values() if len(paths) > 1 for path in paths]
    note_files(reading, shared, "several pictures have the number of one frame; none is read")
    return {number: paths[0] for number, paths in by_number.items() if len(paths) == 1}


def number_of(path: PurePath) -> int | None:
    """Return the number that the name of a picture ends with, if there is one.

    >>> number_of(PurePath("SN001/frame_0012.jpg")), number_of(PurePath("face.jpg"))
    (12, None)
    """
    match = _LAST_NUMBER.search(path.stem)
    return None if match is None or len(match[1]) > _MOST_DIGITS else int(match[1])
