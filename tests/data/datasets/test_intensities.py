from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metafacs.data.datasets.intensities import parse_intensity


@given(
    st.integers(0, 9999), st.integers(0, 5), st.sampled_from(["{},{}", " {} , {} ", "{},{},", "{:04d},{}"])
)
def test_every_written_line_is_read_back(frame: int, intensity: int, form: str) -> None:
    assert parse_intensity(form.format(frame, intensity)) == (frame, intensity)


@pytest.mark.parametrize(
    "line", ["", "1", "1,2,3", "1;2", "x,1", "1,6", "-1,2", "1,1.5", "²,1", "1" * 5000 + ",1"]
)
def test_anything_else_is_refused(line: str) -> None:
    assert parse_intensity(line, unknown={9}) is None


def test_unknown_codes_are_told_from_wrong_ones() -> None:
    assert parse_intensity("3,9") is None
    assert parse_intensity("3,9", unknown={9}) == (3, None)
