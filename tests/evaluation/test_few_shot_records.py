from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from metafacs.evaluation.few_shot_records import (
    FewShotRecord,
    RecordError,
    few_shot_record_paths,
    read_few_shot_record,
    write_few_shot_record,
)
from metafacs.evaluation.records import read_records

Maker = Callable[..., FewShotRecord]


def test_everything_comes_back(few_shot_record_of: Maker, tmp_path: Path) -> None:
    record = few_shot_record_of()
    write_few_shot_record(record, tmp_path / "a.json")
    assert read_few_shot_record(tmp_path / "a.json") == record
    assert few_shot_record_paths(tmp_path) == [tmp_path / "a.json"]


def test_it_is_not_taken_for_a_record_of_training(few_shot_record_of: Maker, tmp_path: Path) -> None:
    write_few_shot_record(few_shot_record_of(), tmp_path / "a.json")
    with pytest.raises(RecordError, match="no records"):
        read_records(tmp_path)


def test_an_old_file_names_no_paper(few_shot_record_of: Maker, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_few_shot_record(few_shot_record_of(paper="maml_au"), path)
    assert read_few_shot_record(path).paper == "maml_au"
    content = json.loads(path.read_text())
    del content["paper"]
    path.write_text(json.dumps(content))
    assert read_few_shot_record(path).paper == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("shots"), "lacks the key 'shots'"),
        (lambda content: content.update(few_shot_schema=0), "no few-shot record of schema"),
        (lambda content: content["accuracy"].update({"1": [0.5]}), "lack a score"),
        (lambda content: content["accuracy"].update({"1": [0.5, 1.5]}), "lie in"),
        (lambda content: content.update(accuracy=3), "wrong kind"),
    ],
)
def test_broken_records_are_named(
    few_shot_record_of: Maker, tmp_path: Path, change: Callable[[dict], object], message: str
) -> None:
    path = tmp_path / "a.json"
    write_few_shot_record(few_shot_record_of(), path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match=message) as caught:
        read_few_shot_record(path)
    assert "a.json" in str(caught.value)


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(RecordError, match="cannot be read as JSON"):
        read_few_shot_record(tmp_path / "a.json")
