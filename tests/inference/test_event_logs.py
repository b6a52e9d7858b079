from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from metafacs.inference.detector import Detector
from metafacs.inference.event_logs import BORIS_COLUMNS, write_boris_csv
from metafacs.inference.events import EventRules, find_events, write_events_csv
from metafacs.inference.result import FaceResult
from metafacs.inference.timelines import gather_timelines

Maker = Callable[..., Detector]
Results = Callable[..., list[list[FaceResult]]]
PLAIN = EventRules(smoothing=0, hysteresis=0, minimum_duration=0, merge_pause=0)


def test_people_are_subjects_and_aus_states(
    tmp_path: Path, make_detector: Maker, make_results: Results
) -> None:
    results = make_results({0: [0.1, 0.45, 0.1, 0.1], 2: [0.1, 0.1, 0.9, 0.9]})
    timelines = gather_timelines(results, make_detector())
    path = tmp_path / "boris.csv"
    write_boris_csv(path, timelines, find_events(timelines, PLAIN), rate=25.0)
    table = pd.read_csv(path)
    assert tuple(table.columns) == BORIS_COLUMNS
    assert table["Subject"].tolist() == ["person0", *["person2"] * 3]
    assert table["Behavior"].tolist() == ["AU12", "AU01", "AU06", "AU12"]
    assert set(table["Behavior type"]) == {"STATE"}
    first, last = table.iloc[0], table.iloc[-1]
    assert (first["Observation id"], first["Source"]) == ("session", "player #1:session.mp4")
    assert first[["Start (s)", "Stop (s)", "Duration (s)"]].tolist() == [0.04, 0.08, 0.04]
    assert first[["Image index start", "Image index stop", "FPS (frame/s)"]].tolist() == [1, 1, 25]
    assert first["Coding duration"] == 0.16
    assert last["Observation duration by subject by observation"] == 0.24
    assert table["Comment stop"].fillna("").tolist() == ["", *["cut by a gap"] * 3]
    assert table["Comment start"].isna().all()


def test_no_name_is_a_formula_of_a_spreadsheet(
    tmp_path: Path, make_detector: Maker, make_results: Results
) -> None:
    timelines = replace(
        gather_timelines(make_results({0: [0.1, 0.9, 0.1]}), make_detector()), input="=cmd.mp4"
    )
    events = find_events(timelines, PLAIN)
    write_boris_csv(tmp_path / "boris.csv", timelines, events)
    write_events_csv(tmp_path / "events.csv", events)
    table = pd.read_csv(tmp_path / "boris.csv")
    assert set(table["Observation id"]) == {"'=cmd"}
    assert set(table["Media file name"]) == {"'=cmd.mp4"}
    assert set(table["Source"]) == {"player #1:=cmd.mp4"}
    assert set(pd.read_csv(tmp_path / "events.csv")["input"]) == {"'=cmd.mp4"}


def test_what_is_unknown_is_empty(tmp_path: Path, make_detector: Maker, make_results: Results) -> None:
    timelines = gather_timelines(make_results({0: [0.1, 0.9, 0.1]}), make_detector())
    write_boris_csv(tmp_path / "b.csv", timelines, find_events(timelines, PLAIN))
    assert pd.read_csv(tmp_path / "b.csv")["FPS (frame/s)"].isna().all()
    write_boris_csv(tmp_path / "b.csv", timelines, [])
    assert (tmp_path / "b.csv").read_text() == ",".join(BORIS_COLUMNS) + "\n"
