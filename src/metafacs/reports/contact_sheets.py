"""Contact sheet of a prepared store: for every label the crops that carry it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metafacs.data.inspection import inspect_store, spread_rows
from metafacs.data.store import Store
from metafacs.facs import au_name
from metafacs.reports.picture_sheet import SheetRow, draw_sheet


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
    synthetic = ", synthetic faces" if store.synthetic else ""
    title = f"{store.dataset}{synthetic}: {len(store)} pictures"
    pictured = [
        SheetRow(name, note, [store.image(row) for row in spread_rows(store.subjects, found, columns)])
        for name, note, found in rows
    ]
    return draw_sheet(title, pictured, columns=columns, side=side)


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
