from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.data.datasets.raf_ce import PUBLISHED_AUS, read_raf_ce
from metafacs.data.datasets.reading import DatasetError
from metafacs.facs import AU_NAMES

pytestmark = pytest.mark.filterwarnings("ignore:.*action units, the paper counts.*")


def layout(root: Path, expressions: str, codes: str, partition: str, names: list[str]) -> Path:
    (root / "aligned").mkdir(parents=True, exist_ok=True)
    lists = {"emolabel": expressions, "AUlabel": codes, "partition": partition}
    for name, text in lists.items():
        (root / f"RAFCE_{name}.txt").write_bytes(text.encode())
    for name in names:
        (root / "aligned" / f"{name}_aligned.jpg").write_bytes(b"x")
    return root


def test_three_lists_meet_in_one_sample(tmp_path: Path) -> None:
    layout(
        tmp_path,
        "\ufeff0001.jpg 0\r\n0002.jpg 13\r\n\r\n0005.jpg 8\r\n",
        "0005.jpg null\r\n0001.jpg 1+L12+26\r\n0002.jpg 25+4\r\n",
        "0001.jpg 0\r\n0002.jpg 1\r\n0005.jpg 2\r\n",
        ["0001", "0002", "0005"],
    )
    reading = read_raf_ce(tmp_path)
    first, second, third = reading.samples
    assert [COMPOUND_EXPRESSIONS[s.expression or 0] for s in reading.samples] == [
        *("happily surprised", "happily sad", "fearfully disgusted")
    ]
    assert [s.part for s in reading.samples] == ["train", "test", "validation"]
    assert first.action_units == {1: 1.0, 4: 0.0, 12: 1.0, 25: 0.0, 26: 1.0}
    assert second.action_units == {1: 0.0, 4: 1.0, 12: 0.0, 25: 1.0, 26: 0.0}
    assert set(third.action_units.values()) == {0.0}
    assert reading.aus == (1, 4, 12, 25, 26)
    assert reading.expressions == COMPOUND_EXPRESSIONS
    assert reading.pre_aligned
    assert not reading.skipped


def test_unknown_stays_unknown(tmp_path: Path) -> None:
    layout(
        tmp_path,
        "0001.jpg 3\n0002.jpg 4\n0003.jpg 5\n",
        "0002.jpg 4\n0003.jpg 1+?\n0004.jpg 7\n",
        "0001.jpg 0\n0003.jpg 7\n",
        ["0001", "0002", "0003", "0004"],
    )
    reading = read_raf_ce(tmp_path)
    assert [(s.key, s.part) for s in reading.samples] == [("0001", "train"), ("0002", None), ("0003", None)]
    assert [dict(s.action_units) for s in reading.samples] == [{}, {4: 1.0, 7: 0.0}, {}]
    assert reading.summary()["skipped"] == {
        "picture has no action units: they stay unknown": 2,
        "picture is in no part: its part stays unknown": 2,
        "'?' is no action unit code; expected e.g. '4+L12+T24+AD19' or 'null'": 1,
        "line is not '<name>.jpg <code 0..2>'": 1,
        "action units of a picture without an expression": 1,
        "picture without a label": 1,
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("name emotion", "line is not"),
        ("0002.jpg 14", "code 0..13"),
        ("0002.jpg -1", "code 0..13"),
        ("0002.jpg happy", "code 0..13"),
        ("0001.jpg 4", "listed twice"),
        ("0009.jpg 4", "label without a picture"),
    ],
)
def test_bad_lines_are_reported(tmp_path: Path, line: str, reason: str) -> None:
    reading = read_raf_ce(layout(tmp_path, f"0001.jpg 3\n{line}\n", "0001.jpg 4\n", "0001.jpg 0\n", ["0001"]))
    assert [sample.expression for sample in reading.samples] == [3]
    (skipped,) = reading.skipped
    assert (skipped.file, skipped.line) == ("RAFCE_emolabel.txt", 2)
    assert reason in skipped.reason


@pytest.mark.filterwarnings("error")
def test_width_of_the_vocabulary_is_watched(tmp_path: Path) -> None:
    codes = "+".join(map(str, sorted(AU_NAMES)[:PUBLISHED_AUS]))
    layout(tmp_path, "0001.jpg 3\n", f"0001.jpg {codes}\n", "0001.jpg 0\n", ["0001"])
    assert len(read_raf_ce(tmp_path).aus) == 32
    layout(tmp_path, "0001.jpg 3\n", "0001.jpg 1+2\n", "0001.jpg 0\n", ["0001"])
    with pytest.warns(UserWarning, match="names 2 action units, the paper counts 32"):
        read_raf_ce(tmp_path)


def test_empty_lists_are_reported(tmp_path: Path) -> None:
    reading = read_raf_ce(layout(tmp_path, "", "", "", ["0001"]))
    assert not reading.samples
    assert [entry.reason for entry in reading.skipped] == [*["empty file"] * 3, "picture without a label"]


@pytest.mark.parametrize("name", ["emolabel", "AUlabel", "partition"])
def test_missing_lists_are_refused(tmp_path: Path, name: str) -> None:
    layout(tmp_path, "", "", "", [])
    (tmp_path / f"RAFCE_{name}.txt").unlink()
    with pytest.raises(DatasetError, match=rf"RAFCE_{name}\.txt is missing"):
        read_raf_ce(tmp_path)


@pytest.mark.parametrize(
    ("expressions", "codes", "partition", "said"),
    [
        (
            [1, 8, 14],
            "4",
            "0",
            r"emolabel\.txt: the numbers of the expressions go from 1 to 14 instead of 0 to 13",
        ),
        (
            [0, 8, 13],
            "4",
            "123",
            r"partition\.txt: the numbers of the parts go from 1 to 3 instead of 0 to 2",
        ),
        ([0, 8, 13], "1,4", "0", r"AUlabel\.txt: 3 of 3 rows do not hold codes"),
    ],
)
def test_another_code_book_is_refused(
    tmp_path: Path, expressions: list[int], codes: str, partition: str, said: str
) -> None:
    names = ["0001", "0002", "0003"]
    layout(
        tmp_path,
        "".join(f"{name}.jpg {code}\n" for name, code in zip(names, expressions, strict=True)),
        "".join(f"{name}.jpg {codes}\n" for name in names),
        "".join(f"{name}.jpg {partition[i % len(partition)]}\n" for i, name in enumerate(names)),
        names,
    )
    with pytest.raises(DatasetError, match=said):
        read_raf_ce(tmp_path)


def test_lists_of_other_pictures_are_refused(tmp_path: Path) -> None:
    layout(tmp_path, "0001.jpg 3\n", "0002.jpg 4\n", "0001.jpg 0\n", ["0001"])
    with pytest.raises(DatasetError, match=r"AUlabel\.txt: none of its 1 pictures is there.*emolabel\.txt"):
        read_raf_ce(tmp_path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(alphabet="01.jpg23L+nul \r\né", max_size=40), min_size=3, max_size=3),
    good=st.booleans(),
)
def test_no_text_breaks_the_reader(tmp_path: Path, texts: list[str], good: bool) -> None:
    start = "0001.jpg 1\n" if good else ""
    with suppress(DatasetError):  # of a pattern
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reading = read_raf_ce(layout(tmp_path, *(start + text for text in texts), ["0001"]))  # type: ignore[misc]
        assert len(reading.samples) >= good
        for sample in reading.samples:
            assert sample.expression in range(14)
            assert sample.part in ("train", "test", "validation", None)
            assert tuple(sample.action_units) in ((), reading.aus)
