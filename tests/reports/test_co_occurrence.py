from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from PIL import Image

from metafacs.analysis.co_occurrence import CoOccurrence
from metafacs.compounds import COMPOUND_EXPRESSIONS, LAB_RATES, WILD_RATES, observed_aus
from metafacs.reports.co_occurrence import co_occurrence_map, co_occurrence_table, pattern_table
from metafacs.reports.style import encoded

AUS = observed_aus([*WILD_RATES.values(), *LAB_RATES.values()])


def found_in(
    rates: dict[str, dict[int, float]], *, synthetic: bool = False, unknown: tuple[int, ...] = ()
) -> CoOccurrence:
    present = np.array(
        [[round(100 * rates[name].get(au, 0)) for au in AUS] for name in rates], dtype=np.int64
    )
    known = np.full_like(present, 100)
    known[:, [AUS.index(au) for au in unknown]] = 0
    return CoOccurrence(
        "raf_ce", synthetic, AUS, tuple(rates), present, known, np.full(len(rates), 100, dtype=np.int64)
    )


def boxes(axes: Axes) -> dict[tuple[int, int], str]:
    """(row, AU) that only this source observes -> colour of its box."""
    found = {}
    for patch in axes.patches:
        assert isinstance(patch, Rectangle)
        found[round(patch.get_y() + 0.43), AUS[round(patch.get_x() + 0.45)]] = to_hex(patch.get_edgecolor())
    return found


def test_table_prints_the_paper() -> None:
    table = co_occurrence_table(found_in(WILD_RATES))
    assert len(table.rows) == 28
    heads = [column.head for column in table.columns]
    wild, lab = table.rows[:2]
    assert (wild[:3], lab[:3]) == (
        ("happily surprised", "RAF-CE", "100"),
        ("happily surprised", "lab", ""),
    )
    assert (wild[heads.index("AU27")], lab[heads.index("AU27")]) == ("29", "")
    assert (wild[heads.index("AU1")], lab[heads.index("AU1")]) == ("40", "95")
    assert table.rows[-1][1] == "lab ?"
    assert "0.73 prototypical and 2.12 variant, 2.85 in all; 13 different AUs" in table.note
    assert "Table 1" in table.note
    alone = co_occurrence_table(found_in({"surprise": {1: 0.9}}))
    assert len(alone.rows) == 1
    assert "AU20" not in [column.head for column in alone.columns]


def test_everything_from_a_twin_says_synthetic() -> None:
    found = found_in(WILD_RATES, synthetic=True)
    for table in (co_occurrence_table(found), pattern_table(found)):
        assert "synthetic" in table.title
        assert "synthetic" in table.to_csv()
    assert "synthetic" in co_occurrence_map(found).axes[0].get_title(loc="left")
    assert "synthetic" not in pattern_table(found_in(WILD_RATES)).to_markdown()


def test_pattern_table_lists_aus_by_number() -> None:
    rows = {row[0]: row for row in pattern_table(found_in(WILD_RATES, unknown=(11,))).rows}
    assert rows["fearfully angry"] == (
        *("fearfully angry", "100", "10 25 27", "2 4 5 6 9 12 16", "2 6 9 12 16 27", "7 20", "11"),
    )
    only = pattern_table(found_in({"surprise": {1: 0.9}})).rows[0]
    assert only[4:] == ("none", "no sound row", "none")


def test_map_marks_what_only_one_source_observes(tmp_path: Path) -> None:
    figure = co_occurrence_map(found_in(WILD_RATES, unknown=(11,)))
    wild, lab = figure.axes
    row = COMPOUND_EXPRESSIONS.index("fearfully angry")
    ours, theirs = boxes(wild), boxes(lab)
    assert {*ours.values(), *theirs.values()} == {"#c92a3f"}
    assert [au for au in AUS if (row, au) in ours] == [2, 6, 9, 12, 16, 27]
    # AU11 is not labelled here, so the laboratory's is not said to be its alone.
    assert [au for au in AUS if (row, au) in theirs] == [7, 20]
    doubtful = COMPOUND_EXPRESSIONS.index("happily sad")
    assert not [place for place in (*ours, *theirs) if place[0] == doubtful]
    numbers = [text.get_text() for text in wild.texts]
    assert numbers.count("?") == 14
    assert len(numbers) == 14 + sum(map(len, WILD_RATES.values()))
    assert lab.get_yticklabels()[-1].get_text() == "happily sad ?"
    bold = [text.get_text() for text in wild.texts if text.get_fontweight() == "bold"]
    assert sorted(map(int, bold)) == sorted(
        round(100 * rate) for rates in WILD_RATES.values() for rate in rates.values() if rate >= 0.7
    )
    (tmp_path / "map.png").write_bytes(encoded(figure))
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.width > 1000


def test_map_of_expressions_the_laboratory_lacks_has_one_panel() -> None:
    assert len(co_occurrence_map(found_in({"surprise": {1: 0.9}})).axes) == 1
    with pytest.raises(ValueError, match="no action unit of raf_ce reaches 20%"):
        co_occurrence_map(found_in({"surprise": {1: 0.1}}))
