from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from metafacs.files import (
    clear_leftovers,
    clear_leftovers_of,
    digest_of_file,
    make_durable,
    write_json,
    write_text,
    written_whole,
)


def test_replaces_only_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.txt"
    with written_whole(path) as temporary:
        temporary.write_text("old")
    with pytest.raises(RuntimeError), written_whole(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_json_refuses_nan_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"x": float("nan")})
    assert json.loads(path.read_text()) == {"x": 1}


def test_permissions_are_those_of_new_files(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        with written_whole(tmp_path / "a") as temporary:
            temporary.touch(mode=0o600)
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(mask)


def test_longest_name_that_the_file_system_takes(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 127)
    write_text(path, "x")
    assert path.read_text() == "x"


def test_is_on_the_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    replace, fsync = os.replace, os.fsync

    def note_replace(a: Path, b: Path) -> None:
        done.append("replace")
        replace(a, b)

    def note_fsync(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "replace", note_replace)
    monkeypatch.setattr(os, "fsync", note_fsync)
    write_text(tmp_path / "a", "x")
    assert done == ["file", "replace", "folder"]
    done.clear()
    paths = [tmp_path / "b", tmp_path / "c"]
    for path in paths:
        write_text(path, "x", durable=False)
    make_durable([*paths, tmp_path / "gone"])
    assert done == ["replace", "replace", "file", "file", "folder"]


def test_error_names_the_file_and_not_the_temporary(tmp_path: Path) -> None:
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(OSError, match=re.escape(f"'{tmp_path / 'folder'}'")) as raised:
        write_text(tmp_path / "folder", "x")
    assert ".partial" not in str(raised.value)


def test_only_temporaries_are_left_over(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    left = [tmp_path / ".a.json.7.partial", tmp_path / "below" / ".b.csv.12.partial"]
    for path in [*left, tmp_path / ".mine.partial", tmp_path / "a.7.partial"]:
        path.touch()
    assert clear_leftovers(tmp_path) == left[:1]
    assert clear_leftovers(tmp_path, below=True) == left[1:]
    assert clear_leftovers(tmp_path / "missing") == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.partial", "a.7.partial", "below"]


def test_digest_is_sha_256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert digest_of_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    def fill(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as a write does it, without a name

    told = re.escape(f"[Errno {errno.ENOSPC}] {os.strerror(errno.ENOSPC)}: '{tmp_path / 'a'}'")
    with pytest.raises(OSError, match=told), written_whole(tmp_path / "a") as temporary:
        fill(temporary)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_one_file_are_removed_unless_somebody_is_writing_it(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    left = [tmp_path / f".{name}.{ended.pid}.partial" for name in ("a.csv", "b.csv")]
    writing = tmp_path / f".a.csv.{os.getpid()}.partial"
    others = [writing, tmp_path / ".a.csv.mine.partial", tmp_path / f".a.csv.{10**30}.partial"]
    for path in (*left, *others):
        path.touch()
    assert clear_leftovers_of(tmp_path / "a.csv") == left[:1]
    assert all(path.exists() for path in (left[1], *others))
    assert clear_leftovers_of(tmp_path / "missing" / "a.csv") == []
