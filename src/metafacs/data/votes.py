"""How annotators voted on the expressions of pictures, from a table beside a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from metafacs.data.datasets.reading import DatasetError, finite_numbers, numbered_rows
from metafacs.data.store import Store

PICTURE = "picture"
"""Head of the column with the pictures' names; the others are named as the store's expressions."""


def read_votes(path: Path | str, store: Store) -> np.ndarray:
    """Read a table of votes and match it with the pictures of a store.

    Layout: CSV with a header ``picture,surprise,fear,...``: the store's expressions in any order, each once.
    A line gives a picture, by its key in the store or the name of a file with any ending, and how many
    annotators chose each expression: counts or shares.

    Args:
        path: The table.
        store: Prepared store with expression labels.

    Returns:
        ``row x expression``, shares that sum to 1; NaN where the table lacks the picture.

    Raises:
        DatasetError: If the header or a line is another one, a picture comes twice, or none is in the store.
    """
    rows = numbered_rows(Path(path))
    place, header = next(rows, (1, [""]))
    if header[0] != PICTURE or sorted(header[1:]) != sorted(store.expressions):
        expected = ",".join((PICTURE, *store.expressions))
        raise DatasetError(f"{path}, line {place}: the header is not '{expected}', in any order")
    columns = [store.expressions.index(name) for name in header[1:]]
    known = {str(key): row for row, key in enumerate(store.keys)}
    shares = np.full((len(store), len(store.expressions)), np.nan)
    named: set[str] = set()
    for number, (picture, *cells) in rows:
        counts = finite_numbers(" ".join(cells)) if len(cells) == len(columns) else None
        if counts is None or len(counts) != len(columns) or counts.min() < 0 or not counts.sum():
            raise DatasetError(
                f"{path}, line {number}: not a picture and {len(columns)} numbers of votes, some above 0"
            )
        key = picture if picture in known else picture.rpartition(".")[0]
        if key in named:
            raise DatasetError(f"{path}, line {number}: picture {picture} comes a second time")
        if key in known:
            named.add(key)
            shares[known[key], columns] = counts / counts.sum()
    if not named:
        raise DatasetError(
            f"{path}: none of its pictures is in {store.path}, whose first is {store.keys[0]}; give the "
            "votes on that store's pictures"
        )
    return shares
