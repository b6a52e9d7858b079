from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from metafacs.data.datasets.reading import Reading
from metafacs.data.datasets.recorded_frames import find_recorded_frames, numbered_pictures


def test_pictures_are_found_by_the_number_they_end_with(tmp_path: Path) -> None:
    names = ("0.jpg", "._0.jpg", "SN001_0012.PNG", "3.jpg", "03.png", "notes.txt", "7.txt", "last.jpg")
    for name in names:
        (tmp_path / name).touch()
    reading = Reading("x", tmp_path)
    found = numbered_pictures(reading, tmp_path)
    assert {number: path.name for number, path in found.items()} == {0: "0.jpg", 12: "SN001_0012.PNG"}
    assert [str(entry) for entry in reading.skipped] == [
        "._0.jpg: file ._* of macOS is no picture and no label",
        "7.txt: file ending in .txt is not read (2 times)",
        "last.jpg: name of the picture does not end with the number of the frame",
        "03.png: several pictures have the number of one frame; none is read (2 times)",
    ]
    assert numbered_pictures(reading, tmp_path / "missing") == {}


def test_a_video_of_any_case_comes_before_pictures(tmp_path: Path) -> None:
    videos, frames = tmp_path / "videos", tmp_path / "frames"
    for path in (videos / "LEFTvideo_Ä.AVI", frames / "3.jpg"):
        path.parent.mkdir()
        path.touch()
    found = find_recorded_frames(Reading("x", tmp_path), [tmp_path / "none", videos], "leftVideo_ä", [frames])
    assert found is not None
    assert found.locate(2, 3) == (videos / "LEFTvideo_Ä.AVI", 2)
    extracted = find_recorded_frames(Reading("x", tmp_path), [videos], "right", [tmp_path / "none", frames])
    assert extracted is not None
    assert extracted.locate(2, 3) == (frames / "3.jpg", None)
    assert extracted.locate(3, 4) is None
    assert find_recorded_frames(Reading("x", tmp_path), [videos], "right", [videos]) is None


@given(
    names=st.dictionaries(
        st.integers(0, 10**9), st.sampled_from(["{}.jpg", "{:04d}.PNG", "a_{:05d}.jpeg"]), max_size=5
    )
)
def test_every_numbered_picture_is_found(names: dict[int, str]) -> None:
    with TemporaryDirectory() as folder:
        for number, form in names.items():
            (Path(folder) / form.format(number)).touch()
        assert set(numbered_pictures(Reading("x", Path(folder)), Path(folder))) == set(names)
