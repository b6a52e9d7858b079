from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from metafacs.evaluation.real_photos import Photo, PhotoSetError, in_half, london_photos, web_photos

REAL_FACES = Path(__file__).resolve().parents[2].parent / "shared" / "real_faces"


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_london_pictures_are_named_by_person(tmp_path: Path) -> None:
    touch(tmp_path, "smiling/002.JPG", "smiling/001.jpg", "neutral/001.jpg", "neutral/notes.txt", "README.md")
    assert london_photos(tmp_path) == [
        Photo(tmp_path / "neutral/001.jpg", "neutral", "001"),
        Photo(tmp_path / "smiling/001.jpg", "smiling", "001"),
        Photo(tmp_path / "smiling/002.JPG", "smiling", "002"),
    ]


def test_a_folder_without_smiles_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "neutral/001.jpg")
    with pytest.raises(PhotoSetError, match="no pictures in smiling/"):
        london_photos(tmp_path)


@pytest.fixture
def legend(tmp_path: Path) -> Path:
    path = tmp_path / "legend.csv"
    lines = [f"7,{number}.jpg,{'HAPPINESS' if number % 2 else 'neutral'}" for number in range(40)]
    others = ["7,sad.jpg,sadness", "7,both.jpg,anger", "8,both.jpg,neutral", "8,0.jpg,Neutral", "9,,anger"]
    path.write_text("\n".join(["user.id,image,emotion", *lines, *others]) + "\n")
    return path


def test_halves_are_told_apart_by_the_name_alone(legend: Path, tmp_path: Path) -> None:
    everything, several = web_photos(tmp_path, legend, "all")
    assert len(everything) == 40
    assert {photo.kind for photo in everything} == {"neutral", "happiness"}
    assert several == ["both.jpg"]
    first, _ = web_photos(tmp_path, legend)
    second, _ = web_photos(tmp_path, legend, "second")
    assert sorted(photo.path for photo in first + second) == sorted(photo.path for photo in everything)
    for photo in first:
        assert hashlib.sha256(photo.path.name.encode()).hexdigest()[0] in "01234567"
    assert in_half("folder/3.jpg", "first") == in_half("3.jpg", "first")


def test_emotions_are_read_in_any_case_and_repeated_rows_once(legend: Path, tmp_path: Path) -> None:
    photos, _ = web_photos(tmp_path, legend, "all")
    assert Photo(tmp_path / "0.jpg", "neutral") in photos
    assert Photo(tmp_path / "1.jpg", "happiness") in photos


def test_a_legend_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "legend.csv"
    with pytest.raises(PhotoSetError, match="does not exist"):
        web_photos(tmp_path, path)
    path.write_text("image,label\na.jpg,neutral\n")
    with pytest.raises(PhotoSetError, match="no column emotion"):
        web_photos(tmp_path, path)
    path.write_text("image,emotion\na.jpg,sadness\n")
    with pytest.raises(PhotoSetError, match="lists no picture"):
        web_photos(tmp_path, path)


@pytest.mark.skipif(
    not REAL_FACES.is_dir(), reason="the openly licensed photos are not beside the repository"
)
def test_everybody_of_the_london_set_is_there_twice() -> None:
    photos = london_photos(REAL_FACES)
    neutral, smiling = (
        [photo.person for photo in photos if photo.kind == kind] for kind in ("neutral", "smiling")
    )
    assert neutral == smiling
    assert len(neutral) > 50
