from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metafacs.evaluation.archive import (
    ArchiveError,
    archives_in,
    common_part,
    find_archive,
    joined,
    read_archive,
    remaining_part,
    write_archive,
)
from metafacs.evaluation.few_shot_records import FewShotRecord, read_few_shot_records, write_few_shot_record
from metafacs.evaluation.records import Record, RecordError, read_records, write_record

MakeRecord = Callable[..., Record]
MakeFewShotRecord = Callable[..., FewShotRecord]

# Few keys and few values, so that objects share some, differ in others and mix kinds under one key.
LEAVES = st.sampled_from([None, True, 0, 1, 1.0, 0.5, "", "a", [], [1], [{"x": 1}]])
OBJECTS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), LEAVES | inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def records(record_of: MakeRecord) -> list[Record]:
    return [
        replace(record_of(method, fold=fold), label=label)
        for label, method in (("", "mal"), ("half", "mal"), ("half_lab", "single_task"))
        for fold in (1, 2)
    ]


@pytest.fixture
def path(records: list[Record], tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "study.jsonl"
    write_archive(path, records, name="study")
    return path


def text(value: object) -> str:
    """Return what tells 1 from 1.0 and true, whatever the order of keys."""
    return json.dumps(value, sort_keys=True)


@given(st.lists(OBJECTS, min_size=1, max_size=4))
def test_factoring_out_and_putting_back_is_the_identity(contents: list[dict[str, Any]]) -> None:
    common = common_part(contents)
    parts = [remaining_part(content, common) for content in contents]
    restored = [joined(common, part) for part in parts]
    assert [text(content) for content in restored] == [text(content) for content in contents]
    assert common_part(parts) == {} or all(isinstance(value, dict) for value in common_part(parts).values())
    # What was read is written the same again, to the order of keys.
    again = common_part(restored)
    assert json.dumps([again, *(remaining_part(content, again) for content in restored)]) == json.dumps(
        [common, *parts]
    )


def test_all_comes_back_but_digits_of_the_curves(records: list[Record], path: Path) -> None:
    found = read_records(path)
    for record, back in zip(records, found, strict=True):
        assert replace(back, history=record.history) == record
        for name, curve in record.history.items():
            assert back.history[name] == pytest.approx(curve, rel=5e-4)
            assert all(len(repr(value).replace("0.", "").rstrip("0")) <= 5 for value in back.history[name])
    assert [p.name for p in path.parent.iterdir()] == ["study.jsonl"]


def test_whole_numbers_of_the_curves_keep_their_digits(record_of: MakeRecord, tmp_path: Path) -> None:
    record = replace(
        record_of(), history={"iteration": [75_620.0, 75_621.0], "loss": [float("nan"), 1234.56]}
    )
    write_archive(tmp_path / "a.jsonl", [record], name="a")
    (back,) = read_records(tmp_path / "a.jsonl")
    assert back.history["iteration"] == [75_620.0, 75_621.0]
    assert back.history["loss"][1] == 1235.0


def test_the_first_line_holds_what_is_common_and_the_others_only_the_rest(path: Path) -> None:
    header, *lines = map(json.loads, path.read_text().splitlines())
    assert [header[key] for key in ("format", "name", "synthetic", "runs")] == [
        "metafacs archive 1",
        "study",
        True,
        6,
    ]
    assert header["common"]["config"] == {"backbone": "small"}
    assert header["common"]["data"] == {"name": "bp4d", "synthetic": True, "twin_seed": 0, "split": "3fold"}
    assert set(lines[0]["data"]) == {"split_hash", "fold"}
    assert all("config" not in line and "versions" not in line for line in lines)


def test_few_shot_records_are_kept_alike(few_shot_record_of: MakeFewShotRecord, tmp_path: Path) -> None:
    records = [few_shot_record_of(subject=subject, shots=shots) for subject in "ab" for shots in (1, 5)]
    write_archive(tmp_path / "few.jsonl", records, name="few")
    assert read_few_shot_records(tmp_path / "few") == records
    assert read_few_shot_records(tmp_path / "few" / "maml-a-*") == records[:2]
    with pytest.raises(ArchiveError, match=r"few\.jsonl, line 2: this program reads record schema 1"):
        read_records(tmp_path / "few")


def test_an_archive_stands_for_the_folder_of_its_name(records: list[Record], path: Path) -> None:
    folder = path.with_suffix("")
    assert read_records(folder) == read_records(path)
    runs = {
        "half": ["half/fold1", "half/fold2"],
        "half-*": ["half/fold1", "half/fold2"],
        "half*": ["half/fold1", "half/fold2", "half_lab/fold1", "half_lab/fold2"],
        "half-*.json": ["half/fold1", "half/fold2"],
        "*-fold2-seed0.json": ["/fold2", "half/fold2", "half_lab/fold2"],
        "mal": ["/fold1", "/fold2"],
    }
    for name, expected in runs.items():
        assert [f"{r.label}/fold{r.data.fold}" for r in read_records(folder / name)] == expected
    assert len(read_records(folder / "mal", folder / "half_*")) == 4
    with pytest.raises(
        ArchiveError, match=r"study\.jsonl has no run 'G'; it has runs of half, half_lab, mal"
    ):
        read_records(folder / "G")


def test_what_exists_is_taken_as_it_is(records: list[Record], path: Path) -> None:
    write_record(records[0], path.with_suffix("") / "run.json")
    assert len(read_records(path.with_suffix(""))) == 1
    assert find_archive(path.with_suffix("")) is None
    assert find_archive(Path("absent")) is None
    assert read_few_shot_records(path.with_suffix("")) == []


def test_a_folder_of_archives_is_refused(path: Path) -> None:
    (path.parent / "faces.jsonl").write_text('{"input": "a.png"}\n')
    os.mkfifo(path.parent / "pipe.jsonl")
    assert archives_in(path.parent) == [path]
    for read in (read_records, read_few_shot_records):
        with pytest.raises(RecordError, match=r"each of its archives; name one of them: study\.jsonl"):
            read(path.parent)


def test_few_shot_records_and_others_do_not_mix(
    path: Path, few_shot_record_of: MakeFewShotRecord, tmp_path: Path
) -> None:
    write_few_shot_record(few_shot_record_of(), tmp_path / "few.json")
    assert len(read_few_shot_records(tmp_path / "few.json")) == 1
    with pytest.raises(RecordError, match=r"study\.jsonl holds no few-shot records, but others do"):
        read_few_shot_records(tmp_path / "few.json", path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [*lines[:3], lines[3][:200]], "line 4: the line is damaged .*truncated"),
        (lambda lines: lines[:3], "holds 2 runs, but line 1 promises 6"),
        (lambda lines: [*lines, lines[1]], "holds 7 runs, but line 1 promises 6"),
        (lambda lines: [*lines[:2], "", *lines[2:]], "line 3: the line is damaged .*truncated"),
        (lambda lines: [*lines[:2], "[1]", *lines[3:]], "line 3: the line: Expected object, got array"),
        (
            lambda lines: [*lines[:2], lines[2].replace('"fold":2', '"fld":2'), *lines[3:]],
            "line 3.*required field fold",
        ),
        (
            lambda lines: [*lines[:2], lines[2].replace('"tp":[', '"tp":[9'), *lines[3:]],
            "line 3.*positive labels",
        ),
        (lambda lines: [*lines[:2], '{"schema":1}', *lines[3:]], "line 3: 'schema' stands in the first line"),
        (lambda lines: [lines[0].replace("archive 1", "archive 2"), *lines[1:]], "one of another version"),
        (
            lambda lines: [lines[0].replace('"runs":6,', ""), *lines[1:]],
            "line 1: Object missing required field runs",
        ),
        (lambda lines: [lines[0][:99], *lines[1:]], "line 1: the line is damaged"),
        (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], "not what was written; restore"),
        (
            lambda lines: [lines[0], lines[1].replace("0.9", "0.8", 1), *lines[2:]],
            "line 2|not what was written",
        ),
        (lambda lines: [lines[0].replace("small", "smull"), *lines[1:]], "not what was written"),
        (lambda lines: [*lines[:2], "[" * 5000 + "]" * 5000, *lines[3:]], "line 3.*nested too deeply"),
        (lambda lines: [], "line 1: the line is damaged"),
    ],
)
def test_what_is_cut_or_edited_is_named(
    path: Path, change: Callable[[list[str]], list[str]], message: str
) -> None:
    lines = change(path.read_text().splitlines())
    path.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(ArchiveError, match=message) as caught:
        read_records(path)
    assert "study.jsonl" in str(caught.value)


def test_an_absent_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"a\.jsonl does not exist"):
        read_records(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(ArchiveError, match=r"a\.jsonl, line 1"):
        read_archive(tmp_path / "a.jsonl", Record.from_json)


def test_nothing_and_repeated_runs_are_not_archived(record_of: MakeRecord, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no records to archive"):
        write_archive(tmp_path / "a.jsonl", [], name="a")
    with pytest.raises(ArchiveError, match="each run once, but mal-fold1-seed0 came twice"):
        write_archive(tmp_path / "a.jsonl", [record_of(), record_of()], name="a")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_archive(
    record_of: MakeRecord, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_archive(path, [record_of()], name="study")
    assert len(read_records(path)) == 6
    assert archives_in(path.parent) == list(path.parent.iterdir())
