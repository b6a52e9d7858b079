from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.datasets import READERS
from metafacs.data.published_rates import PUBLISHED_RATES, published_rate
from metafacs.facs import BP4D_AUS, DISFA_AUS, check_aus


def test_rates_are_of_known_sets_and_aus_and_cover_the_evaluated_ones() -> None:
    assert set(PUBLISHED_RATES) <= set(READERS)
    for tables in PUBLISHED_RATES.values():
        for table in tables:
            assert check_aus(table.rates)
            assert all(0 < rate < 1 for rate in table.rates.values())
    assert all(published_rate("bp4d", au) for au in BP4D_AUS)
    assert all(published_rate("disfa", au) for au in DISFA_AUS)


def test_rates_of_bp4d_give_the_published_weights() -> None:
    """ME-GraphAU's weights of its first fold go with one over the rate of the same training people."""
    weights = {1: 1.342985, 2: 1.689665, 4: 1.248091, 6: 0.561356, 12: 0.457287, 17: 0.722762}
    _, training = PUBLISHED_RATES["bp4d"]
    products = np.array([weight * training.rates[au] for au, weight in weights.items()])
    assert products == pytest.approx(products.mean(), rel=0.002)


def test_the_first_source_wins_and_the_next_fills_up() -> None:
    first, second = (table.source for table in PUBLISHED_RATES["bp4d"])
    assert published_rate("bp4d", 1) == (0.21, first)
    assert published_rate("bp4d", 9) == (0.057, second)
    assert published_rate("bp4d", 25) is None
    assert published_rate("emotionet", 1) is None
