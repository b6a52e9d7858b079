from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from metafacs.data.datasets.emotionet import read_emotionet
from metafacs.data.prepare import prepare_store
from metafacs.data.twins.emotionet import (
    _SIZES,
    CAMERA,
    CODED_AUS,
    PARTS,
    SURROUNDINGS,
    TABLE_FILE,
    _plan_snapshots,
    _render_snapshots,
)
from metafacs.data.twins.web_displays import sample_web_display
from metafacs.data.twins.writer import chunk_generator
from metafacs.faces.landmarks import LANDMARKS_68_TO_49, landmarks_49
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.occluders import sample_occluder
from metafacs.synthesis.renderer import Subject, render
from metafacs.synthesis.scenes import wild_scene

SIZES = {"train": 24, "validation": 12, "test": 12}


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def truth(emotionet_twin):
    """Path of a picture below the root -> its row of the provenance."""
    return {row["name"]: row for row in rows_of(emotionet_twin[0] / "twin_provenance.csv")}


def test_layout_is_that_of_emotionet(emotionet_twin):
    root, summary = emotionet_twin
    assert (summary.pictures, summary.counts["parts"]) == (48, SIZES)
    lines = (root / TABLE_FILE).read_text().splitlines()
    assert lines[0] == ",".join(["URL", "URL orig", *(f"'AU {au}'" for au in range(1, 61))])
    assert len(lines) == 1 + 24 + 4
    assert all(line.startswith("'http://") for line in lines[1:])
    for part, count in SIZES.items():
        names = (root / f"{part}.txt").read_text().splitlines()
        points = (root / f"{part}_land.txt").read_text().splitlines()
        assert len(names) == len(points) == len(set(names)) == count
        assert all(len(line.split("\t")) == 98 for line in points)
        assert all((root / name).is_file() for name in names)
    with Image.open(root / names[0]) as picture:
        assert (picture.size, picture.format) == ((128, 128), "JPEG")


def test_codes_are_0_1_999_and_uncoded_columns_hold_999(emotionet_twin):
    rows = rows_of(emotionet_twin[0] / TABLE_FILE)
    cells = {au: [row[f"'AU {au}'"] for row in rows] for au in range(1, 61)}
    for au, column in cells.items():
        assert set(column) <= ({"0", "1", "999"} if au in CODED_AUS else {"999"})
    unknown = sum(column.count("999") for au, column in cells.items() if au in CODED_AUS)
    assert 0 < unknown < 0.05 * len(rows) * len(CODED_AUS)


@pytest.mark.parametrize("landmarks", [False, True])
def test_reader_gets_back_what_was_rendered(emotionet_twin, truth, landmarks):
    root, summary = emotionet_twin
    reading = read_emotionet(root, landmarks=landmarks)
    assert reading.summary()["skipped"] == {"label without a picture": 4}
    assert reading.twin["synthetic"] is True
    assert Counter(sample.part for sample in reading.samples) == SIZES
    assert set(reading.aus) == set(CODED_AUS)
    unknown = 0
    for sample in reading.samples:
        row = truth[sample.picture.relative_to(root).as_posix()]
        assert sample.part == row["part"]
        if sample.part == "train":
            assert sample.action_units == {}
            continue
        present = {int(au) for au in row["action_units"].split("+") if au != "null"}
        assert sample.action_units == {au: float(au in present) for au in sample.action_units}
        assert set(sample.action_units) <= set(CODED_AUS)
        unknown += len(CODED_AUS) - len(sample.action_units)
        assert (sample.landmarks is not None) == landmarks
    assert 0 < unknown < 15
    for au in CODED_AUS:
        known = [s.action_units[au] for s in reading.samples if au in s.action_units]
        assert np.mean(known) == pytest.approx(summary.counts["au_rates"][str(au)], abs=1e-4)


def test_people_have_a_few_pictures_and_never_two_parts(truth):
    parts = {part: {row["subject"] for row in truth.values() if row["part"] == part} for part in PARTS}
    assert not parts["train"] & parts["validation"]
    assert not parts["train"] & parts["test"]
    assert not parts["validation"] & parts["test"]
    pictures = Counter(row["subject"] for row in truth.values())
    assert max(pictures.values()) <= 5
    assert len(pictures) >= 10


def test_a_picture_and_its_landmarks_depend_on_nothing_else(emotionet_twin, tmp_path):
    """The landmarks that the reader gives are those of the rendered head, up to the digits of the file."""
    root, _ = emotionet_twin
    chunks, _ = _plan_snapshots(0, _SIZES["tiny"])
    chunk = next(chunk for chunk in chunks if chunk.part == "test")
    alone = type(chunk)(chunk.seed, chunk.part, chunk.names[7:8], chunk.people[7:8], chunk.pixels)
    _render_snapshots(tmp_path, alone)
    (name,), (person,) = alone.names, alone.people
    assert (tmp_path / name).read_bytes() == (root / name).read_bytes()

    rng = chunk_generator("emotionet", 0, "picture", name)
    display = sample_web_display(rng)
    scene = wild_scene(rng, 128, SURROUNDINGS)
    sample_occluder(rng, CAMERA.occluders)
    rendering = render(Subject(sample_identity(person, pool="emotionet-0")), display.activation, scene)
    (sample,) = (s for s in read_emotionet(root, landmarks=True).samples if s.picture == root / name)
    np.testing.assert_allclose(sample.landmarks, landmarks_49(rendering.landmarks), atol=1e-4)


def test_prepared_store_keeps_labels_parts_and_landmarks(emotionet_twin, tmp_path):
    reading = read_emotionet(emotionet_twin[0], landmarks=True)
    store = prepare_store(reading, tmp_path / "store", size=48, workers=1, progress=False)
    assert store.synthetic
    assert list(store.keys) == [sample.key for sample in reading.samples]
    assert list(store.parts) == [sample.part for sample in reading.samples]
    for row, sample in enumerate(reading.samples):
        known = ~np.isnan(store.action_units[row])
        labels = dict(zip(np.array(store.aus)[known].tolist(), store.action_units[row][known], strict=True))
        assert labels == sample.action_units
    assert np.isnan(store.action_units[store.parts == "train"]).all()
    inner = np.isin(np.arange(68), LANDMARKS_68_TO_49)
    assert np.isnan(store.landmarks[:, ~inner]).all()
    assert np.isfinite(store.landmarks[:, inner]).all()
    assert np.abs(store.landmarks[:, 30] - 24).max() < 10
    eyes = store.landmarks[:, 36:42].mean(1), store.landmarks[:, 42:48].mean(1)
    np.testing.assert_allclose(eyes[0][:, 1], eyes[1][:, 1], atol=1e-3)


def test_full_plan_has_the_sizes_of_the_paper_but_for_training():
    chunks, dead = _plan_snapshots(0, _SIZES["full"])
    counts = Counter()
    names = set(dead)
    for chunk in chunks:
        counts[chunk.part] += len(chunk.names)
        names |= set(chunk.names)
    assert counts == {"train": 20_000, "validation": 10_544, "test": 10_544}
    assert len(names) - counts["train"] == 24_600, "rows of the real table"
    assert len(names) == 20_000 + 24_600, "no address twice"
    last = {name.rpartition("/")[0].rpartition("/")[2] for name in names if name.startswith("training_set")}
    other = {name.rpartition("/")[0].rpartition("/")[2] for name in names if name.startswith("optimization")}
    assert not last & other, "a folder name tells the pictures apart"
