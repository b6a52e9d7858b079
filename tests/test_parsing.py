from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Meta

from metafacs.parsing import FileError, convert, parse_json, parse_yaml, read_json, read_yaml


@dataclass(frozen=True)
class _Header:
    size: Annotated[int, Meta(ge=1, le=4096)]
    aus: tuple[int, ...] = ()
    thresholds: Mapping[int, float] = field(default_factory=dict)


def test_json_becomes_an_object(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"size": 64, "aus": [1, 12], "thresholds": {"12": 0.4}}')
    assert read_json(path, _Header) == _Header(64, (1, 12), {12: 0.4})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "damaged"),
        ("{", "damaged"),
        ('{"size": 0}', "size: Expected int >= 1"),
        ('{"size": 100000}', "size: Expected int <= 4096"),
        ('{"size": 3.5}', "size: Expected int"),
        ('{"size": true}', "size: Expected int"),
        ('{"size": 3, "aus": [1, "x"]}', r"aus\[1\]: Expected int"),
        ("{}", "required field size"),
        ("[1]", "Expected object"),
        ('{"size": 3, "thresholds": {"12": NaN}}', "damaged"),
        ('{"size": 3, "thresholds": {"12": 1e400}}', "damaged"),
        ('{"size": ' + "9" * 5000 + "}", "damaged"),
        ("[" * 100_000, "nested too deeply|damaged"),
    ],
)
def test_json_of_another_shape_is_refused_with_its_field(text: str, said: str) -> None:
    with pytest.raises(FileError, match=f"^h.json.*({said}).*; train again$"):
        parse_json(text, _Header, "h.json", FileError, "train again")


def test_file_that_is_none_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(FileError, match=str(path)):
            read_json(path, dict[str, Any])


def test_what_the_system_says_of_a_file_is_no_fault_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")

    def failing(self: Path, *words: object, **options: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", failing)
        with pytest.raises(OSError, match="Input/output error") as told:
            read_json(path, dict[str, Any])
    assert told.value.filename == str(path)
    with pytest.raises(FileError, match="does not exist"):
        read_json(path / "b.json", dict[str, Any])


def test_plain_data_become_an_object() -> None:
    assert convert({"size": 3}, _Header, "x") == _Header(3)


_BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_BOMB, "more than 100,000 values"),
        ("a: &a [*a]", "the anchor 'a' refers to itself"),
        ("a: &a [" + "1, " * 999 + "]\nb: [" + "*a, " * 101 + "]", "more than 100,000 values"),
        ("[" * 3000 + "]" * 3000, "nested"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("a: 1\na: 2", "'a' is given twice"),
        ("\x00", "not YAML"),
        ("a: [", "not YAML"),
        ("a: 1\nb: " + "w" * 1001, "a text of more than 1,000 letters in line 2"),
    ],
)
def test_yaml_that_unfolds_or_makes_objects_is_refused(text: str, said: str) -> None:
    with pytest.raises(FileError, match=f"(?s)^c.yaml.*{said}"):
        parse_yaml(text, "c.yaml")


def test_anchors_within_anchors_are_read() -> None:
    text = "a: &a {x: &x [1, 2]}\nb: &b {x: *x, a: *a}\nc: [*a, *b]"
    one = {"x": [1, 2]}
    assert parse_yaml(text, "c.yaml") == {"a": one, "b": {**one, "a": one}, "c": [one, {**one, "a": one}]}


def test_yaml_with_an_anchor_and_a_merge_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("usual: &u {a: 1, b: 2}\nown: {<<: *u, b: 3}\n")
    assert read_yaml(path) == {"usual": {"a": 1, "b": 2}, "own": {"a": 1, "b": 3}}
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="UTF-8"):
        read_yaml(path)
