from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from metafacs.evaluation.archive import write_archive
from metafacs.evaluation.merging import merged
from metafacs.evaluation.record_files import RecordError
from metafacs.evaluation.records import Record, read_records

A, B = Path("a/record.json"), Path("b/record.json")


def test_the_same_record_of_several_places_counts_once(record_of: Callable[..., Record]) -> None:
    first, second = record_of(seed=0), record_of(seed=1)
    again = replace(first, seconds={"train": 9.0}, versions={"torch": "0"})
    assert merged([[(A, first)], [(B, again), (B, second)]]) == [first, second]


def test_an_archived_record_and_its_file_count_once(record_of: Callable[..., Record], tmp_path: Path) -> None:
    record = replace(record_of(), history={"iteration": [1.0, 2.0], "loss": [0.123456789, 7.0]})
    write_archive(tmp_path / "study.jsonl", [record], name="study")
    (archived,) = read_records(tmp_path / "study.jsonl")
    assert archived.history != record.history
    assert merged([[(A, archived)], [(B, record)]]) == [archived]
    other = replace(record, history={"iteration": [1.0, 2.0], "loss": [0.12356789, 7.0]})
    with pytest.raises(RecordError, match="but differ"):
        merged([[(A, archived)], [(B, other)]])


def test_records_of_one_name_that_differ_are_refused_with_both_files(
    record_of: Callable[..., Record],
) -> None:
    first, other = record_of(skill=1.0), record_of(skill=2.0)
    with pytest.raises(RecordError, match=r"a/record.json and b/record.json are both mal, fold1-seed0, but"):
        merged([[(A, first)], [(B, other)]])
    # Other settings are another run, and what lies in one place is not compared.
    assert len(merged([[(A, first)], [(B, replace(other, config={"options": {"focus": 1}}))]])) == 2
    assert len(merged([[(A, first), (B, other)]])) == 2


def test_a_run_that_one_place_has_lost_and_the_other_not_is_refused(
    record_of: Callable[..., Record], lost_record_of: Callable[..., Record]
) -> None:
    chosen = {"threshold": 0.5, "thresholds": {"1": 0.3}, "thresholds_chosen_on": {"people": ["F001"]}}
    for config in ({}, chosen):
        sound = replace(record_of(), config=config)
        lost = replace(
            lost_record_of(), config={name: config[name] for name in config if name == "threshold"}
        )
        with pytest.raises(RecordError, match="but differ"):
            merged([[(A, sound)], [(B, lost)]])


def test_what_a_start_was_trained_in_is_no_difference(record_of: Callable[..., Record]) -> None:
    started = {"initialised_from": {"method": "mal", "sha256": "1"}}
    first = replace(record_of(), config=started)
    again = replace(first, config={"initialised_from": {"method": "mal", "sha256": "2"}})
    assert merged([[(A, first)], [(B, again)]]) == [first]


def test_an_earlier_version_told_less_of_the_models_that_a_run_learned_from(
    record_of: Callable[..., Record],
) -> None:
    told = {"method": "mal", "sha256": "1"}
    first = replace(record_of(), config={"initialised_from": told, "pseudo_labels": told})
    more = {**told, "fingerprint": "2", "decides_at": {"thresholds": {"1": 0.5}, "chosen_on": {}}}
    again = replace(first, config={"initialised_from": more, "pseudo_labels": more})
    assert merged([[(A, first)], [(B, again)]]) == [first]
    with pytest.raises(RecordError, match="but differ"):
        merged([[(A, first)], [(B, replace(record_of(skill=2.0), config=again.config))]])
