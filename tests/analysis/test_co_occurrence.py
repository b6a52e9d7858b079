from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import write_store
from metafacs.analysis.co_occurrence import (
    CoOccurrence,
    Reference,
    co_occurrence,
    count_co_occurrence,
    expression_patterns,
)
from metafacs.compounds import COMPOUND_EXPRESSIONS, WILD_RATES, observed_aus
from metafacs.data.datasets.reading import Reading, Sample
from metafacs.data.store import Store

LABELS = st.sampled_from([0.0, 1.0, float("nan")])


def reading_of_the_wild_table() -> Reading:
    """A hundred pictures of each expression that show every AU as often as Table 1 prints."""
    aus = observed_aus(WILD_RATES.values())
    samples = [
        Sample(
            f"{label}-{number}",
            Path("x.jpg"),
            action_units={au: float(number < round(100 * WILD_RATES[name].get(au, 0))) for au in aus},
            expression=label,
        )
        for label, name in enumerate(COMPOUND_EXPRESSIONS)
        for number in range(100)
    ]
    return Reading("raf_ce", Path("raf_ce"), aus, COMPOUND_EXPRESSIONS, samples)


def test_table_of_the_paper_comes_back() -> None:
    found = co_occurrence(reading_of_the_wild_table())
    assert set(found.pictures.tolist()) == {100}
    for name, row in found.rates.items():
        assert {au: rate for au, rate in row.items() if rate} == pytest.approx(WILD_RATES[name])
    means = found.means
    assert (round(means.prototypical, 2), round(means.variant, 2)) == (0.73, 2.12)
    assert (round(means.total, 2), len(means.aus)) == (2.85, 13)


def test_patterns_beside_the_laboratory() -> None:
    patterns = {p.expression: p for p in expression_patterns(co_occurrence(reading_of_the_wild_table()))}
    angry = patterns["fearfully angry"]
    assert angry.prototypical == (10, 25, 27)
    assert angry.variant == (2, 4, 5, 6, 9, 12, 16)
    assert angry.only_here == (2, 6, 9, 12, 16, 27)
    # AU7, AU11 and AU20 are not labelled in this reading, so their absence is not claimed.
    assert angry.only_reference == ()
    assert angry.unlabelled == (7, 11, 20)
    assert patterns["angrily disgusted"].only_reference == (17,)
    # Its row is printed with another's numbers: nothing is concluded from it.
    assert (patterns["happily sad"].only_here, patterns["happily sad"].only_reference) == ((), None)


def test_unknown_labels_count_neither_way() -> None:
    nan = float("nan")
    found = count_co_occurrence(
        np.array([[1.0, nan], [0.0, nan], [nan, nan], [1.0, 1.0], [1.0, 0.0]]),
        np.array([0, 0, 0, 1, -1]),
        aus=(1, 4),
        expressions=("a", "b", "c"),
        dataset="x",
        synthetic=False,
    )
    assert found.rates == {"a": {1: 0.5}, "b": {1: 1.0, 4: 1.0}}
    assert found.pictures.tolist() == [2, 1, 0]
    reference = Reference("other", "somewhere", {"a": {1: 0.9, 4: 0.8}})
    first, second = expression_patterns(found, reference)
    assert (first.only_here, first.only_reference, first.unlabelled) == ((), (), (4,))
    assert (second.only_here, second.only_reference) == ((), None)


def test_store_and_reading_agree(tmp_path: Path) -> None:
    reading = reading_of_the_wild_table()
    rows = [
        {
            "key": sample.key,
            "image": b"",
            "action_units": [sample.action_units[au] for au in reading.aus],
            "expression": sample.expression,
        }
        for sample in reading.samples
    ]
    about = {"dataset": "raf_ce", "aus": reading.aus, "expressions": reading.expressions, "size": 8}
    from_store = co_occurrence(write_store(tmp_path / "store", rows, **about))
    assert from_store.synthetic
    assert from_store.rates == co_occurrence(reading).rates


def test_store_without_expressions_is_refused(au_store: Store) -> None:
    with pytest.raises(ValueError, match="both an expression and action units"):
        co_occurrence(au_store)


def test_wrong_shapes_and_codes_are_refused() -> None:
    words = {"aus": (1,), "expressions": ("a",), "dataset": "x", "synthetic": False}
    with pytest.raises(ValueError, match="have the shape"):
        count_co_occurrence(np.zeros((2, 2)), np.zeros(2, dtype=int), **words)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"outside -1\.\.0"):
        count_co_occurrence(np.zeros((1, 1)), np.array([1]), **words)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no picture of raf_db"):
        co_occurrence(Reading("raf_db", Path("x"), (), ("a",), [Sample("1", Path("x.jpg"), expression=0)]))
    with pytest.raises(ValueError, match="no picture of bp4d"):
        co_occurrence(Reading("bp4d", Path("x")))


@given(rows=st.lists(st.tuples(LABELS, LABELS, st.integers(-1, 2)), min_size=1, max_size=40))
def test_counts_are_those_of_a_plain_loop(rows: list[tuple[float, float, int]]) -> None:
    rows = [*rows, (1.0, 0.0, 0)]
    found: CoOccurrence = count_co_occurrence(
        np.array([row[:2] for row in rows]),
        np.array([row[2] for row in rows]),
        aus=(6, 12),
        expressions=("a", "b", "c"),
        dataset="x",
        synthetic=True,
    )
    for label, name in enumerate("abc"):
        for column, au in enumerate((6, 12)):
            values = [row[column] for row in rows if row[2] == label and row[column] == row[column]]
            expected = sum(values) / len(values) if values else None
            assert found.rates.get(name, {}).get(au) == expected
