"""Any folder of pictures and videos, without labels: faces to adapt to."""

from __future__ import annotations

from pathlib import Path

from metafacs.data.datasets.folders import find_files
from metafacs.data.datasets.reading import DatasetError, Reading, Sample, find_twin, require_folder
from metafacs.data.videos import VIDEO_SUFFIXES, VideoError, count_frames
from metafacs.faces.pictures import SUFFIXES


def read_pictures(root: Path | str, *, every: int = 30) -> Reading:
    """Find the pictures and videos below a folder, in any depth.

    Pictures are not opened; of a video only the frames are counted. Links to folders are followed. Hidden
    files and files of other kinds are not read, and noted; see
    :func:`metafacs.data.datasets.folders.find_files`.

    Args:
        root: The folder.
        every: Of a video every so many-th frame is taken, beginning with the first; neighbouring frames
            look alike.

    Returns:
        The reading, without labels and people, in the order of the paths.

    Raises:
        DatasetError: If the folder is missing or holds neither a picture nor a video.
        ValueError: If ``every`` is less than 1.
    """
    if every < 1:
        raise ValueError(f"every {every}-th frame cannot be taken; give a number from 1")
    root = require_folder(Path(root), "pictures or videos")
    reading = Reading("pictures", root, twin=find_twin(root))
    for path in find_files(reading, root, (*SUFFIXES, *VIDEO_SUFFIXES), below=True, known=()):
        key, suffix = path.relative_to(root).as_posix(), path.suffix.lower()
        if suffix in SUFFIXES:
            reading.samples.append(Sample(key, path))
        else:
            try:
                frames = range(0, count_frames(path), every)
            except VideoError as error:
                reading.skip(path, None, f"unreadable video: {error}")
                continue
            reading.samples += [Sample(f"{key}/{frame}", path, frame=frame) for frame in frames]
    if not reading.samples:
        endings = ", ".join((*SUFFIXES, *VIDEO_SUFFIXES))
        passed = f"; {reading}" if reading.skipped else ""
        raise DatasetError(f"{root} holds no picture and no video that can be read ({endings}){passed}")
    return reading
