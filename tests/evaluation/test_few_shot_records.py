from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from metafacs.evaluation.few_shot_records import (
    FewShotRecord,
    few_shot_record_paths,
    read_few_shot_record,
    read_few_shot_records,
    write_few_shot_record,
)
from metafacs.evaluation.record_files import RecordError
from metafacs.evaluation.records import read_records

Maker = Callable[..., FewShotRecord]


def as_earlier_versions(path: Path) -> dict:
    """Return the content of a record without its digest."""
    content: dict = json.loads(path.read_text())
    del content["sha256"]
    return content


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
    content = as_earlier_versions(path)
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
        (lambda content: content.update(accuracy=3), "accuracy: Expected object, got int"),
        (lambda content: content.update(steps=[]), "steps: Expected array of length >= 1"),
        (lambda content: content.update(config={}), "config: Object missing required field testing"),
        (lambda content: content.update(shots=-1), "shots: Expected int >= 0"),
        (lambda content: content["deviation"].update({"1": [0.5, -1.0]}), "deviations lie in"),
        (lambda content: content["seconds"].update(train=-1), "times are 0 or more"),
        (lambda content: content.update(leaner=1), "holds the unknown key 'leaner'"),
    ],
)
def test_broken_records_are_named(
    few_shot_record_of: Maker, tmp_path: Path, change: Callable[[dict], object], message: str
) -> None:
    path = tmp_path / "a.json"
    write_few_shot_record(few_shot_record_of(), path)
    content = as_earlier_versions(path)
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match=message) as caught:
        read_few_shot_record(path)
    assert "a.json" in str(caught.value)


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(RecordError, match=r"a\.json is damaged"):
        read_few_shot_record(tmp_path / "a.json")


def test_another_number_is_damage(few_shot_record_of: Maker, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_few_shot_record(few_shot_record_of(), path)
    path.write_text(path.read_text().replace("0.7", "0.8"))
    with pytest.raises(RecordError, match=r"a\.json: the record is damaged or was edited"):
        read_few_shot_record(path)


def test_a_damaged_record_is_named_and_the_others_are_read(few_shot_record_of: Maker, tmp_path: Path) -> None:
    for subject in "AB":
        write_few_shot_record(few_shot_record_of(subject=subject), tmp_path / f"maml-{subject}-5shot.json")
    broken = [tmp_path / "maml-A-5shot.json", tmp_path / "record.json"]
    for path in broken:
        path.write_bytes(bytes(300))
    damaged: list[str] = []
    assert [record.subject for record in read_few_shot_records(tmp_path, damaged=damaged)] == ["B"]
    assert [problem.split(" ")[0] for problem in damaged] == list(map(str, broken))
    with pytest.raises(RecordError, match="maml-A-5shot"):
        read_few_shot_records(tmp_path)
