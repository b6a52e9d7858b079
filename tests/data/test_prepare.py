from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from metafacs.data import prepare
from metafacs.data.datasets import DatasetError, Reading, read_bp4d, read_raf_db
from metafacs.data.prepare import prepare_store
from metafacs.data.store import Store, StoreError


@pytest.fixture(scope="module")
def bp4d(bp4d_twin: Path) -> Reading:
    reading = read_bp4d(bp4d_twin)
    reading.samples = reading.samples[::8]
    return reading


def test_labels_come_back_exactly_and_faces_are_centred(bp4d: Reading, tmp_path: Path) -> None:
    store = prepare_store(bp4d, tmp_path / "store", size=48, workers=1, progress=False)
    assert store.synthetic
    assert store.description["twin"]["seed"] == 0
    assert list(store.keys) == [sample.key for sample in bp4d.samples]
    for row, sample in enumerate(bp4d.samples):
        labels = dict(zip(store.aus, store.action_units[row], strict=True))
        assert {au for au, value in labels.items() if not np.isnan(value)} == set(sample.action_units)
        assert all(labels[au] == value for au, value in sample.action_units.items())
        assert store.subjects[row] == sample.subject
    nose = store.landmarks[:, 30]
    assert np.abs(nose - 24).max() < 10


def test_aligned_pictures_skip_the_detector(raf_db_twin: Path, tmp_path: Path) -> None:
    reading = read_raf_db(raf_db_twin)
    reading.samples = reading.samples[:12]
    store = prepare_store(reading, tmp_path / "store", size=48, workers=1, progress=False)
    assert len(store) + len(store.description["skipped"]) == 12
    assert len(store) >= 10
    assert np.allclose(store.votes.sum(axis=1), 1, atol=0.02)
    assert set(store.parts) == {"train"}


def test_stopped_work_is_taken_up(bp4d: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "_SHARD", 4)
    whole = prepare_store(bp4d, tmp_path / "whole", size=48, workers=1, progress=False)
    cropped, align = [], prepare.align

    def dying(*arguments):
        cropped.append(1)
        if len(cropped) == 7:
            raise KeyboardInterrupt
        return align(*arguments)

    monkeypatch.setattr(prepare, "align", dying)
    with pytest.raises(KeyboardInterrupt):
        prepare_store(bp4d, tmp_path / "parts", size=48, workers=1, progress=False)
    with pytest.raises(StoreError, match="goes on where it stopped"):
        Store(tmp_path / "parts")
    parts = prepare_store(bp4d, tmp_path / "parts", size=48, workers=1, progress=False)
    # 6 crops before the kill, of which the first shard's 4 are kept.
    assert len(cropped) == 7 + len(bp4d.samples) - 4
    assert np.array_equal(parts.images(np.arange(len(parts))), whole.images(np.arange(len(whole))))
    assert not list((tmp_path / "parts").glob(".*"))


def test_bad_pictures_are_counted_and_stop_nothing(bp4d_twin: Path, tmp_path: Path) -> None:
    root = tmp_path / "bp4d"
    shutil.copytree(bp4d_twin, root)
    pictures = sorted(root.glob("Sequences(2D+3D)/F001/*/*.jpg"))
    pictures[0].write_bytes(b"")
    pictures[1].write_bytes(pictures[1].read_bytes()[:200])
    reading = read_bp4d(root)
    reading.samples = [s for s in reading.samples if s.picture in pictures[:4]]
    store = prepare_store(reading, tmp_path / "store", size=48, workers=1, progress=False)
    assert len(store) == 2
    bad = store.description["skipped"]
    assert {Path(entry["file"]).name for entry in bad} == {picture.name for picture in pictures[:2]}
    assert all("unreadable picture" in entry["reason"] for entry in bad)


def test_other_plans_and_foreign_folders_are_refused(bp4d: Reading, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(StoreError, match="not empty"):
        prepare_store(bp4d, tmp_path / "mine", workers=1, progress=False)
    short = Reading(**{**vars(bp4d), "samples": bp4d.samples[:2]})
    prepare_store(short, tmp_path / "store", size=48, workers=1, progress=False)
    with pytest.raises(StoreError, match="other data or settings"):
        prepare_store(short, tmp_path / "store", size=64, workers=1, progress=False)


def test_nothing_to_prepare_says_why(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no usable picture"):
        prepare_store(Reading("bp4d", tmp_path), tmp_path / "store", progress=False)


def test_several_processes_write_the_same_store(
    bp4d: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "_SHARD", 6)
    alone = prepare_store(bp4d, tmp_path / "alone", size=48, workers=1, progress=False)
    together = prepare_store(bp4d, tmp_path / "together", size=48, workers=2, progress=False)
    rows = np.arange(len(alone))
    assert np.array_equal(alone.images(rows), together.images(rows))
    assert list(alone.keys) == list(together.keys)
