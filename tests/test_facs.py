from __future__ import annotations

import pytest

from metafacs.facs import AU_NAMES, EXPRESSIONS, au_column, au_name, check_aus


def test_names_and_columns_go_by_facs_number() -> None:
    assert au_name(24) == "Lip pressor"
    assert au_name(25) == "Lips part"
    assert au_column(6) == "AU06"
    assert au_column(45, "p") == "AU45_p"
    assert {3, 40} & set(AU_NAMES) == set()


@pytest.mark.parametrize("number", [0, 3, 99, -1])
def test_unknown_numbers_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="not a FACS action unit"):
        au_name(number)


def test_expressions_come_in_the_order_of_raf_db() -> None:
    assert EXPRESSIONS[0] == "surprise"
    assert EXPRESSIONS[6] == "neutral"


def test_repeated_aus_are_refused() -> None:
    with pytest.raises(ValueError, match="repeated"):
        check_aus([1, 2, 1])
