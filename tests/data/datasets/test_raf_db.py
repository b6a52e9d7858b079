from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.datasets.raf_db import read_raf_db
from metafacs.data.datasets.reading import DatasetError
from metafacs.facs import EXPRESSIONS


def layout(root: Path, labels: str, names: list[str], votes: str | None = None) -> Path:
    basic = root / "basic"
    (basic / "EmoLabel").mkdir(parents=True, exist_ok=True)
    (basic / "Image" / "aligned").mkdir(parents=True, exist_ok=True)
    (basic / "EmoLabel" / "list_patition_label.txt").write_bytes(labels.encode())
    for name in names:
        (basic / "Image" / "aligned" / f"{name}_aligned.jpg").touch()
    if votes is not None:
        (basic / "EmoLabel" / "vote_distribution.txt").write_text(votes)
    return root


def test_codes_and_partition(tmp_path: Path) -> None:
    text = "\ufefftrain_00001.jpg 5\r\n\r\ntest_0001.jpg 1\r\n"
    reading = read_raf_db(layout(tmp_path, text, ["train_00001", "test_0001"]))
    first, second = reading.samples
    assert (EXPRESSIONS[first.expression or 0], first.part) == ("sadness", "train")
    assert (EXPRESSIONS[second.expression or 0], second.part) == ("surprise", "test")
    assert first.votes is None
    assert reading.pre_aligned
    assert reading.expressions == EXPRESSIONS


def test_votes_come_with_the_sample(tmp_path: Path) -> None:
    votes = "train_00001.jpg .7 .1 .1 .1 0 0 0\ntrain_00002.jpg nan nan nan 0 0 0 0\n"
    reading = read_raf_db(layout(tmp_path, "train_00001.jpg 1\n", ["train_00001"], votes))
    assert reading.samples[0].votes == (0.7, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0)
    assert [(s.line, s.file) for s in reading.skipped] == [(2, "basic/EmoLabel/vote_distribution.txt")]


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (range(7), "go from 0 to 6 instead of 1 to 7, 1 of 7 lie outside; they count from 0: count from 1"),
        (range(1, 12), "go from 1 to 11 instead of 1 to 7, 4 of 11 lie outside; this is another list"),
    ],
)
def test_another_code_book_is_refused(tmp_path: Path, codes: range, said: str) -> None:
    names = [f"train_{code:05d}" for code in codes]
    text = "".join(f"{name}.jpg {code}\n" for name, code in zip(names, codes, strict=True))
    with pytest.raises(DatasetError, match=said):
        read_raf_db(layout(tmp_path, text, names))


def test_votes_in_another_order_are_refused(tmp_path: Path) -> None:
    names = [f"train_{code:05d}" for code in range(1, 8)]
    text = "".join(f"{name}.jpg {code}\n" for code, name in enumerate(names, start=1))
    rows = [" ".join("1" if k == code else "0" for k in range(7)) for code in range(7)]
    votes = [f"{name}.jpg {row}\n" for name, row in zip(names, rows, strict=True)]
    reading = read_raf_db(layout(tmp_path, text, names, "".join(votes[1:])))
    assert [sample.votes is None for sample in reading.samples] == [True] + [False] * 6
    assert reading.summary()["skipped"] == {"picture without votes: they stay unknown": 1}
    moved = [f"{name}.jpg {row}\n" for name, row in zip(names, rows[1:] + rows[:1], strict=True)]
    with pytest.raises(DatasetError, match="most votes of 7 of 7 pictures are for another class"):
        read_raf_db(layout(tmp_path, text, names, "".join(moved)))


def test_two_pictures_of_one_number_are_named(tmp_path: Path) -> None:
    root = layout(tmp_path, "train_00001.jpg 4\ntest_0001.jpg 1\n", ["train_00001", "test_0001"])
    folder = root / "basic" / "Image" / "aligned"
    (folder / "test_0001_aligned.jpeg").touch()
    (folder / "._train_00001_aligned.jpg").touch()
    reading = read_raf_db(root)
    assert [sample.key for sample in reading.samples] == ["train_00001"]
    assert reading.summary()["skipped"] == {
        "several pictures have one number; none is read": 2,
        "file ._* of macOS is no picture and no label": 1,
        "label without a picture": 1,
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("train_00002.jpg", "no label"),
        ("train_00002.jpg 8", "code 1..7"),
        ("train_00002.jpg 0", "code 1..7"),
        ("train_00002.jpg ²", "code 1..7"),
        ("train_00001.jpg 4", "listed twice"),
        ("valid_00001.jpg 1", "line is not"),
        ("0001.jpg 1", "neither train nor test"),
        ("train_00009.jpg 1", "label without a picture"),
    ],
)
def test_bad_lines_are_reported(tmp_path: Path, line: str, reason: str) -> None:
    reading = read_raf_db(layout(tmp_path, f"train_00001.jpg 4\n{line}\n", ["train_00001"]))
    assert len(reading.samples) == 1
    (skipped,) = reading.skipped
    assert skipped.line == 2
    assert reason in skipped.reason


def test_missing_parts_of_the_layout(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="basic is missing"):
        read_raf_db(tmp_path)
    (tmp_path / "basic" / "Image" / "aligned").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"list_patition_label\.txt is missing"):
        read_raf_db(tmp_path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    codes=st.lists(st.integers(1, 7), max_size=3),
    parts=st.lists(st.sampled_from(["train", "test"]), min_size=3),
)
def test_every_written_list_is_read_back(tmp_path: Path, codes: list[int], parts: list[str]) -> None:
    names = [f"{part}_{number:05d}" for number, part in zip(range(len(codes)), parts, strict=False)]
    text = "".join(f"{name}.jpg {code}\n" for name, code in zip(names, codes, strict=True))
    reading = read_raf_db(layout(tmp_path, text, names))
    assert [(s.key, s.part, s.expression) for s in reading.samples] == [
        (name, name.partition("_")[0], code - 1) for name, code in zip(names, codes, strict=True)
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(alphabet="train_tes01.jpg 8\r\né", max_size=60))
def test_no_text_breaks_the_reader(tmp_path: Path, body: str) -> None:
    with suppress(DatasetError):  # of a pattern
        for sample in read_raf_db(layout(tmp_path, body, ["train_00001"])).samples:
            assert sample.expression in range(7)
