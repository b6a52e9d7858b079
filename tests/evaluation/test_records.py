from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metafacs.evaluation.expression_results import ExpressionResult
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
    write_record(replace(record, f1=record.f1 | {12: float("nan")}), tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text())["f1"]["12"] is None
    assert math.isnan(read_record(tmp_path / "run.json").f1[12])


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
        ({"names": None}, "wrong kind"),
    ):
        with pytest.raises(RecordError, match=message):
            Record.from_json(record_of().to_json() | {"expressions": content | changes})
    with pytest.raises(RecordError, match="lacks the key 'names'"):
        Record.from_json(record_of().to_json() | {"expressions": {"intervals": None}})


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
        ({"seed": "many"}, "wrong kind"),
        ({"data": None}, "wrong kind"),
    ):
        with pytest.raises(RecordError, match=message):
            Record.from_json(changed(content, **changes))


def test_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": 1, "method": ')
    with pytest.raises(RecordError, match=r"run\.json is not JSON"):
        read_record(tmp_path / "run.json")
    with pytest.raises(RecordError, match="no such record"):
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
