"""A sheet of small pictures in named rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from metafacs.reports.style import INK, MUTED
from metafacs.texts import shown

_LEFT, _HEAD, _GAP, _PAD = 176, 52, 4, 16


class SheetRow(NamedTuple):
    """One row of a sheet.

    Attributes:
        name: In bold to the left.
        note: Small, below the name.
        pictures: From left to right, ``height x width`` or ``height x width x 3`` bytes.
    """

    name: str
    note: str
    pictures: Sequence[NDArray[np.uint8]]


def draw_sheet(title: str, rows: Sequence[SheetRow], *, columns: int, side: int) -> Image.Image:
    """Return the sheet, every picture resized to ``side`` x ``side`` pixels."""
    width = _LEFT + columns * (side + _GAP) + _PAD
    sheet = Image.new("RGB", (width, _HEAD + len(rows) * (side + _GAP) + _PAD), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((_PAD, _HEAD / 2), shown(title), INK, _font(17, bold=True), anchor="lm")
    for position, row in enumerate(rows):
        top = _HEAD + position * (side + _GAP)
        draw.text((_PAD, top + side / 2 - 9), shown(row.name), INK, _font(13, bold=True), anchor="lm")
        draw.text((_PAD, top + side / 2 + 9), shown(row.note), MUTED, _font(11), anchor="lm")
        for column, picture in enumerate(row.pictures):
            small = Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(small, (_LEFT + column * (side + _GAP), top))
    return sheet


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib on every system."""
    from matplotlib import get_data_path

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / name), size)
