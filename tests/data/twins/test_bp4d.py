from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from PIL import Image

from metafacs.data.datasets.bp4d import read_bp4d
from metafacs.data.facts import BP4D
from metafacs.data.twins.bp4d import (
    CODED_AUS,
    HEADER,
    INTENSITY_AUS,
    SUBJECTS,
    TINY_SUBJECTS,
    _plan_recording,
    _render,
    _sitter,
    _Size,
    _young_identity,
)
from metafacs.data.twins.recordings import film
from metafacs.data.twins.sessions import sample_session
from metafacs.data.twins.task_programmes import TASK_PROGRAMMES
from metafacs.faces.landmarks import landmarks_49
from metafacs.synthesis.activations import intensity_level, is_present
from metafacs.synthesis.camera import LAB


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_people_are_those_of_bp4d_and_tiny_covers_the_published_parts():
    assert len(SUBJECTS) == 41
    assert set(SUBJECTS) == {subject for part in BP4D.published_parts for subject in part}
    for part in BP4D.published_parts:
        sexes = sorted(subject[0] for subject in TINY_SUBJECTS if subject in part)
        assert sexes == ["F", "M"]


def test_layout_is_that_of_bp4d(bp4d_twin):
    root, summary = bp4d_twin
    assert summary.pictures == 96
    names = {path.stem for path in (root / "AUCoding" / "AU_OCC").glob("*.csv")}
    assert names == {f"{subject}_{task}" for subject in TINY_SUBJECTS for task in TASK_PROGRAMMES}
    first = (root / "AUCoding" / "AU_OCC" / "F001_T1.csv").read_text().splitlines()
    assert first[0] == ",".join(str(number) for number in range(28))
    assert first[1].startswith("2440,")
    assert (root / "Sequences(2D+3D)" / "F001" / "T1" / "2440.jpg").is_file()
    three = [path.stem for path in (root / "Sequences(2D+3D)" / "M001" / "T2").iterdir()]
    assert all(re.fullmatch(r"\d{3}", stem) for stem in three)
    four = [path.stem for path in (root / "Sequences(2D+3D)" / "F004" / "T5").iterdir()]
    assert all(re.fullmatch(r"\d{4}", stem) for stem in four)
    with Image.open(root / "Sequences(2D+3D)" / "F001" / "T1" / "2440.jpg") as picture:
        assert picture.size == (128, 128)
        assert picture.format == "JPEG"


def test_codes_are_0_1_9_and_uncoded_columns_hold_9(bp4d_twin):
    root, _ = bp4d_twin
    unknown = 0
    for path in (root / "AUCoding" / "AU_OCC").glob("*.csv"):
        for row in rows_of(path):
            assert int(row["0"]) > 0
            for au in HEADER[1:]:
                assert row[str(au)] in {"0", "1", "9"}
                if au not in CODED_AUS:
                    assert row[str(au)] == "9"
                else:
                    unknown += row[str(au)] == "9"
    assert 0 < unknown < 0.02 * 96 * len(CODED_AUS)


def test_intensities_agree_with_occurrences(bp4d_twin):
    root, _ = bp4d_twin
    for path in (root / "AUCoding" / "AU_OCC").glob("*.csv"):
        for au in INTENSITY_AUS:
            lines = (
                (root / "AUCoding" / "AU_INT" / f"AU{au:02d}" / f"{path.stem}_AU{au:02d}.csv")
                .read_text()
                .splitlines()
            )
            for line, row in zip(lines, rows_of(path), strict=True):
                frame, level = line.split(",")
                assert frame == row["0"]
                expected = "9" if level == "9" else str(int(int(level) >= 2))
                assert row[str(au)] == expected


def test_reader_gets_back_what_was_rendered(bp4d_twin):
    root, summary = bp4d_twin
    reading = read_bp4d(root)
    assert not reading.skipped
    assert len(reading.samples) == 96
    assert reading.twin is not None
    assert reading.twin["synthetic"] is True
    assert set(reading.aus) == set(CODED_AUS)
    assert {sample.subject for sample in reading.samples} == set(TINY_SUBJECTS)
    for au in BP4D.evaluated_aus:
        known = [sample.action_units[au] for sample in reading.samples if au in sample.action_units]
        assert np.mean(known) == pytest.approx(summary.counts["au_rates"][str(au)], abs=0.02)


def test_labels_are_those_of_the_rendering(tmp_path):
    sequence = _plan_recording(3, "M002", "T8", _Size(("M002",), 4, 48))
    record = _render(tmp_path, sequence)
    rows = rows_of(tmp_path / "AUCoding" / "AU_OCC" / "M002_T8.csv")
    assert [int(row["0"]) for row in rows] == [sequence.first + place for place in sequence.rendered]
    for au in CODED_AUS:
        coded = sum(row[str(au)] == "1" for row in rows)
        hidden = sum(row[str(au)] == "9" for row in rows)
        assert coded <= record["positives"].get(str(au), 0) <= coded + hidden


def test_landmark_lists_name_every_frame_of_their_part(bp4d_twin):
    root, _ = bp4d_twin
    for number, people in enumerate(BP4D.published_parts, start=1):
        paths = (root / "Landmarks" / f"BP4D_part{number}_path.txt").read_text().splitlines()
        lands = (root / "Landmarks" / f"BP4D_part{number}_land.txt").read_text().splitlines()
        assert len(paths) == len(lands) == 32
        assert all((root / "Sequences(2D+3D)" / path).is_file() for path in paths)
        assert {path.split("/")[0] for path in paths} == set(people) & set(TINY_SUBJECTS)
        assert all(len(line.split()) == 98 for line in lands)


def test_landmarks_and_intensities_are_those_of_the_rendering(bp4d_twin):
    root, _ = bp4d_twin
    samples = {sample.key: sample for sample in read_bp4d(root, landmarks=True).samples}
    recording = _plan_recording(0, "F003", "T6", _Size(("F003",), 2, 128))
    sitter, person = _sitter(0, "F003")
    session = sample_session(recording.generator("session"), TASK_PROGRAMMES["T6"], person, recording.length)
    for _, frame in film(recording, sitter, session, LAB):
        sample = samples[f"F003/T6/{frame.number:04d}"]
        np.testing.assert_allclose(sample.landmarks, landmarks_49(frame.landmarks), atol=0.01)
        for au in INTENSITY_AUS:
            level = sample.intensities.get(au)
            assert level in (None, intensity_level(frame.action_units.get(au, 0.0)))
        for au, code in sample.action_units.items():
            assert code == is_present(frame.action_units.get(au, 0.0))


def test_sexes_ages_and_seeds(bp4d_twin):
    for subject in ("F001", "F023", "M001", "M018"):
        identity = _young_identity(0, subject)
        assert (identity.masculinity < 0.5) == subject.startswith("F")
        assert identity.age <= 0.3
    assert _young_identity(0, "F001") == _young_identity(0, "F001")
    assert _young_identity(0, "F001") != _young_identity(1, "F001")


def test_frames_of_a_preset_are_spread_over_the_task():
    for task in TASK_PROGRAMMES:
        sequence = _plan_recording(0, "F010", task, _Size(("F010",), 12, 160))
        assert 90 <= sequence.length <= 768
        assert len(set(sequence.rendered)) == 12
        assert sequence.rendered[0] < 0.1 * sequence.length
        assert 0.9 * sequence.length < sequence.rendered[-1] < sequence.length
        assert sequence.first > 0


def test_full_plan_has_the_size_of_the_real_set():
    size = _Size(SUBJECTS, None, 192)
    lengths = [
        len(_plan_recording(0, subject, task, size).rendered)
        for subject in SUBJECTS
        for task in TASK_PROGRAMMES
    ]
    assert len(lengths) == 328
    assert sum(lengths) == pytest.approx(146_847, rel=0.05)
