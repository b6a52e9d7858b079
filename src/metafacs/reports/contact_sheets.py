"""Contact sheet of a prepared store: for every label the crops that carry it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from metafacs.data.inspection import inspect_store, spread_rows
from metafacs.data.store import Store
from metafacs.facs import au_name
from metafacs.reports.style import INK, MUTED

_LEFT, _HEAD, _GAP, _PAD = 176, 52, 4, 16


def draw_contact_sheet(store: Store, *, columns: int = 10, side: int = 96) -> Image.Image:
    """Return a sheet with one row of crops per label, so that labels can be checked by eye.

    The rows are the faces without any AU, every AU that occurs, and every expression class; each row shows
    as many people as it can. A store without labels gives one row of its faces.

    Args:
        store: The prepared data set.
        columns: Crops per row.
        side: Side of one crop on the sheet in pixels.

    Raises:
        ValueError: If there is no column, or the crops would be smaller than 16 pixels.
    """
    if columns < 1 or side < 16:
        raise ValueError(f"a sheet takes 1 column and 16 pixels or more, not {columns} and {side}")
    rows = _rows(store)
    width = _LEFT + columns * (side + _GAP) + _PAD
    sheet = Image.new("RGB", (width, _HEAD + len(rows) * (side + _GAP) + _PAD), "white")
    draw = ImageDraw.Draw(sheet)
    synthetic = ", synthetic faces" if store.synthetic else ""
    title = f"{store.dataset}{synthetic}: {len(store)} pictures"
    draw.text((_PAD, _HEAD / 2), title, INK, _font(17, bold=True), anchor="lm")
    for position, (name, note, found) in enumerate(rows):
        top = _HEAD + position * (side + _GAP)
        draw.text((_PAD, top + side / 2 - 9), name, INK, _font(13, bold=True), anchor="lm")
        draw.text((_PAD, top + side / 2 + 9), note, MUTED, _font(11), anchor="lm")
        for column, row in enumerate(spread_rows(store.subjects, found, columns)):
            crop = Image.fromarray(store.image(row)).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(crop, (_LEFT + column * (side + _GAP), top))
    return sheet


def _rows(store: Store) -> list[tuple[str, str, NDArray[np.int64]]]:
    """Return (label, note below it, rows that carry it)."""
    inspection = inspect_store(store)
    labels = store.action_units
    rows = []
    if store.aus:
        none = np.flatnonzero((labels == 0).any(axis=1) & ~(labels == 1).any(axis=1))
        rows.append(("no AU", f"{len(none)} pictures", none))
    for column, counts in enumerate(inspection.action_units):
        name = f"AU{counts.au}, {100 * counts.rate:.1f} %"
        rows.append((name, au_name(counts.au), np.flatnonzero(labels[:, column] == 1)))
    for index, (name, count) in enumerate(inspection.expressions.items()):
        rows.append((name, f"{count} pictures", np.flatnonzero(store.expression == index)))
    rows = [row for row in rows if len(row[2])]
    return rows or [("no label", f"{len(store)} pictures", np.arange(len(store)))]


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib on every system."""
    from matplotlib import get_data_path

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / name), size)
