"""Rows and landmarks are found again by cursor and by number, whole, however much there is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from metafacs.app import rows
from metafacs.app.rows import ROWS, RowWriter, read_landmarks, read_rows
from metafacs.inference.engine import FrameResults
from metafacs.inference.result import FaceResult


def frame_of(number: int, people: int = 1, problem: str = "") -> FrameResults:
    faces = [
        FaceResult(
            "clip.mp4",
            number,
            person,
            number / 25,
            success=True,
            score=0.9,
            box=(1.0, 2.0, 30.0, 40.0),
            landmarks=np.full((68, 2), number + person / 10),
            probabilities={1: 0.25, 12: 0.75},
        )
        for person in range(people)
    ]
    return FrameResults(number, number / 25, faces or [FaceResult("clip.mp4", number, problem=problem)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with RowWriter(tmp_path, (12, 1)) as writer:
        for number in range(0, 200, 2):
            writer.add(frame_of(number, people=number % 3))
        writer.add(frame_of(200, 0, "lost"))
    return tmp_path


def test_rows_are_read_in_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_PART", 500)
    found, cursor, more = [], 0, True
    while more:
        part, cursor, more = read_rows(folder, cursor)
        found += json.loads(b"[" + part + b"]")
    assert [row["n"] for row in found] == [*range(0, 200, 2), 200]
    assert found[1]["faces"][0]["p"] == [0.75, 0.25]
    assert found[1]["faces"][0]["i"] == []
    assert (found[-1]["problem"], found[-1]["faces"]) == ("lost", [])
    assert read_rows(folder, cursor) == (b"", cursor, False)


def test_a_row_that_is_not_whole_yet_waits(folder: Path) -> None:
    _, cursor, _ = read_rows(folder, 0)
    with (folder / ROWS).open("ab") as file:
        file.write(b'{"n": 201')
    assert read_rows(folder, cursor) == (b"", cursor, False)
    with (folder / ROWS).open("ab") as file:
        file.write(b"}\n")
    assert read_rows(folder, cursor)[0] == b'{"n": 201}'


def test_a_place_where_no_row_begins_is_refused(folder: Path, tmp_path: Path) -> None:
    for place in (1, 17, 10**9):
        with pytest.raises(ValueError, match="after=0"):
            read_rows(folder, place)
    assert read_rows(tmp_path / "nothing", 0) == (b"", 0, False)
    with pytest.raises(ValueError, match="after=0"):
        read_rows(tmp_path / "nothing", 5)


def test_landmarks_of_a_stretch_of_frames(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(first: int, last: int) -> list[tuple[int, int]]:
        records = np.frombuffer(read_landmarks(folder, first, last), "<i4").reshape(-1, 138)
        return [(int(frame), int(person)) for frame, person in records[:, :2]]

    everything = [(number, person) for number in range(0, 200, 2) for person in range(number % 3)]
    assert told(0, 10**9) == everything
    assert told(3, 9) == [each for each in everything if 3 <= each[0] <= 9]
    assert told(9, 3) == told(199, 10**9) == []
    points = np.frombuffer(read_landmarks(folder, 8, 8), "<f4").reshape(-1, 138)[:, 2:]
    assert np.allclose(points[:, 0], [8.0, 8.1])
    monkeypatch.setattr(rows, "MOST_LANDMARKS", 5)
    assert told(0, 10**9) == everything[:5]
