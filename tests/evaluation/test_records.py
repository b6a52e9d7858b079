from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metafacs.evaluation.expression_results import ExpressionIntervals, ExpressionResult
from metafacs.evaluation.records import Record, RecordError, read_record, read_records, write_record

MakeRecord = Callable[..., Record]


def test_record_survives_the_disk(record_of: MakeRecord, tmp_path: Path) -> None:
    record = record_of()
    path = tmp_path / "deep" / "run.json"
    write_record(record, path)
    assert read_record(path) == record
    assert [p.name for p in path.parent.iterdir()] == ["run.json"]


def test_file_has_the_documented_keys(record_of: MakeRecord) -> None:
    content = record_of().to_json()
    assert content["schema"] == 1
    assert list(content["data"]) == ["name", "synthetic", "twin_seed", "split", "split_hash", "fold"]
    assert set(content["f1"]) == {"1", "2", "4", "6", "12"}
    assert set(next(iter(content["per_subject"].values()))) == {"tp", "fp", "fn", "tn"}
    assert set(content["interval"]) == {"f1_average", "level", "bootstrap", "over"}
    assert content["expressions"] is None


def test_missing_score_is_null_in_the_file_and_nan_in_memory(record_of: MakeRecord, tmp_path: Path) -> None:
    record = record_of()
    write_record(replace(record, auc=record.auc | {12: float("nan")}), tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text())["auc"]["12"] is None
    assert math.isnan(read_record(tmp_path / "run.json").auc[12])


def test_failed_write_leaves_the_old_record(
    record_of: MakeRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    write_record(record_of(seed=1), path)

    def broken(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_record(record_of(seed=2), path)
    assert read_record(path).seed == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("key", ["method", "data", "seed", "aus", "f1", "per_subject", "config", "versions"])
def test_missing_key_is_named(record_of: MakeRecord, key: str) -> None:
    content = record_of().to_json()
    del content[key]
    with pytest.raises(RecordError, match=key):
        Record.from_json(content)


@pytest.mark.parametrize("key", ["interval", "history", "expressions"])
def test_documented_keys_may_be_absent(record_of: MakeRecord, key: str) -> None:
    content = record_of().to_json()
    del content[key]
    assert not getattr(Record.from_json(content), key)


def test_an_old_file_names_no_paper(record_of: MakeRecord) -> None:
    content = replace(record_of(), paper="mal").to_json()
    assert Record.from_json(content).paper == "mal"
    del content["paper"]
    assert Record.from_json(content).paper == ""


def test_interval_of_an_old_file_is_over_subjects(record_of: MakeRecord) -> None:
    content = record_of().to_json()
    del content["interval"]["over"]
    record = Record.from_json(content)
    assert record.interval is not None
    assert record.interval.over == "subjects"


def test_recognised_expressions_survive_the_disk(record_of: MakeRecord, tmp_path: Path) -> None:
    result = ExpressionResult(("happily sad", "sadly angry"), ((3, 1), (0, 0)), "1101")
    write_record(replace(record_of(), expressions=result), tmp_path / "run.json")
    content = json.loads((tmp_path / "run.json").read_text())["expressions"]
    assert content["recalls"] == {"happily sad": 0.75, "sadly angry": None}
    assert read_record(tmp_path / "run.json").expressions == result
    for changes, message in (
        ({"confusion": [[1]]}, "2 x 2"),
        ({"names": None}, "expressions.names: Expected array, got null"),
    ):
        with pytest.raises(RecordError, match=message):
            Record.from_json(record_of().to_json() | {"expressions": content | changes})
    with pytest.raises(RecordError, match="expressions: Object missing required field names"):
        Record.from_json(record_of().to_json() | {"expressions": {"intervals": None}})


def test_intervals_of_expressions_survive_the_disk(record_of: MakeRecord, tmp_path: Path) -> None:
    bounds = ExpressionIntervals((0.2, 0.9), (0.3, float("nan")), 0.95, 200, "pictures")
    result = ExpressionResult(("happily sad", "sadly angry"), ((3, 1), (0, 0)), "1101", bounds)
    write_record(replace(record_of(), expressions=result), tmp_path / "run.json")
    back = read_record(tmp_path / "run.json").expressions
    assert back is not None
    assert back.intervals is not None
    assert back.intervals.accuracy == (0.2, 0.9)
    assert math.isnan(back.intervals.mean_recall[1])


def test_people_are_counted_where_they_are_known(record_of: MakeRecord) -> None:
    record = record_of()
    assert record.people == 8
    counts = list(record.per_subject.values())
    total = {name: [sum(c[name][j] for c in counts) for j in range(5)] for name in counts[0]}
    assert replace(record, per_subject={"": total}).people == 0


def changed(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**content, **changes}


def test_contradictions_are_refused(record_of: MakeRecord) -> None:
    content = record_of().to_json()
    for changes, message in (
        ({"schema": 2}, "schema 1"),
        ({"f1": {"1": 0.5}}, "'f1' must have one value"),
        ({"f1": content["f1"] | {"1": 1.2}}, r"lie in \[0, 1\]"),
        ({"aus": [1, 1, 4, 6, 12]}, "repeated"),
        ({"positives": content["positives"] | {"1": 3}}, "positive labels of AU1"),
        ({"per_subject": {"F001": {"tp": [1]}}}, "subject F001"),
        ({"history": {"loss": [1.0]}}, "no 'iteration'"),
        ({"history": {"iteration": [0.0, 1.0], "loss": [1.0]}}, "differ in length"),
        ({"seed": "many"}, "seed: Expected int, got str"),
        ({"seed": -1}, "a seed is 0 or more"),
        ({"data": None}, "data: Expected object, got null"),
        ({"iterations": -5}, "iterations: Expected int >= 0"),
        ({"iterations": 10**400}, "iterations: "),
        ({"accuracy": content["accuracy"] | {"1": 0.123}}, "which the subjects' counts do not give"),
        (
            {"f1": content["f1"] | {"1": 0.123}},
            "'f1' of AU1 is 0.123, which the subjects' counts do not give",
        ),
        ({"f1_average": 0.123}, "is not the mean of 'f1'"),
        ({"history": {"iteration": [1.0], "loss": [1e308]}}, "beyond 1e"),
        ({"history": {"iteration": ["a"]}}, "Expected float, got str"),
        ({"versions": {"torch": 2}}, "Expected str, got int"),
        ({"labl": "x"}, "holds the unknown key 'labl'"),
        ({"interval": {**content["interval"], "f1_average": [0.9, 0.1]}}, "the bounds of 'interval'"),
        ({"interval": {**content["interval"], "level": 95}}, "at level 95"),
        ({"seconds": {"train": -1}}, "times are 0 or more"),
        ({"config": {"data": None}}, "config.data: Expected array, got null"),
        ({"config": {"options": 7}}, "config.options: Expected object, got int"),
        (
            {"config": {"data": [{"name": "bp4d"}]}},
            r"config.data\[0\]: Object missing required field dataset",
        ),
    ):
        with pytest.raises(RecordError, match=message):
            Record.from_json(changed(content, **changes))


def test_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": 1, "method": ')
    with pytest.raises(RecordError, match=r"run\.json is damaged .*; restore it, or delete it"):
        read_record(tmp_path / "run.json")
    with pytest.raises(RecordError, match=r"absent\.json does not exist"):
        read_record(tmp_path / "absent.json")


def test_folder_of_records_is_read_in_order_and_other_json_is_passed_over(
    record_of: MakeRecord, tmp_path: Path
) -> None:
    write_record(record_of("single_task"), tmp_path / "b" / "run.json")
    write_record(record_of("mal"), tmp_path / "a" / "run.json")
    (tmp_path / "TWIN.json").write_text("{}")
    assert [record.method for record in read_records(tmp_path)] == ["mal", "single_task"]
    with pytest.raises(RecordError, match="no records"):
        read_records(tmp_path / "a", tmp_path / "c")


def test_records_are_read_from_several_places(record_of: MakeRecord, tmp_path: Path) -> None:
    write_record(record_of("single_task"), tmp_path / "b" / "run.json")
    write_record(record_of("mal"), tmp_path / "a" / "run.json")
    places = (tmp_path / "b" / "run.json", tmp_path / "a")
    assert [record.method for record in read_records(*places)] == ["single_task", "mal"]


def test_counts_are_whole_numbers_and_not_negative(record_of: MakeRecord) -> None:
    for count in (-5, "3", None, 0.5, 10**18):
        content = record_of().to_json()
        next(iter(content["per_subject"].values()))["fp"] = [count] * 5
        with pytest.raises(RecordError, match=r"per_subject.*: Expected int"):
            Record.from_json(content)


def test_another_number_is_damage(record_of: MakeRecord, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_record(record_of(), path)
    text = path.read_text()
    path.write_text(text.replace('"train": 60.0', '"train": 61.0'))
    with pytest.raises(
        RecordError, match=r"run\.json: the record is damaged or was edited: .*test the model again"
    ):
        read_record(path)
    content = json.loads(text)
    del content["sha256"]
    path.write_text(json.dumps(content))
    assert read_record(path) == record_of()


@pytest.mark.parametrize("deep", ["[" * 100_000 + "]" * 100_000, '{"a":' * 990 + "1" + "}" * 990])
def test_deep_nesting_is_refused(record_of: MakeRecord, tmp_path: Path, deep: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(record_of().to_json()).replace('{"backbone": "small"}', deep))
    with pytest.raises(RecordError, match=r"run\.json"):
        read_record(path)


@pytest.mark.parametrize("content", [b"", bytes(4096), b'{"schemb": 1, "method": "mal"}', None])
def test_a_damaged_record_is_named_and_the_others_are_read(
    record_of: MakeRecord, tmp_path: Path, content: bytes | None
) -> None:
    for name in "ab":
        write_record(record_of(), tmp_path / name / "record.json")
    (tmp_path / "a" / "._record.json").write_bytes(b"Mac")
    broken = tmp_path / "b" / "record.json"
    if content is None:
        broken.unlink()
        os.mkfifo(broken)
    else:
        broken.write_bytes(content)
    damaged: list[str] = []
    assert read_records(tmp_path, damaged=damaged) == [record_of()]
    assert len(damaged) == 1
    assert damaged[0].startswith(str(broken))
    for places in ((tmp_path,), (tmp_path / "b",)):
        with pytest.raises(RecordError, match=r"b.record\.json"):
            read_records(*places)
    with pytest.raises(RecordError, match=r"b.record\.json"):
        read_records(tmp_path / "b", damaged=[])
