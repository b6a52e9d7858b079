from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metafacs.data.datasets.reading import Reading, Sample
from metafacs.data.participants import ANOTHER, WITNESSES, recording_of, witnesses
from metafacs.data.prepare import prepare_store
from metafacs.data.store import Store
from metafacs.faces.pictures import read_picture


@pytest.fixture(scope="module")
def faces(bp4d_twin: Path) -> dict[str, list[np.ndarray]]:
    """Two people, ten pictures each, 256 x 256."""
    people: dict[str, list[np.ndarray]] = {}
    for person in ("F001", "M001"):
        paths = sorted(bp4d_twin.glob(f"Sequences*/{person}/*/*.jpg"))[:10]
        people[person] = [square(read_picture(path), 256) for path in paths]
        assert len(people[person]) == 10
    return people


def square(picture: np.ndarray, side: int) -> np.ndarray:
    height, width = picture.shape[:2]
    short = min(height, width)
    cut = Image.fromarray(picture[(height - short) // 2 :][:short, (width - short) // 2 :][:, :short])
    return np.asarray(cut.resize((side, side)))


def scene(participant: np.ndarray | None, other: np.ndarray | None) -> np.ndarray:
    """Return a room with the participant on the left and somebody on the right who comes nearer."""
    room = np.full((384, 640, 3), 90, np.uint8)
    if participant is not None:
        room[100:356, :256] = participant
    if other is not None:
        room[:384, 256:] = np.asarray(Image.fromarray(other).resize((384, 384)))
    return room


def recorded(
    root: Path,
    scenes: list[np.ndarray],
    subject: str | None,
    monkeypatch: pytest.MonkeyPatch,
    shard: int = 128,
) -> Store:
    root.mkdir()
    samples = []
    for number, picture in enumerate(scenes):
        path = root / f"{number:02d}.png"
        Image.fromarray(picture).save(path)
        samples.append(Sample(f"{number:02d}", path, subject))
    monkeypatch.setattr("metafacs.data.prepare._SHARD", shard)
    reading = Reading("bp4d", root, samples=samples)
    return prepare_store(reading, root.with_name("store"), size=48, workers=1, progress=False)


def shows(store: Store, row: int, alone: Store) -> float:
    """Return how far a crop is from that of the participant alone, mean of the grey values."""
    return float(np.abs(store.image(row).astype(float) - alone.image(row)).mean())


@pytest.fixture
def alone(faces: dict[str, list[np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    folder = tmp_path / "alone"
    folder.mkdir()
    pictures = [scene(face, None) for face in faces["F001"]]
    store = recorded(folder / "root", pictures, "F001", monkeypatch)
    assert (len(store), store.noted) == (10, {})
    return store


@pytest.mark.parametrize("shard", [128, 3])
def test_the_participant_is_followed_where_somebody_larger_comes_in(
    faces: dict[str, list[np.ndarray]],
    alone: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shard: int,
) -> None:
    pairs = zip(faces["F001"], faces["M001"], strict=True)
    pictures = [scene(own, other if row >= 5 else None) for row, (own, other) in enumerate(pairs)]
    store = recorded(tmp_path / "root", pictures, "F001", monkeypatch, shard)
    assert len(store) == 10
    assert max(shows(store, row, alone) for row in range(10)) < 3
    assert store.noted == {"several faces, the participant's was taken": ["05", "06", "07", "08", "09"]}


def test_somebody_else_alone_in_the_picture_is_left_out(
    faces: dict[str, list[np.ndarray]], alone: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = zip(faces["F001"], faces["M001"], strict=True)
    pictures = [
        scene(None, other) if row in (6, 7) else scene(own, None) for row, (own, other) in enumerate(pairs)
    ]
    store = recorded(tmp_path / "root", pictures, "F001", monkeypatch)
    assert list(store.keys) == ["00", "01", "02", "03", "04", "05", "08", "09"]
    skipped = [(entry["file"], entry["reason"]) for entry in store.description["skipped"]]
    assert skipped == [(f"0{row}.png", "one face, not the participant's") for row in (6, 7)]


def test_where_the_participant_comes_in_it_is_noted(
    faces: dict[str, list[np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = enumerate(zip(faces["F001"], faces["M001"], strict=True))
    pictures = [scene(other if row < 2 else own, None) for row, (own, other) in pairs]
    store = recorded(tmp_path / "root", pictures, "F001", monkeypatch)
    assert (len(store), store.noted) == (10, {ANOTHER: ["02"]})


@pytest.mark.parametrize("change", [5, 6])
def test_another_face_in_the_same_place_is_told(
    faces: dict[str, list[np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: int
) -> None:
    pairs = enumerate(zip(faces["F001"], faces["M001"], strict=True))
    pictures = [scene(own if row < change else other, None) for row, (own, other) in pairs]
    store = recorded(tmp_path / "root", pictures, "F001", monkeypatch, shard=5)
    told = {*store.noted.get(ANOTHER, []), *(entry["file"][:2] for entry in store.description["skipped"])}
    assert f"0{change}" in told


def test_a_head_that_moves_is_still_the_participant(
    faces: dict[str, list[np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [np.roll(scene(own, None), 300 * (row % 2), axis=1) for row, own in enumerate(faces["F001"])]
    store = recorded(tmp_path / "root", pictures, "F001", monkeypatch)
    assert (len(store), store.noted) == (10, {})


def test_of_a_few_photos_nobody_doubts_a_face_that_is_alone(
    faces: dict[str, list[np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [scene(None, faces["M001"][row]) if row else scene(faces["F001"][0], None) for row in range(3)]
    monkeypatch.setattr("metafacs.data.participants.describe", None)
    assert len(recorded(tmp_path / "root", pictures, "F001", monkeypatch)) == 3


def test_in_a_photo_of_several_the_largest_is_taken_and_told(
    faces: dict[str, list[np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [scene(faces["F001"][0], None), scene(faces["F001"][0], faces["M001"][0])]
    store = recorded(tmp_path / "root", pictures, None, monkeypatch)
    assert store.noted == {"several faces, the largest was taken": ["01"]}
    larger = np.abs(store.image(0).astype(float) - store.image(1)).mean()
    assert larger > 10


def test_witnesses_are_spread_over_a_recording() -> None:
    video = [Sample(f"v/{n}", Path("v.mp4"), "a", frame=n) for n in range(90)]
    folder = [Sample(f"f/{n}", Path(f"f/{n}.jpg"), "a") for n in range(3)]
    photo = Sample("p", Path("f/p.jpg"))
    assert recording_of(photo) is None
    assert recording_of(Sample("w/1", Path("w.mp4"), frame=1)) is None
    assert recording_of(Sample("w/1", Path("w.mp4"), action_units={12: 0.0}, frame=1)) == ("w.mp4",)
    found = witnesses([*video, *folder, photo])
    assert [sample.frame for sample in found[("v.mp4",)]] == list(range(0, 90, 90 // WITNESSES))
    assert found[("a", "f")] == tuple(folder)
    assert len(found) == 2
