"""Pictures for the page: what the browser cannot show itself, single frames, faces of people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metafacs.app.analysing import JOURNAL
from metafacs.data.videos import Video
from metafacs.faces.pictures import read_picture
from metafacs.files import written_whole
from metafacs.inference.journal import read_journal
from metafacs.inference.panels import area
from metafacs.inference.result import FaceResult

_QUALITY = 88
_PORTRAIT = 160
"""Side of the picture of a person in pixels."""

_AROUND = 0.35
"""Share of a face's size that is shown around it."""


def write_preview(path: Path, kind: str, width: int, out: Path) -> dict[str, Any]:
    """Write a picture upright, or the first frame of a video, as JPEG; return its full size.

    Raises:
        ValueError: If it cannot be read.
    """
    image = read_picture(path) if kind == "picture" else _frame(path, 0)
    _save(image, width, out)
    return {"width": image.shape[1], "height": image.shape[0]}


def write_frame(path: Path, number: int, width: int, out: Path) -> dict[str, Any]:
    """Write one frame of a video as JPEG; return nothing.

    Raises:
        ValueError: If there is no such frame, or it cannot be decoded.
    """
    _save(_frame(path, number), width, out)
    return {}


def write_portrait(path: Path, kind: str, folder: Path, person: int, out: Path) -> dict[str, Any]:
    """Write the face of a person, where it is largest and surest, as JPEG; return nothing.

    Args:
        path: The picture or video.
        kind: Which of them.
        folder: Of the analysis.
        person: Whose face.
        out: The file to write.

    Raises:
        ValueError: If the person is not seen.
    """
    best: FaceResult | None = None
    for frame in read_journal(folder / JOURNAL)[1]:
        for face in frame.faces:
            if face.success and face.face_id == person and (best is None or _worth(face) > _worth(best)):
                best = face
    if best is None:
        raise ValueError(f"person {person} has not been seen")
    image = read_picture(path) if kind == "picture" else _frame(path, best.frame)
    assert best.box is not None
    left, top, right, bottom = best.box
    reach = max(right - left, bottom - top) * (0.5 + _AROUND)
    across, down = (left + right) / 2, (top + bottom) / 2
    box = (round(across - reach), round(down - reach), round(across + reach), round(down + reach))
    with written_whole(out, durable=False) as temporary:
        portrait = Image.fromarray(image).crop(box)  # what lies outside is black
        portrait.resize((_PORTRAIT, _PORTRAIT), Image.Resampling.LANCZOS).save(
            temporary, "JPEG", quality=_QUALITY
        )
    return {}


def _worth(face: FaceResult) -> float:
    """Return how well a face shows who it is: large, sure and turned to the camera."""
    turned = 0.0 if face.pose is None else abs(face.pose[0]) + abs(face.pose[1])
    return face.score * area(face) ** 0.5 / (1 + 2 * turned)


def _frame(path: Path, number: int) -> NDArray[np.uint8]:
    (frame,) = Video(path).at([number])
    if frame.image is None:
        raise ValueError(f"frame {number} cannot be decoded ({frame.problem})")
    return frame.image


def _save(image: NDArray[np.uint8], width: int, out: Path) -> None:
    picture = Image.fromarray(image)
    if picture.width > width:
        size = width, max(1, round(picture.height * width / picture.width))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    with written_whole(out, durable=False) as temporary:
        picture.save(temporary, "JPEG", quality=_QUALITY)
