from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metafacs.data.datasets.line_lists import find_lists, joined_lines, parse_landmarks
from metafacs.data.datasets.reading import Reading


def test_lists_are_found_by_the_names_of_both_conventions(tmp_path: Path) -> None:
    for name in ("BP4D_combine_1_2_path.txt", "BP4D_train_img_path_fold1.txt", "notes.txt"):
        (tmp_path / name).touch()
    lists = find_lists(tmp_path)
    assert set(lists) == {"BP4D_combine_1_2", "BP4D_train_fold1"}
    assert [path.name for path in lists["BP4D_combine_1_2"]] == [
        "BP4D_combine_1_2_path.txt",
        "BP4D_combine_1_2_AUoccur.txt",
        "BP4D_combine_1_2_land.txt",
    ]


def test_lines_are_joined_with_those_of_every_column(tmp_path: Path) -> None:
    (tmp_path / "path.txt").write_bytes("\ufeffa.jpg\r\n\r\nb.jpg\r\n".encode())
    (tmp_path / "one.txt").write_text("1\n2\n")
    (tmp_path / "two.txt").write_text("3\n")
    reading = Reading("x", tmp_path)
    paths, one, two = (tmp_path / name for name in ("path.txt", "one.txt", "two.txt"))
    assert joined_lines(reading, paths, [one]) == [(1, ["a.jpg", "1"]), (3, ["b.jpg", "2"])]
    assert joined_lines(reading, paths, []) == [(1, ["a.jpg"]), (3, ["b.jpg"])]
    assert not reading.skipped
    assert joined_lines(reading, paths, [one, two]) == []
    assert joined_lines(reading, paths, [tmp_path / "none.txt"]) == []
    assert [skipped.reason for skipped in reading.skipped] == [
        "lists differ in length: 2 paths, 1 rows beside them",
        "list without none.txt",
    ]


@pytest.mark.parametrize("count", [49, 66, 68])
@given(data=st.data())
def test_every_written_line_is_read_back(count: int, data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 1000))
    separator = data.draw(st.sampled_from(["\t", " ", ",", "  "]))
    points = np.random.default_rng(seed).uniform(1, 1392, (count, 2))
    parsed = parse_landmarks(separator.join(f"{value:.2f}" for value in points.ravel()))
    assert parsed is not None
    np.testing.assert_allclose(parsed, points - 1, atol=0.006)


@pytest.mark.parametrize("value", ["1e300", "nan", "-inf", "1e6"])
def test_numbers_that_are_no_pixels_are_no_landmarks(value: str) -> None:
    assert parse_landmarks(" ".join(["5"] * 97 + [value])) is None


@given(st.text(alphabet="0123456789.-e \tnaif", max_size=400))
def test_no_text_breaks_the_landmarks(line: str) -> None:
    points = parse_landmarks(line)
    assert points is None or (points.shape[0] in (49, 66, 68) and np.isfinite(points).all())
