from __future__ import annotations

import os
from pathlib import Path

from metafacs.data.sources import is_unchanged, place_of, source_of


def test_a_file_is_known_by_its_content_whatever_its_times(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"one")
    source = source_of(path, "a.jpg")
    assert (source.file, source.size, len(source.digest)) == ("a.jpg", 3, 64)
    assert is_unchanged(source, path)
    os.utime(path, ns=(1, 1))
    assert is_unchanged(source, path)
    path.write_bytes(b"two")
    # As if it had been put in its place by a program that keeps times.
    os.utime(path, ns=(source.modified, source.modified))
    assert not is_unchanged(source, path)
    path.write_bytes(b"one")
    assert is_unchanged(source, path)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    missing = source_of(path, "a.jpg")
    assert (missing.size, missing.digest) == (-1, "")
    assert is_unchanged(missing, path)
    path.touch()
    assert not is_unchanged(missing, path)
    there = source_of(path, "a.jpg")
    path.unlink()
    assert not is_unchanged(there, path)
    os.mkfifo(path)
    assert source_of(path, "a.jpg").size == -1


def test_places_can_be_written_everywhere(tmp_path: Path) -> None:
    assert place_of(tmp_path / "a" / os.fsdecode(b"\xff.jpg"), tmp_path) == "a/\\xff.jpg"
    assert place_of(Path("/b/c.jpg"), tmp_path) == "/b/c.jpg"
