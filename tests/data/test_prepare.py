from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import clips
from metafacs.data import cutting, prepare
from metafacs.data.datasets.bp4d import read_bp4d
from metafacs.data.datasets.disfa import read_disfa
from metafacs.data.datasets.gft import read_gft
from metafacs.data.datasets.pictures import read_pictures
from metafacs.data.datasets.raf_db import read_raf_db
from metafacs.data.datasets.reading import DatasetError, Reading, Sample
from metafacs.data.prepare import prepare_store
from metafacs.data.shards import StoreError
from metafacs.data.store import Store
from metafacs.data.videos import decode_frames
from metafacs.faces.alignment import AlignmentSpec, align
from metafacs.faces.landmarks import landmarks_49, spread_to_68
from metafacs.faces.pictures import read_picture
from metafacs.faces.pipeline import find_faces
from metafacs.locks import OWN_FILES


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


@pytest.mark.parametrize("name", ["bp4d", "disfa"])
def test_everything_a_twin_delivers_comes_back(
    name: str, bp4d_twin: Path, disfa_twin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = (
        read_bp4d(bp4d_twin, landmarks=True) if name == "bp4d" else read_disfa(disfa_twin, landmarks=True)
    )
    reading.samples = reading.samples[::5]
    found = find_faces(read_first(reading.samples[0]))[0].landmarks
    assert reading.samples[0].landmarks is not None
    # The same convention of pixels: eyes and nose lie where they are found, not one pixel beside.
    beside = landmarks_49(reading.samples[0].landmarks) - landmarks_49(found)
    assert np.abs(beside[10:31].mean(0)).max() < 2.5
    monkeypatch.setattr(cutting, "find_faces", None)
    store = prepare_store(reading, tmp_path / "store", size=64, workers=1, progress=False)
    assert list(store.keys) == [sample.key for sample in reading.samples]
    for row, sample in enumerate(reading.samples):
        for labels, stored in (
            (sample.action_units, store.action_units[row]),
            (sample.intensities, store.intensities[row]),
        ):
            expected = [labels.get(au, np.nan) for au in store.aus]
            np.testing.assert_array_equal(stored, np.float32(expected))
        crop, matrix = align(read_first(sample), sample.landmarks, 64, AlignmentSpec())
        points = sample.landmarks @ matrix[:, :2].T + matrix[:, 2]
        np.testing.assert_allclose(store.landmarks[row], spread_to_68(points), atol=0.01)
        assert np.abs(store.image(row).astype(int) - crop).mean() < 4
    assert np.isnan(store.landmarks[:, :17]).all() == (name == "bp4d")


def read_first(sample: Sample) -> np.ndarray:
    if sample.frame is None:
        return read_picture(sample.picture)
    return next(decode_frames(sample.picture, [sample.frame]))


def test_the_twin_of_gft_becomes_a_store(gft_twin: Path, tmp_path: Path) -> None:
    reading = read_gft(gft_twin)
    reading.samples = reading.samples[::6]
    store = prepare_store(reading, tmp_path / "store", size=48, workers=1, progress=False)
    assert len(store) + len(store.description["skipped"][len(reading.skipped) :]) == 12
    assert len(store) >= 10, "a cup or a hand may hide a face"
    samples = {sample.key: sample for sample in reading.samples}
    for row, key in enumerate(store.keys):
        expected = [samples[key].action_units.get(au, np.nan) for au in store.aus]
        np.testing.assert_array_equal(store.action_units[row], np.float32(expected))
    assert set(store.parts) == {"train", "test"}


def test_aligned_pictures_skip_the_detector(raf_db_twin: Path, tmp_path: Path) -> None:
    reading = read_raf_db(raf_db_twin)
    reading.samples = reading.samples[:12]
    store = prepare_store(reading, tmp_path / "store", size=48, workers=1, progress=False)
    assert len(store) + len(store.description["skipped"][len(reading.skipped) :]) == 12
    assert len(store) >= 10
    assert np.allclose(store.votes.sum(axis=1), 1, atol=0.02)
    assert set(store.parts) == {"train"}


def test_stopped_work_is_taken_up(bp4d: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "_SHARD", 4)
    whole = prepare_store(bp4d, tmp_path / "whole", size=48, workers=1, progress=False)
    cropped, align = [], cutting.align

    def dying(*arguments):
        cropped.append(1)
        if len(cropped) == 7:
            raise KeyboardInterrupt
        return align(*arguments)

    monkeypatch.setattr(cutting, "align", dying)
    with pytest.raises(KeyboardInterrupt):
        prepare_store(bp4d, tmp_path / "parts", size=48, workers=1, progress=False)
    with pytest.raises(StoreError, match="goes on where it stopped"):
        Store(tmp_path / "parts")
    parts = prepare_store(bp4d, tmp_path / "parts", size=48, workers=1, progress=False)
    # 6 crops before the kill, of which the first shard's 4 are kept.
    assert len(cropped) == 7 + len(bp4d.samples) - 4
    assert np.array_equal(parts.images(np.arange(len(parts))), whole.images(np.arange(len(whole))))
    assert {path.name for path in (tmp_path / "parts").glob(".*")} <= OWN_FILES
    for path in sorted((tmp_path / "whole").iterdir()):
        if path.name not in OWN_FILES:
            assert (tmp_path / "parts" / path.name).read_bytes() == path.read_bytes()


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


@pytest.fixture(scope="module")
def stills(bp4d_twin: Path) -> Reading:
    """Six pictures each of two people of BP4D."""
    reading = read_bp4d(bp4d_twin)
    people = [[s for s in reading.samples if s.subject == subject][:6] for subject in ("F001", "M001")]
    reading.samples = [*people[0], *people[1]]
    return reading


@pytest.fixture(scope="module")
def disfa(
    stills: Reading, write_video: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Two people of DISFA: the frames of BP4D's twin as real AVI files."""
    root = tmp_path_factory.mktemp("disfa")
    rng = np.random.default_rng(0)
    for position, subject in enumerate(("SN003", "SN005")):
        pictures = [read_picture(sample.picture) for sample in stills.samples[6 * position :][:6]]
        height, width = (side // 2 * 2 for side in pictures[0].shape[:2])
        write_video(
            root / "Videos_LeftCamera" / f"LeftVideo{subject}_comp.avi",
            [picture[:height, :width] for picture in pictures],
            gop=3,
        )
        for au in (1, 12):
            folder = root / "ActionUnit_Labels" / subject
            folder.mkdir(parents=True, exist_ok=True)
            lines = [f"{frame},{rng.integers(0, 6)}\n" for frame in range(1, 7)]
            (folder / f"{subject}_au{au}.txt").write_text("".join(lines))
    return root


def test_frames_of_videos_come_back_with_their_labels(
    disfa: Path, stills: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = read_disfa(disfa)
    whole = prepare_store(reading, tmp_path / "whole", size=48, workers=1, progress=False)
    assert list(whole.keys) == [sample.key for sample in reading.samples]
    assert len(whole) == 12
    labels = [[sample.action_units[au] for au in whole.aus] for sample in reading.samples]
    assert np.array_equal(whole.action_units, labels)
    # The crop of a frame is the crop of the picture that was encoded, not of its neighbour.
    still = prepare_store(stills, tmp_path / "stills", size=48, workers=1, progress=False)
    difference = np.abs(
        whole.images(np.arange(12)).astype(int)[:, None] - still.images(np.arange(12)).astype(int)
    )
    assert list(difference.mean(axis=(2, 3, 4)).argmin(axis=1)) == list(range(12))
    monkeypatch.setattr(prepare, "_SHARD", 4)
    parts = prepare_store(reading, tmp_path / "parts", size=48, workers=1, progress=False)
    assert np.array_equal(parts.images(np.arange(12)), whole.images(np.arange(12)))


def test_a_truncated_video_is_reported_and_stops_nothing(disfa: Path, tmp_path: Path) -> None:
    root = tmp_path / "disfa"
    shutil.copytree(disfa, root)
    video = root / "Videos_LeftCamera" / "LeftVideoSN003_comp.avi"
    content = video.read_bytes()
    start, end = content.index(b"movi"), content.index(b"idx1")
    video.write_bytes(content[: start + (end - start) * 2 // 3])
    store = prepare_store(read_disfa(root), tmp_path / "store", size=48, workers=1, progress=False)
    kept = [key for key in store.keys if key.startswith("SN003")]
    assert 1 <= len(kept) < 6
    assert kept == [f"SN003/{frame:04d}" for frame in range(1, len(kept) + 1)]
    assert sum(key.startswith("SN005") for key in store.keys) == 6
    bad = store.description["skipped"]
    assert len(bad) == 6 - len(kept)
    assert all(Path(entry["file"]).name == video.name for entry in bad)
    assert all("unreadable frame" in entry["reason"] for entry in bad)


def test_a_phone_held_upside_down_a_hole_and_an_edit_list(tmp_path: Path, astronaut: np.ndarray) -> None:
    root = tmp_path / "target"
    stored = [astronaut[::-2, ::-2]] * 8
    stored[0] = np.zeros_like(stored[0])
    raw = clips.write_clip(tmp_path / "raw.mp4", stored, gop=1)
    turned = clips.turn(raw, tmp_path / "turned.mp4", 180)
    cut = clips.drop_beginning(turned, tmp_path / "cut.mp4", 1 / 20)
    root.mkdir()
    clips.damage(cut, root / "clip.mp4", [3])
    store = prepare_store(
        read_pictures(root, every=1), tmp_path / "store", size=48, workers=1, progress=False
    )
    assert list(store.keys) == [f"clip.mp4/{frame}" for frame in (0, 1, 2, 4, 5, 6)]
    upright = astronaut[::2, ::2]
    crop, _ = align(upright, find_faces(upright)[0].landmarks, 48, AlignmentSpec())
    assert np.abs(store.images(np.arange(6)).astype(int) - crop).mean() < 6
    [bad] = store.description["skipped"]
    assert "unreadable frame: number 3 of" in bad["reason"]


def test_delivered_landmarks_cut_the_crop(
    bp4d: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = prepare_store(bp4d, tmp_path / "found", size=48, workers=1, progress=False)
    picture = bp4d.samples[0].picture
    points_68 = find_faces(read_picture(picture))[0].landmarks
    given = [("a", points_68), ("b", landmarks_49(points_68))]
    given += [("c", np.full((66, 2), 7.0)), ("d", np.zeros((49, 2)))]
    samples = [Sample(key, picture, landmarks=points.astype(np.float32)) for key, points in given]
    monkeypatch.setattr(cutting, "find_faces", None)
    reading = Reading("list_files", bp4d.root, samples=samples)
    store = prepare_store(reading, tmp_path / "given", size=48, workers=1, progress=False)
    assert list(store.keys) == ["a", "b"]
    for row in (0, 1):
        assert np.abs(store.image(row).astype(int) - found.image(0)).mean() < 1
    assert np.isnan(store.landmarks[1, :17]).all()
    assert np.allclose(store.landmarks[1, 17:60], found.landmarks[0, 17:60], atol=0.01)
    assert np.allclose(store.landmarks[0], found.landmarks[0], atol=0.01)
    assert [entry["reason"].split(":")[0] for entry in store.description["skipped"]] == [
        "unusable landmarks"
    ] * 2


def test_labels_that_are_none_are_refused_before_a_picture_is_opened(tmp_path: Path) -> None:
    sample = Sample("p0", tmp_path / "0.jpg", action_units={1: -1.0})
    with pytest.raises(DatasetError, match=r"sample 'p0': AU1 is -1\.0, not 1"):
        prepare_store(Reading("mine", tmp_path, (1,), samples=[sample]), tmp_path / "store", progress=False)
    assert not (tmp_path / "store").exists()


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
