"""Rows that a table itself calls failed: what stands in them is no observation, whatever it looks like.

Facts of the formats. Where OpenFace finds no face it writes ``success`` 0, ``confidence`` 0 and zeros for all
action units. py-feat 2 writes ``FaceScore`` 0 for a frame without a face, earlier versions nothing; some of
them fill the other columns all the same. metafacs writes ``success`` 0 and leaves the rest empty; a column
``problem`` says why a frame could not be looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metafacs.data.codings.coding import ReadingRules
from metafacs.data.codings.raw_tables import RawTable

FAILURE_COLUMNS = frozenset({"success", "confidence", "facescore", "problem"})
"""Columns, in lower case, that tell whether a row holds something."""


def usable_rows(raw: RawTable, rules: ReadingRules, notes: list[str]) -> NDArray[np.bool_]:
    """Return which rows hold something, ``row``; sentences on the others are added to the notes.

    A row counts unless ``success`` is 0 or missing, a confidence is 0, or missing where no ``success`` stands
    for it, a ``problem`` is named, or the confidence is below the least that is asked for.

    Args:
        raw: The table.
        rules: From which confidence on a row counts.
        notes: Sentences so far.

    Raises:
        CodingError: If one of these columns holds something impossible.
    """
    names = {name.lower(): name for name in reversed(raw.names)}
    usable = np.ones(raw.rows, dtype=bool)
    succeeded = np.zeros(raw.rows, dtype=bool)
    if "success" in names:
        success = raw.numbers(names["success"], what="success")
        wrong = np.flatnonzero(~np.isnan(success) & ~np.isin(success, (0, 1)))
        if len(wrong):
            raise raw.error(int(wrong[0]), f"success is {success[wrong[0]]:g}, neither 0 nor 1")
        usable = succeeded = success == 1
    least = {}
    for column in ("confidence", "facescore"):
        if column in names:
            least[column] = raw.numbers(names[column], what=names[column])
            usable = usable & (least[column] != 0) & (succeeded | ~np.isnan(least[column]))
    if failed := int((~usable).sum()):
        notes.append(f"{failed} rows say that no face was found: unknown")
    if "problem" in names:
        broken = np.array([bool(text) for text in raw.texts(names["problem"])], dtype=bool)
        if count := int((usable & broken).sum()):
            notes.append(f"{count} rows name a problem: unknown")
        usable = usable & ~broken
    if rules.least_confidence and least:
        low = usable & ~(next(iter(least.values())) >= rules.least_confidence)
        if low.any():
            notes.append(f"{int(low.sum())} rows have a confidence below {rules.least_confidence:g}: unknown")
        usable = usable & ~low
    return usable
