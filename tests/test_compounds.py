from __future__ import annotations

import pytest

from metafacs.compounds import (
    BASIC_EXPRESSIONS,
    COMPONENTS,
    COMPOUND_EXPRESSIONS,
    DOUBTFUL_LAB_ROWS,
    LAB_RATES,
    RAF_DB_COMPOUNDS,
    WILD_RATES,
    compound_of,
    observed_aus,
    observed_means,
    prototypical_aus,
    variant_aus,
)
from metafacs.facs import check_aus


def test_fourteen_and_eleven_in_the_order_of_their_codes() -> None:
    assert len(COMPOUND_EXPRESSIONS) == 14
    assert [COMPOUND_EXPRESSIONS[code] for code in (0, 8, 13)] == [
        *("happily surprised", "fearfully disgusted", "happily sad")
    ]
    assert len(RAF_DB_COMPOUNDS) == 11
    assert RAF_DB_COMPOUNDS[8 - 1] == "fearfully surprised"
    assert RAF_DB_COMPOUNDS[9 - 1] == "angrily surprised"
    missing = [name for name in COMPOUND_EXPRESSIONS if name not in RAF_DB_COMPOUNDS]
    assert missing == ["fearfully disgusted", "happily fearful", "happily sad"]
    assert [name for name in COMPOUND_EXPRESSIONS if name in RAF_DB_COMPOUNDS] == list(RAF_DB_COMPOUNDS)


def test_components_and_back() -> None:
    for name, (first, second) in COMPONENTS.items():
        assert compound_of(first, second) == compound_of(second, first) == name
        # The names say it themselves: happily <- happiness, disgustedly <- disgust.
        assert name[:3] == first[:3]
    pairs = {frozenset((a, b)) for a in BASIC_EXPRESSIONS for b in BASIC_EXPRESSIONS if a != b}
    without = [pair for pair in pairs if compound_of(*pair) is None]
    assert without == [frozenset(("happiness", "anger"))]


@pytest.mark.parametrize(
    ("pair", "message"), [(("neutral", "fear"), "no basic"), (("fear", "fear"), "twice")]
)
def test_impossible_pairs_are_refused(pair: tuple[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compound_of(*pair)


def test_rates_are_of_known_aus_and_none_is_below_a_fifth() -> None:
    for table in (WILD_RATES, LAB_RATES):
        assert tuple(table) == COMPOUND_EXPRESSIONS
        for row in table.values():
            check_aus(row)
            assert list(row) == sorted(row)
            assert all(0.2 <= rate <= 1 for rate in row.values())


def test_wild_table_gives_the_numbers_of_the_text() -> None:
    """Observation 1 and 3 of section 3.2: 0.73, 2.12 and 2.85 AUs, 13 different ones."""
    means = observed_means(WILD_RATES)
    assert means.prototypical == pytest.approx(0.731, abs=5e-4)
    assert means.variant == pytest.approx(2.123, abs=5e-4)
    assert means.total == pytest.approx(2.854, abs=5e-4)
    assert len(means.aus) == 13
    assert sum(WILD_RATES["fearfully angry"].values()) == pytest.approx(5.54)
    assert {au: name for name, row in WILD_RATES.items() for au in row if au == 17} == {17: "sadly disgusted"}
    nose = {name: row[9] for name, row in WILD_RATES.items() if 9 in row}
    assert nose == {
        **{"happily disgusted": 0.24, "sadly angry": 0.29},
        **{"fearfully angry": 0.56, "angrily disgusted": 0.33},
    }


def test_laboratory_table_holds_what_the_text_says_of_it() -> None:
    with_smile = {name for name, row in LAB_RATES.items() if 12 in row}
    assert with_smile == {name for name, parts in COMPONENTS.items() if "happiness" in parts}
    assert not {16, 27} & set(observed_aus(LAB_RATES.values()))
    assert sum(11 in row for row in LAB_RATES.values()) == 4
    # The text leaves AU11 out of the laboratory's 15 classes and of the 3.9 of fearfully angry.
    assert len(set(observed_aus(LAB_RATES.values())) - {11}) == 15
    assert sum(rate for au, rate in LAB_RATES["fearfully angry"].items() if au != 11) == pytest.approx(3.9)
    # Text: 3.30 and 1.35; the doubtful row keeps the printed table from giving these.
    counted = {name: {au: rate for au, rate in row.items() if au != 11} for name, row in LAB_RATES.items()}
    means = observed_means(counted)
    assert (means.prototypical, means.variant) == pytest.approx((3.341, 1.379), abs=5e-4)
    assert [LAB_RATES[name] for name in DOUBTFUL_LAB_ROWS] == [LAB_RATES["happily surprised"]]


def test_limits_belong_to_the_upper_side() -> None:
    rates = {1: 0.7, 2: 0.699, 4: 0.2, 5: 0.199, 6: float("nan")}
    assert prototypical_aus(rates) == (1,)
    assert variant_aus(rates) == (2, 4)
    assert observed_aus([rates, {25: 1.0}]) == (1, 2, 4, 25)


def test_means_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="one expression or more"):
        observed_means({})
