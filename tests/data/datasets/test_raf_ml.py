from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.compounds import BASIC_EXPRESSIONS
from metafacs.data.datasets.raf_ml import read_raf_ml
from metafacs.data.datasets.reading import DatasetError


def layout(root: Path, text: str, names: list[str]) -> Path:
    (root / "EmoLabel").mkdir(parents=True, exist_ok=True)
    (root / "Image" / "aligned").mkdir(parents=True, exist_ok=True)
    (root / "EmoLabel" / "distribution.txt").write_bytes(text.encode())
    for name in names:
        (root / "Image" / "aligned" / f"{name}_aligned.jpg").write_bytes(b"x")
    return root


def test_distribution_is_in_the_votes_and_no_class_is_made_up(tmp_path: Path) -> None:
    text = "\ufeff0001.jpg 0.6 0 0 0.4 0 0\r\n\r\n0003.jpg 0 .5 .5 0 0 0\r\n"
    reading = read_raf_ml(layout(tmp_path, text, ["0001", "0003"]))
    first, second = reading.samples
    assert (first.key, first.votes) == ("0001", (0.6, 0.0, 0.0, 0.4, 0.0, 0.0))
    assert second.votes == (0.0, 0.5, 0.5, 0.0, 0.0, 0.0)
    assert {first.expression, first.subject, first.part} == {None}
    assert first.action_units == {}
    assert reading.expressions == BASIC_EXPRESSIONS == ("surprise", "fear", "disgust", *BASIC_EXPRESSIONS[3:])
    assert reading.pre_aligned
    assert not reading.skipped


def test_counts_in_place_of_shares_are_refused(tmp_path: Path) -> None:
    text = "".join(f"{number:04d}.jpg 20 0 10 10 0 0\n" for number in range(1, 4))
    with pytest.raises(
        DatasetError, match=r"distribution\.txt: 3 of 3 rows do not hold 6 shares that sum to 1"
    ):
        read_raf_ml(layout(tmp_path, text, ["0001", "0002", "0003"]))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("image Sur Fea Dis Hap Sad Ang", "line is not"),
        ("0002.jpg 1 0 0 0 0", "6 shares that sum to 1"),
        ("0002.jpg 1 1 0 0 0 0", "6 shares that sum to 1"),
        ("0002.jpg 1,0,0,0,0,0", "6 shares that sum to 1"),
        ("0009.jpg 1 0 0 0 0 0", "label without a picture"),
    ],
)
def test_bad_lines_are_reported_and_do_not_stop_the_rest(tmp_path: Path, line: str, reason: str) -> None:
    text = f"0001.jpg 1 0 0 0 0 0\n{line}\n"
    reading = read_raf_ml(layout(tmp_path, text, ["0001"]))
    assert [sample.key for sample in reading.samples] == ["0001"]
    (skipped,) = reading.skipped
    assert (skipped.file, skipped.line) == ("EmoLabel/distribution.txt", 2)
    assert reason in skipped.reason


def test_pictures_without_label_and_labels_without_picture_are_reported(tmp_path: Path) -> None:
    text = "0001.jpg 1 0 0 0 0 0\n0003.jpg 1 0 0 0 0 0\n"
    reading = read_raf_ml(layout(tmp_path, text, ["0001", "0002"]))
    assert len(reading.samples) == 1
    assert {entry.reason for entry in reading.skipped} == {
        "picture without a label",
        "label without a picture",
    }


def test_missing_parts_of_the_layout(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="EmoLabel is missing"):
        read_raf_ml(tmp_path)
    (tmp_path / "EmoLabel").mkdir()
    with pytest.raises(DatasetError, match="aligned is missing"):
        read_raf_ml(tmp_path)
    (tmp_path / "Image" / "aligned").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"distribution\.txt is missing"):
        read_raf_ml(tmp_path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(alphabet="01.jpg5 \r\né", max_size=60))
def test_no_text_breaks_the_reader(tmp_path: Path, body: str) -> None:
    with suppress(DatasetError):  # of a pattern
        for sample in read_raf_ml(layout(tmp_path, body, ["0001"])).samples:
            assert sample.votes is not None
            assert sum(sample.votes) == pytest.approx(1, abs=0.0201)
