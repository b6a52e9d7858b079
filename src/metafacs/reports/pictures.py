"""Pictures for the page: embedded as data, arranged as grids, and ranked by learned weight."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from metafacs.faces.pictures import read_picture

_LARGEST_SIDE = 1400


@dataclass(frozen=True)
class Picture:
    """A picture on the page.

    Attributes:
        source: ``data:`` address, from :func:`embedded`.
        alt: What the picture shows, for those who cannot see it.
        width: Pixels.
        height: Pixels.
        corner: Short text printed in the top left corner, e.g. a weight.
        caption: Text below; empty for none.
    """

    source: str
    alt: str
    width: int
    height: int
    corner: str = ""
    caption: str = ""


@dataclass(frozen=True)
class PictureRow:
    """Pictures under one heading, e.g. the expression pictures of one class in order of weight.

    Attributes:
        heading: What the row is.
        pictures: From left to right.
        gap: Index of the first picture after a gap, where the middle was left out; 0 for none.
    """

    heading: str
    pictures: tuple[Picture, ...]
    gap: int = 0


def embedded(
    picture: Image.Image | np.ndarray | Path, *, alt: str, corner: str = "", caption: str = "", side: int = 0
) -> Picture:
    """Return a picture as data that a page can hold.

    Args:
        picture: A Pillow image, ``height x width x 3`` bytes, or a file. Metadata is not kept.
        alt: What it shows.
        corner: Text for the top left corner.
        caption: Text below.
        side: Longest side in pixels; 0 keeps the size, but never more than 1400.

    Raises:
        PictureError: If the file cannot be read.
        ValueError: If an array is not 8-bit RGB or grey.
    """
    if isinstance(picture, Path):
        image = Image.fromarray(read_picture(picture))
    elif isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
            raise ValueError(
                f"a picture is height x width x 3 of type uint8, not {picture.shape} {picture.dtype}"
            )
        image = Image.fromarray(picture).convert("RGB")
    else:
        image = picture.convert("RGB")
    limit = min(side or _LARGEST_SIDE, _LARGEST_SIDE)
    if max(image.size) > limit:
        image = image.copy()
        image.thumbnail((limit, limit), Image.Resampling.LANCZOS)
    bytes_ = io.BytesIO()
    image.save(bytes_, "JPEG", quality=90, optimize=True, subsampling=0)
    source = "data:image/jpeg;base64," + base64.b64encode(bytes_.getvalue()).decode("ascii")
    return Picture(source, alt, image.width, image.height, corner, caption)


def weight_extremes(
    weights: np.ndarray, labels: np.ndarray, classes: int, *, per_side: int = 5
) -> list[np.ndarray]:
    """Choose the lowest- and highest-weighted pictures of each class, in ascending order of weight.

    Args:
        weights: ``picture``, learned weights.
        labels: ``picture``, class index; -1 unknown, left out.
        classes: Number of classes.
        per_side: Pictures from each end; a class with fewer than twice as many gives all it has.

    Returns:
        For each class the rows chosen.
    """
    chosen = []
    for label in range(classes):
        rows = np.flatnonzero(labels == label)
        rows = rows[np.argsort(weights[rows], kind="stable")]
        chosen.append(rows if len(rows) <= 2 * per_side else np.r_[rows[:per_side], rows[-per_side:]])
    return chosen


def weight_rows(
    pictures: Sequence[Image.Image | np.ndarray],
    weights: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    *,
    consistency: np.ndarray | None = None,
    per_side: int = 5,
    side: int = 128,
) -> list[PictureRow]:
    """Return one row per class with its lowest- and highest-weighted pictures, as Figs. 5 and 6 of Li & Shan.

    Args:
        pictures: All pictures, addressed by index; only the chosen ones are read.
        weights: ``picture``, learned weights.
        labels: ``picture``, class index.
        class_names: Name of each class.
        consistency: ``picture``, share of votes for the label; printed after the weight where it is known.
        per_side: Pictures from each end.
        side: Longest side on the page in pixels.
    """
    rows = []
    for label, chosen in enumerate(weight_extremes(weights, labels, len(class_names), per_side=per_side)):
        name = class_names[label]
        row = []
        for place, index in enumerate(chosen.tolist()):
            end = "low" if place < len(chosen) / 2 else "high"
            corner = f"{weights[index]:.3f}"
            alt = f"Picture labelled {name} with {end} learned weight {corner}"
            if consistency is not None and not np.isnan(consistency[index]):
                corner += f" / {consistency[index]:.2f}"
                alt += f" and vote consistency {consistency[index]:.2f}"
            row.append(embedded(pictures[index], alt=alt, corner=corner, side=side))
        if row:
            rows.append(PictureRow(name, tuple(row), gap=per_side if len(row) == 2 * per_side else 0))
    return rows
