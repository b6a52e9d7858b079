from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from metafacs.evaluation.record_files import (
    FEW_SHOT_HEAD,
    RECORD_HEAD,
    RecordError,
    check_keys,
    read_each,
    read_one,
    record_paths,
)

HEADS = {"record": '{"schema": 1, "method": "mal"}', "few": '{"few_shot_schema": 1}', "other": '{"twin": 1}'}


@dataclass
class Point:
    x: int
    more: dict[str, int] = field(default_factory=dict)
    label: str = ""


def write(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / f"{name.replace('_', '-')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADS.get(content, content))


def names(folder: Path, kind: str) -> list[str]:
    heads = (RECORD_HEAD, FEW_SHOT_HEAD) if kind == "record" else (FEW_SHOT_HEAD, RECORD_HEAD)
    found = record_paths(folder, *heads, alone=kind == "record")
    return [path.relative_to(folder).as_posix() for path in found]


def test_kinds_are_told_by_their_first_keys_and_damaged_files_by_their_names(tmp_path: Path) -> None:
    write(tmp_path, a="record", b="few", c="other", maml_A_1shot="", record="\0\0")
    write(tmp_path / ".hidden", record="record")
    assert names(tmp_path, "record") == ["a.json", "maml-A-1shot.json", "record.json"]
    assert names(tmp_path, "few") == ["b.json", "maml-A-1shot.json", "record.json"]
    (tmp_path / "b.json").unlink()
    assert names(tmp_path, "few") == []


def test_files_that_cannot_be_read_are_left_out_and_named(tmp_path: Path) -> None:
    write(tmp_path, a='{"x": 1}', b="[", c='{"x": 3}')
    paths = sorted(tmp_path.glob("*.json"))
    damaged: list[str] = []
    assert read_each(paths, lambda content: content["x"], damaged) == [(paths[0], 1), (paths[2], 3)]
    assert [problem.startswith(f"{paths[1]} is damaged") for problem in damaged] == [True]
    with pytest.raises(RecordError, match=r"b\.json is damaged"):
        read_each(paths, lambda content: content["x"], None)
    with pytest.raises(RecordError, match=r"b\.json is damaged"):
        read_each(paths[1:2], lambda content: content["x"], [])
    assert read_each([], dict, []) == []


def test_the_file_is_named_once(tmp_path: Path) -> None:
    def refuse(content: object) -> None:
        raise RecordError(f"{json.dumps(content)} is no record")

    write(tmp_path, a='{"x": 1}')
    with pytest.raises(RecordError, match=r"^[^ ]*a\.json: \{\"x\": 1\} is no record$"):
        read_one(tmp_path / "a.json", refuse)


def test_keys_are_those_of_the_class() -> None:
    check_keys({"x": 1, "more": {}}, Point)
    check_keys({"x": 1}, Point, optional={"more"})
    with pytest.raises(RecordError, match="lacks the keys 'more', 'x'; restore it"):
        check_keys({}, Point)
    with pytest.raises(RecordError, match="holds the unknown key 'lable'"):
        check_keys({"x": 1, "more": {}, "lable": ""}, Point)
