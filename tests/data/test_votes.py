from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.datasets.reading import DatasetError
from metafacs.data.store import Store
from metafacs.data.votes import read_votes

Write = Callable[[str, str], Path]


def test_counts_and_shares_in_any_order_of_columns(expression_store: Store, write_text: Write) -> None:
    names = list(reversed(expression_store.expressions))
    first, second = expression_store.keys[:2]
    counts = ",".join(str(10 * k) for k in range(len(names)))
    even = ",".join(f"{1 / len(names):.4f}" for _ in names)
    table = f"picture,{','.join(names)}\n{first}.jpg,{counts}\n{second},{even}\nof another set,{counts}\n"
    shares = read_votes(write_text("votes.csv", table), expression_store)
    assert shares.shape == (len(expression_store), len(names))
    expected = np.arange(len(names))[::-1] / np.arange(len(names)).sum()
    np.testing.assert_allclose(shares[0], expected)
    np.testing.assert_allclose(shares[1], 1 / len(names), atol=1e-4)
    assert np.isnan(shares[2:]).all()


@pytest.mark.parametrize(
    ("head", "lines", "told"),
    [
        ("image", "", "line 1: the header is not 'picture,"),
        ("picture", "{first},1,2", "line 2: not a picture and 7 numbers"),
        ("picture", "{first},0,0,0,0,0,0,0", "line 2: not a picture and 7 numbers of votes, some above 0"),
        ("picture", "{first},1,0,0,0,0,0,-1", "line 2: not a picture"),
        ("picture", "{first},1,0,0,0,0,0,many", "line 2: not a picture"),
        ("picture", "{first},1,0,0,0,0,0,0\n{first}.png,1,0,0,0,0,0,0", "line 3: .* a second time"),
        ("picture", "nobody,1,0,0,0,0,0,0", "none of its pictures is in"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    expression_store: Store, write_text: Write, head: str, lines: str, told: str
) -> None:
    header = ",".join((head, *expression_store.expressions))
    table = f"{header}\n{lines.format(first=expression_store.keys[0])}\n"
    with pytest.raises(DatasetError, match=told):
        read_votes(write_text("votes.csv", table), expression_store)
