"""Where the frames of one recording are: in a video, or as a folder of numbered pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from metafacs.data.videos import VIDEO_SUFFIXES
from metafacs.faces.pictures import SUFFIXES

_LAST_NUMBER = re.compile(r"(\d+)$", re.ASCII)


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
            return self.video, frame
        picture = self.pictures.get(number)
        return None if picture is None else (picture, None)


def find_recorded_frames(
    video_folders: Iterable[Path], video_stem: str, picture_folders: Iterable[Path]
) -> RecordedFrames | None:
    """Return the first video of a name, else the first folder with numbered pictures, else None.

    Args:
        video_folders: Where to look for the video; folders may be missing.
        video_stem: The video's name without its ending; upper and lower case are the same.
        picture_folders: Where to look for extracted frames; folders may be missing.
    """
    for folder in video_folders:
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            if path.stem.lower() == video_stem.lower() and path.suffix.lower() in VIDEO_SUFFIXES:
                return RecordedFrames(video=path)
    for folder in picture_folders:
        pictures = numbered_pictures(folder)
        if pictures:
            return RecordedFrames(pictures=pictures)
    return None


def numbered_pictures(folder: Path) -> dict[int, Path]:
    """Return the pictures of a folder by the number their names end with; of two with one number the first.

    Args:
        folder: A folder such as ``SN002`` with ``0.jpg``; a missing one gives nothing.
    """
    pictures: dict[int, Path] = {}
    if not folder.is_dir():
        return pictures
    for path in sorted(folder.iterdir()):
        match = _LAST_NUMBER.search(path.stem)
        if match is not None and path.suffix.lower() in SUFFIXES:
            pictures.setdefault(int(match[1]), path)
    return pictures
