from __future__ import annotations

import numpy as np

from metafacs.analysis.person_rates import PersonRates
from metafacs.reports.person_rates import person_rates_map, person_rates_table

FOUND = PersonRates(
    "bp4d",
    synthetic=True,
    aus=(1, 12),
    people=("F001", "M002"),
    present=np.array([[1, 4], [2, 0]]),
    known=np.array([[4, 8], [6, 0]]),
    pictures=np.array([9, 6]),
)


def test_table_has_a_row_per_person_and_one_for_everybody() -> None:
    table = person_rates_table(FOUND)
    assert table.rows == (
        ("F001", "9", "25", "50"),
        ("M002", "6", "33", ""),
        ("Everybody", "15", "30", "50"),
    )
    assert "synthetic" in table.title


def test_map_shades_every_share_and_marks_unknown_cells() -> None:
    axes = person_rates_map(FOUND).axes[0]
    (image,) = axes.images
    drawn = image.get_array()
    np.testing.assert_allclose(drawn.compressed(), [0.25, 0.5, 1 / 3])
    assert drawn.mask.tolist() == [[False, False], [False, True]]
    assert [(text.get_text(), text.get_position()) for text in axes.texts] == [("?", (1, 1))]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["AU1", "AU12"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["F001", "M002"]
