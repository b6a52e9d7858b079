from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.store import Store
from metafacs.reports.contact_sheets import draw_contact_sheet


def test_one_row_per_label(au_store: Store, expression_store: Store) -> None:
    side, gap = 40, 4
    with_aus = draw_contact_sheet(au_store, columns=6, side=side)
    with_classes = draw_contact_sheet(expression_store, columns=6, side=side)
    # Three AUs and the faces without any against seven classes.
    assert with_classes.height - with_aus.height == 3 * (side + gap)
    assert with_aus.width == with_classes.width


def test_the_crops_of_a_row_carry_its_label(au_store: Store) -> None:
    """The test's pictures brighten one band per AU that is present."""
    side = 48
    sheet = np.asarray(draw_contact_sheet(au_store, columns=4, side=side)).astype(float).mean(axis=2)
    left = sheet.shape[1] - 16 - 4 * (side + 4)
    for row, band in ((1, 0), (2, 1), (3, 2)):
        top = 52 + row * (side + 4)
        for column in range(4):
            x = left + column * (side + 4)
            crop = sheet[top : top + side, x : x + side]
            assert crop[band * 16 + 2 : band * 16 + 14, 2:-2].mean() > 135


def test_nonsense_is_refused(au_store: Store) -> None:
    with pytest.raises(ValueError, match="1 column and 16 pixels"):
        draw_contact_sheet(au_store, columns=0)
