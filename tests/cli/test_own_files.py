from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.cli import own_files
from metafacs.cli.own_files import LIST, ForeignFileError, OwnFiles, begins_alike, refuse_foreign_table
from metafacs.files import write_bytes

FIRST = {"f1.csv": b"Action unit,mal\n", "plots/a.png": b"\x89PNG one"}


def write(folder: Path, files: dict[str, bytes], command: str = "report") -> list[Path]:
    own = OwnFiles(folder, command)
    own.write(files)
    return own.finish()


def test_own_files_are_replaced_and_those_of_the_last_time_go(tmp_path: Path) -> None:
    assert write(tmp_path, FIRST) == []
    assert write(tmp_path, {"f1.csv": b"quite another\n"}) == [tmp_path / "plots" / "a.png"]
    assert (tmp_path / "f1.csv").read_bytes() == b"quite another\n"
    assert write(tmp_path, FIRST) == []


def test_foreign_and_edited_files_stay(tmp_path: Path) -> None:
    (tmp_path / "f1.csv").write_text("my notes\n")
    with pytest.raises(
        ForeignFileError, match=r"f1\.csv is there already, .*: give another folder, or move it"
    ):
        write(tmp_path, FIRST)
    assert [path.name for path in tmp_path.iterdir()] == ["f1.csv"]
    (tmp_path / "f1.csv").unlink()
    write(tmp_path, FIRST)
    (tmp_path / "f1.csv").write_bytes(FIRST["f1.csv"] + b"AU1,my correction\n")
    with pytest.raises(ForeignFileError, match=r"f1\.csv"):
        write(tmp_path, {"f1.csv": b"Action unit,mml\n"})
    (tmp_path / "plots" / "a.png").write_bytes(b"mine now")
    (tmp_path / "f1.csv").unlink()
    assert write(tmp_path, {"f1.csv": b"x"}) == []
    assert (tmp_path / "plots" / "a.png").read_bytes() == b"mine now"


def test_commands_do_not_clear_away_each_others_files(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    assert write(tmp_path, {"agreement.csv": b"scope,video\n"}, "agree") == []
    assert write(tmp_path, FIRST) == []
    assert (tmp_path / "agreement.csv").exists()


def test_what_a_kill_left_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.csv": b"1"})
    for written in (0, 1):
        calls: list[Path] = []

        def until(path: Path, content: bytes, calls: list[Path] = calls, written: int = written) -> None:
            if len(calls) == written:
                raise KeyboardInterrupt
            calls.append(path)
            write_bytes(path, content)

        with monkeypatch.context() as patch:
            patch.setattr(own_files, "write_bytes", until)
            with pytest.raises(KeyboardInterrupt):
                write(tmp_path, {"a.csv": b"2", "b.csv": b"2"})
        assert write(tmp_path, {"a.csv": b"3", "b.csv": b"3"}) == []


def test_files_of_earlier_versions_are_known_by_their_beginning(tmp_path: Path) -> None:
    (tmp_path / "f1.csv").write_text("Action unit,present\nAU1,3\n")
    (tmp_path / LIST).write_bytes(b"\0\0")
    write(tmp_path, FIRST)
    assert (tmp_path / "f1.csv").read_bytes() == FIRST["f1.csv"]


@pytest.mark.parametrize(
    ("there", "content", "alike"),
    [
        (b"Method,average F1\n", b"Method,pooled\n", True),
        (b"comparison,row\n", b"Method,pooled\n", False),
        (b"**F1 per action unit on BP4D**\n", b"**F1 per action unit on DISFA**\n", True),
        (b"# My notes\n", b"**F1 per action unit on DISFA**\n", False),
        (b'{"synthetic": true}', b'{\n "synthetic": false}', True),
        (b'{"mine": true}', b'{\n "synthetic": false}', False),
        (b"", b"", False),
        (b"", b"Method,pooled\n", False),
    ],
)
def test_kinds_are_told_apart(tmp_path: Path, there: bytes, content: bytes, alike: bool) -> None:
    path = tmp_path / "a"
    path.write_bytes(there)
    assert begins_alike(path, content) == alike
    if alike:
        refuse_foreign_table(path, content)
    else:
        with pytest.raises(ForeignFileError, match="is no table of this kind"):
            refuse_foreign_table(path, content)


@pytest.mark.parametrize("name", ["../a.csv", "/a.csv", "b/../../a.csv", ""])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no place below"):
        write(tmp_path / "out", {name: b"x"})
    assert not list(tmp_path.iterdir())
