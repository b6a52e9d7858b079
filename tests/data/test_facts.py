from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.datasets import READERS
from metafacs.data.facts import BP4D, DISFA, FACTS, GFT, dataset_title, facts_of
from metafacs.data.twins import TWINS
from metafacs.facs import check_aus


def test_every_set_with_a_reader_or_a_twin_of_its_own_is_listed() -> None:
    # Two readers take the pictures of any set.
    assert set(FACTS) == (set(READERS) | set(TWINS)) - {"list_files", "pictures"}
    assert all(facts.name == name for name, facts in FACTS.items())
    assert len({facts.title for facts in FACTS.values()}) == len(FACTS)


def test_evaluated_aus_are_those_of_the_field() -> None:
    assert {
        name: len(check_aus(facts.evaluated_aus)) for name, facts in FACTS.items() if facts.evaluated_aus
    } == {
        "bp4d": 12,
        "disfa": 8,
        "gft": 10,
    }
    # MAL transfers from BP4D to DISFA: five AUs are evaluated on both.
    assert set(BP4D.evaluated_aus) & set(DISFA.evaluated_aus) == {1, 2, 4, 6, 12}
    assert set(GFT.evaluated_aus) < set(BP4D.evaluated_aus)


def test_published_parts_hold_everybody_once() -> None:
    bp4d = [person for part in BP4D.published_parts for person in part]
    assert sorted(bp4d) == [f"F{i:03d}" for i in range(1, 24)] + [f"M{i:03d}" for i in range(1, 19)]
    assert [len(part) for part in BP4D.published_parts] == [14, 14, 13]
    disfa = [person for part in DISFA.published_parts for person in part]
    assert sorted(disfa) == [f"SN{i:03d}" for i in range(1, 33) if i not in (14, 15, 19, 20, 22)]
    assert [len(part) for part in DISFA.published_parts] == [9, 9, 9]
    assert [name for name, facts in FACTS.items() if facts.published_parts] == ["bp4d", "disfa"]


def test_adld_validates_on_people_of_the_last_part() -> None:
    assert set(BP4D.adld_validation) < set(BP4D.published_parts[-1])
    assert [name for name, facts in FACTS.items() if facts.adld_validation] == ["bp4d"]


def test_rates_are_of_known_aus_and_cover_the_evaluated_ones() -> None:
    for facts in FACTS.values():
        for table in facts.rates:
            assert check_aus(table.rates)
            assert all(0 < rate < 1 for rate in table.rates.values())
    assert all(BP4D.printed_rate(au) for au in BP4D.evaluated_aus)
    assert all(DISFA.printed_rate(au) for au in DISFA.evaluated_aus)


def test_rates_of_bp4d_give_the_published_weights() -> None:
    """ME-GraphAU's weights of its first fold go with one over the rate of the same training people."""
    weights = {1: 1.342985, 2: 1.689665, 4: 1.248091, 6: 0.561356, 12: 0.457287, 17: 0.722762}
    _, training = BP4D.rates
    products = np.array([weight * training.rates[au] for au, weight in weights.items()])
    assert products == pytest.approx(products.mean(), rel=0.002)


def test_the_first_table_wins_and_the_next_fills_up() -> None:
    first, second = (table.printed_in for table in BP4D.rates)
    assert BP4D.printed_rate(1) == (0.21, first)
    assert BP4D.printed_rate(9) == (0.057, second)
    assert BP4D.printed_rate(25) is None
    assert facts_of("emotionet").printed_rate(1) is None


def test_a_set_of_ones_own_has_a_title_and_nothing_else() -> None:
    own = facts_of("my_faces")
    assert (own.name, own.title) == ("my_faces", "MY-FACES")
    assert (own.evaluated_aus, own.published_parts, own.rates) == ((), (), ())


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("bp4d", "BP4D"),
        ("raf_ce", "RAF-CE"),
        ("emotionet", "EmotioNet"),
        ("raf_db_compound", "RAF-DB compound"),
    ],
)
def test_titles(name: str, title: str) -> None:
    assert dataset_title(name) == title
