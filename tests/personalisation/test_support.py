from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metafacs.personalisation.support import SupportError, read_support


def test_labels_are_read_by_column_name(listed: Callable[[str], Path], tmp_path: Path) -> None:
    support = read_support(
        listed('\ufeffpicture,AU12,frame,AU04\r\na.jpg,1,,0\r\n\r\nb.mp4, ,7,1\r\n"c, d.png",0,,\r\n')
    )
    assert support.aus == (4, 12)
    assert np.array_equal(support.labels, [[0, 1], [1, np.nan], [np.nan, 0]], equal_nan=True)
    assert [(row.line, row.picture, row.frame) for row in support.rows] == [
        (2, tmp_path / "a.jpg", None),
        (4, tmp_path / "b.mp4", 7),
        (5, tmp_path / "c, d.png", None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "picture;frame;AU12;AU4\na.mp4;7;1;\nb.jpg;;0;1\n",
        "picture\tframe\tAU12\tAU4\na.mp4\t7\t1\t\nb.jpg\t\t0\t1\n",
        "picture;frame;AU12;AU4\na.mp4;7,0;1,0;\nb.jpg;;0,0;1,0\n",
        "picture,frame,AU12,AU4\na.mp4,7.0,1.0,\nb.jpg,,0.0,1.0\n",
    ],
)
def test_what_spreadsheets_and_pandas_write_is_read(
    listed: Callable[[str], Path], tmp_path: Path, text: str
) -> None:
    support = read_support(listed(text))
    assert support.aus == (4, 12)
    assert np.array_equal(support.labels, [[np.nan, 1], [1, 0]], equal_nan=True)
    assert [(row.line, row.picture, row.frame) for row in support.rows] == [
        (2, tmp_path / "a.mp4", 7),
        (3, tmp_path / "b.jpg", None),
    ]


def test_a_list_written_by_pandas_is_read(tmp_path: Path) -> None:
    labels = pd.DataFrame(
        {"picture": ["a.mp4", "b.jpg"], "frame": [3, None], "AU12": [1, None], "AU4": [0, 1]}
    )
    labels.to_csv(tmp_path / "support.csv", index=False)
    support = read_support(tmp_path / "support.csv")
    assert np.array_equal(support.labels, [[0, 1], [1, np.nan]], equal_nan=True)
    assert [row.frame for row in support.rows] == [3, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("picture,AU12\n", "lists no pictures"),
        ("file,AU12\na.jpg,1\n", "line 1: there is no column 'picture'"),
        ("picture,smile\na.jpg,1\n", "line 1: unknown column 'smile'"),
        ("picture,AU3\na.jpg,1\n", "line 1: AU3 is not a FACS action unit"),
        ("picture,AU4,AU04\na.jpg,1,1\n", "line 1: AU4 has two columns"),
        ("picture,frame\na.jpg,1\n", "line 1: there is no column of an action unit"),
        ("picture,AU12\na.jpg,yes\n", "line 2: AU12 is 'yes'; write 1"),
        ("picture,AU12\na.jpg,2\n", "line 2: AU12 is '2'"),
        ("picture,AU12\na.jpg\n", r"csv:2: the row has 1 cells, but the header 2"),
        ("picture,AU12\na.jpg,0.5\n", r"line 2: AU12 is '0\.5'"),
        ("picture,AU12\na.jpg,.0\n", r"line 2: AU12 is '\.0'"),
        ("picture,AU12\na.jpg,1.\n", r"line 2: AU12 is '1\.'"),
        ("picture,AU12\na.jpg,50%\n", "line 2: AU12 is '50%'"),
        ("picture,AU12\na.jpg,2.0\n", r"line 2: AU12 is '2\.0'"),
        ("picture,AU12\na.jpg,nan\n", "line 2: AU12 is 'nan'"),
        ("picture,frame,AU12\na.mp4,1.5,1\n", r"line 2: frame '1\.5' is no number"),
        ("picture,frame,AU12\na.mp4,-1.0,1\n", r"line 2: frame '-1\.0' is no number"),
        ("picture,frame,AU12\na.mp4,7,1\na.mp4,7.0,0\n", r"line 3: a\.mp4 is listed before"),
        ("", "is empty"),
        ("picture,AU12\na.jpg,\n", "line 2: no action unit is labelled"),
        ('picture,AU12\n"a.jpg,1\nb.jpg",0\n', "line 2: the column 'picture' has several lines"),
        ("picture,AU12\n,1\n", "line 2: the column 'picture' is empty"),
        ("picture,frame,AU12\na.mp4,x,1\n", "line 2: frame 'x' is no number"),
        ("picture,AU12\na.jpg,1\na.jpg,0\n", r"line 3: a\.jpg is listed before"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(listed: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(SupportError, match=message) as caught:
        read_support(listed(text))
    assert "support.csv" in str(caught.value)


def test_a_list_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(SupportError, match="does not exist"):
        read_support(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SupportError, match="UTF-16; save it as UTF-8"):
        read_support(tmp_path / "binary.csv")


@given(text=st.text(alphabet="picture,AU12frame\n01 \"'x;", max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("lists") / "support.csv"
    path.write_text(text)
    with suppress(SupportError):
        support = read_support(path)
        assert support.labels.shape == (len(support.rows), len(support.aus))


def test_frames_that_lie_close_are_one_moment(listed: Callable[[str], Path]) -> None:
    frames = "".join(f"v.mp4,{frame},1\n" for frame in (100, 10, 35, 60, 130))
    groups = read_support(listed(f"picture,frame,AU12\n{frames}w.mp4,11,0\na.jpg,,1\n")).groups
    first, second, third, fourth, fifth, other, still = groups.tolist()
    assert second == third == fourth
    assert len({first, second, other, still}) == 4
    assert fifth not in (first, second)


def test_frame_0_of_a_picture_is_the_picture(listed: Callable[[str], Path]) -> None:
    support = read_support(listed("picture,frame,AU12\na.JPG,0,1\nb.gif,0,1\n"))
    assert [row.frame for row in support.rows] == [None, 0]
    with pytest.raises(SupportError, match=r"line 2: a\.png is a picture and has no frame 3"):
        read_support(listed("picture,frame,AU12\na.png,3,1\n"))
    with pytest.raises(SupportError, match=r"line 3: a\.png is listed before"):
        read_support(listed("picture,frame,AU12\na.png,,1\na.png,0,1\n"))
