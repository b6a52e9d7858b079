from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clips
from metafacs.data.videos import FrameFolder, Selection, VideoError


def fill(folder: Path, names: list[str]) -> Path:
    """Write pictures whose content is the number in their name."""
    folder.mkdir(exist_ok=True)
    for name in names:
        number = int("".join(letter for letter in Path(name).stem if letter.isdigit()))
        Image.fromarray(clips.picture_of(number)).save(folder / name)
    return folder


def shown(folder: FrameFolder, selection: Selection | None = None, start_at: int = 0) -> list[int | None]:
    frames = folder.frames(selection or Selection(), start_at)
    return [None if frame.image is None else clips.number_in(frame.image) for frame in frames]


@pytest.mark.parametrize(
    "names",
    [
        ["0000.png", "0001.png", "0002.png"],
        ["frame_0.png", "frame_1.png", "frame_2.jpg"],
        ["a-000.bmp", "a-001.PNG", "a-002.jpeg"],
    ],
)
def test_pictures_are_frames_in_the_order_of_their_numbers(tmp_path: Path, names: list[str]) -> None:
    folder = FrameFolder(fill(tmp_path / "f", names))
    frames = list(folder.frames())
    assert [frame.number for frame in frames] == shown(folder) == [0, 1, 2]
    assert np.isnan([frame.timestamp for frame in frames]).all()
    assert (folder.frame_count, folder.rate, folder.width, folder.height) == (3, None, 64, 48)
    assert (folder.name, folder.notes) == (str(tmp_path / "f"), [])


def test_numbers_are_numbers_and_not_text(tmp_path: Path) -> None:
    fill(tmp_path / "f", [f"{number}.png" for number in range(8, 13)])
    assert shown(FrameFolder(tmp_path / "f")) == [8, 9, 10, 11, 12]
    fill(tmp_path / "g", ["98.png", "99.png", "100.png"])
    assert shown(FrameFolder(tmp_path / "g")) == [98, 99, 100]


def test_a_missing_number_is_a_frame_without_an_image(tmp_path: Path) -> None:
    folder = FrameFolder(fill(tmp_path / "f", [f"{n:03d}.png" for n in (5, 6, 9, 12)]), rate=10)
    frames = list(folder.frames())
    assert shown(folder) == [5, 6, None, None, 9, None, None, 12]
    assert frames[2].problem == "there is no picture 7"
    assert [frame.timestamp for frame in frames] == pytest.approx(np.arange(8) / 10)
    assert folder.notes == ["Pictures are missing: number 7 to 8, 10 to 11."]


def test_a_selection_is_as_in_a_video(tmp_path: Path) -> None:
    fill(tmp_path / "f", [f"{number:03d}.png" for number in range(20)])
    timed = FrameFolder(tmp_path / "f", rate=10)
    assert shown(timed, Selection(every=6)) == [0, 6, 12, 18]
    assert shown(timed, Selection(every=6), 7) == [12, 18]
    assert shown(timed, Selection(fps=5, start=0.5, end=1)) == [5, 7, 9]
    with pytest.raises(VideoError, match="without times; give their rate"):
        shown(FrameFolder(tmp_path / "f"), Selection(fps=5))


def test_a_picture_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    folder = fill(tmp_path / "f", ["0.png", "1.png", "2.png"])
    (folder / "1.png").write_bytes(b"nothing")
    frames = list(FrameFolder(folder).frames())
    assert frames[1].image is None
    assert "1.png is not a picture" in frames[1].problem
    assert frames[2].image is not None


def test_exif_rotation_and_size_are_those_of_the_first_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(clips.corners()).save(tmp_path / "0.jpg", exif=exif, quality=95)
    folder = FrameFolder(tmp_path)
    assert (folder.width, folder.height) == (48, 64)
    image = next(iter(folder.frames())).image
    assert image is not None
    assert np.abs(image.astype(int) - np.rot90(clips.corners(), -1)).mean() < 10


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    folder = fill(tmp_path / "f", ["0.png", "1.png"])
    for name in ("notes.txt", "cover.png", "._0.png", "2.csv", "Thumbs.db"):
        (folder / name).write_bytes(b"x")
    assert shown(FrameFolder(folder)) == [0, 1]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds no numbered pictures such as 0001.png"),
        (["a0.png", "a1.png", "b0.png"], r"2 sequences .* a0.png \(2\), b0.png \(1\); give each a folder"),
        (["1.png", "2.png", "1.jpg"], r"number 1 twice, 1.jpg and 1.png; remove one"),
        (["1.png", "2.png", "01.png"], r"1.png and 01.png, numbered in different ways"),
        (["001.png", "002.png", "0003.png"], "in different ways as if they were two sequences"),
        (["1.png", "99999999999999.png"], r"2 pictures from 1.png to 99999999999999.png; so far apart"),
    ],
)
def test_folders_that_cannot_be_understood(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(VideoError, match=message):
        FrameFolder(fill(tmp_path / "f", names))


def test_paths_that_are_no_folder_and_rates_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="does not exist; give a folder"):
        FrameFolder(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(VideoError, match="is a file, not a folder"):
        FrameFolder(tmp_path / "file")
    with pytest.raises(ValueError, match="0 pictures per second"):
        FrameFolder(fill(tmp_path / "f", ["0.png"]), rate=0)
    fill(tmp_path / "g", ["0.png"])
    (tmp_path / "g" / "0.png").write_bytes(b"")
    with pytest.raises(VideoError, match="none of the pictures"):
        FrameFolder(tmp_path / "g")
