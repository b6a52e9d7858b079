from __future__ import annotations

import os
from pathlib import Path

import pytest

from metafacs.data.datasets.folders import find_files, find_folders
from metafacs.data.datasets.reading import Reading


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def names_of(root: Path, found: list[Path]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in found]


def test_what_is_passed_over_is_counted_by_kind(tmp_path: Path) -> None:
    put(
        tmp_path,
        "b.JPG",
        "a.jpg",
        "._a.jpg",
        "._b.JPG",
        ".hidden.jpg",
        ".DS_Store",
        "c.jpg_large",
        "d",
        "TWIN.json",
    )
    put(tmp_path, ".thumbs/deep/a.jpg", ".git/config")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    reading = Reading("x", tmp_path)
    assert names_of(tmp_path, find_files(reading, tmp_path, (".jpg",), below=True, known=())) == [
        "a.jpg",
        "b.JPG",
    ]
    assert {str(entry) for entry in reading.skipped} == {
        "._a.jpg: file ._* of macOS is no picture and no label (2 times)",
        ".hidden.jpg: hidden file is not read",
        ".thumbs: hidden folder is not read",
        "c.jpg_large: file ending in .jpg_large is not read",
        "d: file without an ending is not read",
        "gone.jpg: broken link",
        "pipe.jpg: pipe or device is not read",
    }


def test_linked_folders_are_read_once_and_never_for_ever(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    put(root, "real/1.jpg")
    put(elsewhere, "2.jpg", "more/3.jpg")
    (root / "a_link").symlink_to(elsewhere)
    (root / "again").symlink_to(root / "real")
    (root / "loop").symlink_to(root)
    (elsewhere / "back").symlink_to(elsewhere)
    reading = Reading("x", root)
    found = find_files(reading, root, (".jpg",), below=True)
    assert names_of(root, found) == ["a_link/2.jpg", "a_link/more/3.jpg", "real/1.jpg"]
    assert reading.summary()["skipped"] == {"linked folder is read at its own place": 3}
    assert find_folders(root) == [root / name for name in ("a_link", "again", "loop", "real")]


def test_a_folder_named_like_a_file_is_left_to_its_reader(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", "b.csv/1.csv")
    assert names_of(tmp_path, find_files(Reading("x", tmp_path), tmp_path, (".csv",))) == ["a.csv", "b.csv"]
    assert find_files(Reading("x", tmp_path), tmp_path / "none", (".csv",)) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_noted(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a").chmod(0)
    reading = Reading("x", tmp_path)
    assert names_of(tmp_path, find_files(reading, tmp_path, (".jpg",), below=True)) == ["b/2.jpg"]
    assert [str(entry) for entry in reading.skipped] == ["a: folder cannot be read"]
    (tmp_path / "a").chmod(0o755)
