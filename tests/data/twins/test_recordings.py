from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from metafacs.data.twins.recordings import (
    Occlusion,
    Recording,
    Sitter,
    film,
    finish_recordings,
    record_of,
    spread_positions,
    unknown_cells,
)
from metafacs.data.twins.sessions import Programme, sample_person, sample_session
from metafacs.synthesis.activations import is_present
from metafacs.synthesis.camera import LAB, Camera
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import Subject
from metafacs.synthesis.scenes import sample_studio

STILL = Camera()
PROGRAMME = Programme("a smile", {6: 0.5, 12: 0.6}, sway=0.02)


@pytest.fixture(scope="module")
def sitter() -> Sitter:
    subject = Subject(sample_identity(3, pool="recordings"))
    return Sitter(subject, sample_studio(np.random.default_rng(0)))


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording("test", 0, "P1", "smile", 60, (0, 20, 40), None, 48)


@pytest.fixture(scope="module")
def session(recording):
    rng = recording.generator("session")
    return sample_session(rng, PROGRAMME, sample_person(rng, PROGRAMME.rates), recording.length)


def test_a_frame_is_the_same_whatever_is_rendered_before_it(recording, sitter, session):
    whole = [picture for picture, _ in film(recording, sitter, session, LAB)]
    ((last, frame),) = film(replace(recording, rendered=(40,)), sitter, session, LAB)
    np.testing.assert_array_equal(last, whole[2])
    assert frame.number == 1
    ((_, numbered),) = film(replace(recording, rendered=(40,), first=2440), sitter, session, LAB)
    assert numbered.number == 2480


def test_what_is_before_the_face_changes_the_picture_and_not_the_truth(recording, sitter, session):
    bare = list(film(recording, sitter, session, STILL))
    events = [Occlusion("cup", 15, 45), Occlusion("hand", 41, 60)]
    covered = list(film(recording, sitter, session, STILL, events))
    assert [frame.provenance["occluder"] for _, frame in covered] == ["none", "cup", "cup"]
    np.testing.assert_array_equal(covered[0][0], bare[0][0])
    for (with_cup, truth), (without, plain) in zip(covered[1:], bare[1:], strict=True):
        assert (np.abs(with_cup.astype(int) - without).max(2) > 20).mean() > 0.01
        assert truth.action_units == plain.action_units
        np.testing.assert_array_equal(truth.landmarks, plain.landmarks)
    spectacled = list(film(recording, replace(sitter, spectacles=True), session, STILL, events))
    assert [frame.provenance["occluder"] for _, frame in spectacled] == [
        "glasses",
        "glasses+cup",
        "glasses+cup",
    ]


def test_positions_are_spread_one_to_each_part():
    for count in (1, 7, 100):
        positions = spread_positions(np.random.default_rng(count), 100, count)
        assert [position * count // 100 for position in positions] == list(range(count))


def test_the_record_of_a_chunk_holds_the_truth(recording, sitter, session, tmp_path):
    frames = [frame for _, frame in film(recording, sitter, session, LAB)]
    record = record_of("P1", "P1/{:04d}", frames, {12})
    assert (record["subject"], record["frames"]) == ("P1", 3)
    shown = sum(is_present(frame.action_units.get(12, 0.0)) for frame in frames)
    assert record["positives"] == ({"12": shown} if shown else {})
    assert finish_recordings(tmp_path, [record, record], (12, 6)) == {"12": round(shown / 3, 4), "6": 0.0}
    with (tmp_path / "twin_provenance.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == ["P1/0001", "P1/0002", "P1/0003"] * 2
    for row, frame in zip(rows, frames, strict=False):
        present = [str(au) for au, x in frame.action_units.items() if is_present(x)]
        assert row["action_units"] == ("+".join(present) or "null")
        assert row["occluder"] == "none"


def test_unknown_cells_are_as_many_as_wanted():
    cells = unknown_cells(np.random.default_rng(0), 1000, (1, 4, 12), 0.02)
    assert len(cells) == pytest.approx(60, abs=25)
    assert {au for _, au in cells} == {1, 4, 12}
