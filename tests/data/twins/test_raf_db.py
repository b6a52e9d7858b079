from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from metafacs.data.datasets.raf_db import read_raf_db
from metafacs.data.twins.quotas import class_counts
from metafacs.data.twins.raf_db import (
    TEST_COUNTS,
    TRAIN_COUNTS,
    _plan_part,
    _render_people,
)
from metafacs.facs import EXPRESSIONS


def test_reference_counts_are_those_of_the_real_set():
    assert sum(TRAIN_COUNTS) == 12_271
    assert sum(TEST_COUNTS) == 3_068


def test_layout_is_that_of_raf_db(raf_db_twin):
    root, summary = raf_db_twin
    assert summary.pictures == 84
    lines = (root / "basic" / "EmoLabel" / "list_patition_label.txt").read_text().splitlines()
    assert len(lines) == 84
    assert lines[0].split()[0] == "train_00001.jpg"
    assert lines[60].split()[0] == "test_0001.jpg"
    codes = Counter(line.split()[1] for line in lines)
    assert set(codes) == {str(code) for code in range(1, 8)}
    with Image.open(root / "basic" / "Image" / "aligned" / "train_00001_aligned.jpg") as aligned:
        assert aligned.size == (100, 100)
    with Image.open(root / "basic" / "Image" / "original" / "test_0001.jpg") as original:
        assert original.size == (128, 128)


def test_attributes_are_five_points_sex_ancestry_and_age(raf_db_twin):
    root, _ = raf_db_twin
    for path in sorted((root / "basic" / "Annotation" / "manual").iterdir())[:20]:
        lines = path.read_text().splitlines()
        assert len(lines) == 8
        points = np.array([[float(cell) for cell in line.split("\t")] for line in lines[:5]])
        assert points.shape == (5, 2)
        assert points[0, 0] < points[1, 0], "left eye of the picture first"
        assert points[2, 1] > points[:2, 1].min(), "nose below an eye"
        assert points[3, 0] < points[4, 0]
        assert lines[5] in "012"
        assert lines[6] in "012"
        assert lines[7] in "1234"


def test_votes_make_the_labels(raf_db_twin):
    root, _ = raf_db_twin
    labels = dict(
        line.split() for line in (root / "basic/EmoLabel/list_patition_label.txt").read_text().splitlines()
    )
    for line in (root / "basic/EmoLabel/vote_distribution.txt").read_text().splitlines():
        name, *cells = line.split()
        shares = np.array([float(cell) for cell in cells])
        assert shares.sum() == pytest.approx(1, abs=1e-3)
        assert int(labels[name]) == int(shares.argmax()) + 1
        np.testing.assert_allclose(shares * 40, np.round(shares * 40), atol=1e-6)


def test_provenance_tells_person_carrier_and_action_units(raf_db_twin):
    root, summary = raf_db_twin
    with (root / "basic" / "EmoLabel" / "twin_provenance.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 84
    people = {part: {r["subject"] for r in rows if r["name"].startswith(part)} for part in ("train", "test")}
    assert len(people["train"]) == 15
    assert not people["train"] & people["test"]
    assert summary.counts["subjects"] == 21
    for row in rows:
        if row["carrier"] in ("gaze", "pose"):
            assert set(row["action_units"].split("+")) <= {"null", "25"}


def test_reader_gets_back_what_was_rendered(raf_db_twin):
    root, summary = raf_db_twin
    reading = read_raf_db(root)
    assert not reading.skipped
    assert len(reading.samples) == 84
    assert all(sample.votes is not None for sample in reading.samples)
    counts = Counter((sample.part, EXPRESSIONS[sample.expression]) for sample in reading.samples)
    for part, classes in summary.counts["classes"].items():
        for expression, number in classes.items():
            assert counts[part, expression] == number


def test_a_picture_does_not_depend_on_the_others(raf_db_twin, tmp_path):
    root, _ = raf_db_twin
    chunk = _plan_part("train", 5, class_counts(TRAIN_COUNTS, 60), 0, 128, 0)[1]
    alone = type(chunk)(chunk.seed, chunk.names[4:5], chunk.labels[4:5], chunk.people[4:5], chunk.pixels)
    _render_people(tmp_path, alone)
    name = f"basic/Image/original/{chunk.names[4]}.jpg"
    assert (tmp_path / name).read_bytes() == (root / name).read_bytes()
