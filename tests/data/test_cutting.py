"""What a second run of the same command does to a store that is stale, damaged, or of something else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metafacs.data import cutting, prepare
from metafacs.data.datasets.pictures import read_pictures
from metafacs.data.datasets.reading import Reading, Sample
from metafacs.data.prepare import prepare_store, read_dataset
from metafacs.data.shards import StoreError
from metafacs.data.store import Store
from metafacs.locks import OWN_FILES, FolderInUseError, claimed
from metafacs.seals import sealed


@pytest.fixture(scope="module")
def pictures(bp4d_twin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures of six people."""
    root = tmp_path_factory.mktemp("pictures")
    for number, path in enumerate(sorted(bp4d_twin.glob("Sequences*/*/T1/*.jpg"))[::2][:6]):
        shutil.copy(path, root / f"{number}.jpg")
    return root


@pytest.fixture
def root(pictures: Path, tmp_path: Path) -> Path:
    shutil.copytree(pictures, tmp_path / "root")
    return tmp_path / "root"


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pictures that are read, two to a shard."""
    read, read_picture = [], cutting.read_picture

    def noted(path: Path) -> np.ndarray:
        read.append(path.name)
        return read_picture(path)

    monkeypatch.setattr(cutting, "read_picture", noted)
    monkeypatch.setattr(prepare, "_SHARD", 2)
    return read


def reading_of(root: Path) -> Reading:
    samples = [
        Sample(path.name, path, action_units={12: float(number % 2)})
        for number, path in enumerate(sorted(root.glob("*.jpg")))
    ]
    return Reading("bp4d", root, (12,), samples=samples)


def run(root: Path, out: Path) -> Store:
    return prepare_store(reading_of(root), out, size=32, workers=1, progress=False)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in OWN_FILES}


def test_a_second_run_reads_nothing_and_changes_nothing(root: Path, tmp_path: Path, cut: list[str]) -> None:
    fingerprint = run(root, tmp_path / "store").fingerprint
    before = content(tmp_path / "store")
    cut.clear()
    assert run(root, tmp_path / "store").fingerprint == fingerprint
    assert cut == []
    for path in root.iterdir():
        os.utime(path, ns=(1, 1))
    run(root, tmp_path / "store")
    assert (cut, content(tmp_path / "store")) == ([], before)
    root.rename(tmp_path / "moved")
    run(tmp_path / "moved", tmp_path / "store")
    assert (cut, content(tmp_path / "store")) == ([], before)


def test_repaired_and_exchanged_pictures_are_cut_anew(
    root: Path, tmp_path: Path, cut: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run(root, tmp_path / "whole")
    good = (root / "2.jpg").read_bytes()
    (root / "2.jpg").write_bytes(b"")
    (root / "5.jpg").write_bytes(good)
    store = run(root, tmp_path / "store")
    assert (len(store), len(store.description["skipped"])) == (5, 1)
    (root / "2.jpg").write_bytes(good)
    shutil.copy2(tmp_path / "root" / "4.jpg", root / "5.jpg")
    cut.clear()
    store = run(root, tmp_path / "store")
    assert cut == ["2.jpg", "3.jpg", "4.jpg", "5.jpg"]
    assert "shard-00001.arrow is made again: 2.jpg is not what it was" in capsys.readouterr().err
    assert (len(store), store.description["skipped"]) == (6, [])
    assert np.array_equal(store.images(np.arange(5)), whole.images(np.arange(5)))
    assert np.array_equal(store.image(5), whole.image(4))


def test_times_do_not_hide_another_picture(root: Path, tmp_path: Path, cut: list[str]) -> None:
    old = (root / "0.jpg").stat()
    run(root, tmp_path / "store")
    other = (root / "1.jpg").read_bytes()
    padded = other + bytes(max(0, old.st_size - len(other)))
    (root / "0.jpg").write_bytes(padded)
    os.utime(root / "0.jpg", ns=(old.st_atime_ns, old.st_mtime_ns))
    store = run(root, tmp_path / "store")
    assert np.array_equal(store.image(0), store.image(1))


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def turned(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(
        whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 4]) + whole[len(whole) // 2 + 1 :]
    )


@pytest.mark.parametrize("damage", [cut_short, zeroed, turned, Path.unlink])
@pytest.mark.parametrize("name", ["plan.json", "store.json", "shard-00001.arrow", "shard-00001.json"])
def test_damaged_and_lost_files_are_made_again(
    root: Path, tmp_path: Path, cut: list[str], name: str, damage: Callable[[Path], None]
) -> None:
    out = tmp_path / "store"
    run(root, out)
    before = content(out)
    damage(out / name)
    cut.clear()
    run(root, out)
    assert content(out) == before
    assert cut == (["2.jpg", "3.jpg"] if "shard" in name else [])


def test_a_folder_that_was_left_at_the_very_beginning(root: Path, tmp_path: Path, cut: list[str]) -> None:
    out = tmp_path / "store"
    out.mkdir()
    (out / "plan.json").write_bytes(b'{"format": 2, "data')
    (out / ".shard-00000.arrow.99999.partial").write_bytes(b"x")
    assert len(run(root, out)) == 6
    assert not list(out.glob(".*.partial"))


def test_other_shards_without_a_plan_are_refused(root: Path, tmp_path: Path, cut: list[str]) -> None:
    out = tmp_path / "store"
    run(root, out)
    (out / "plan.json").unlink()
    before = content(out)
    with pytest.raises(StoreError, match=r"shard-00000\.arrow belongs to a store of other data"):
        prepare_store(reading_of(root), out, size=40, workers=1, progress=False)
    assert content(out) == before


@pytest.mark.parametrize("found", ['{"plan": 1}', '{"labels_hash": "0"}', "[]", '"x"'])
def test_a_foreign_plan_is_left_alone(root: Path, tmp_path: Path, found: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "plan.json").write_text(found)
    with pytest.raises(StoreError, match="not that of a store"):
        run(root, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["plan.json"]


def test_what_differs_is_told(root: Path, tmp_path: Path, cut: list[str]) -> None:
    out = tmp_path / "store"
    run(root, out)

    def refused(words: str, **changes: object) -> None:
        size = changes.pop("size", 32)
        with pytest.raises(StoreError, match=f"other data or settings: {words}.*choose another --out"):
            prepare_store(
                Reading(**{**vars(reading_of(root)), **changes}),  # type: ignore[arg-type]
                out,
                size=size,  # type: ignore[arg-type]
                workers=1,
                progress=False,
            )

    samples = reading_of(root).samples
    first = vars(samples[0])
    refused(r"size \(32 there, 48 here\)", size=48)
    refused(r"samples \(6 there, 5 here\)", samples=samples[:5])
    refused("other labels;", samples=[Sample(**{**first, "action_units": {12: 1.0}}), *samples[1:]])
    refused("other people, parts or votes;", samples=[Sample(**{**first, "subject": "F001"}), *samples[1:]])
    refused(
        "other pictures or frames;", samples=[Sample(**{**first, "picture": root / "1.jpg"}), *samples[1:]]
    )
    refused(r"reader \( there, a:b here\)", reader="a:b")
    refused(r".*options.camera \(nothing there, left here\)", options={"camera": "left"})
    refused(r"synthetic \(False there, True here\), twin", twin={"seed": 0})


def test_options_are_part_of_a_store(root: Path, tmp_path: Path) -> None:
    reading = read_dataset("pictures", root)
    assert (reading.reader, reading.options) == (
        "metafacs.data.datasets.pictures:read_pictures",
        {"every": 30},
    )
    prepare_store(reading, tmp_path / "store", size=32, workers=1, progress=False)
    other = read_dataset("pictures", root, {"every": 7})
    with pytest.raises(StoreError, match=r"options.every \(30 there, 7 here\)"):
        prepare_store(other, tmp_path / "store", size=32, workers=1, progress=False)


def test_an_odd_name_stops_nothing(root: Path, tmp_path: Path) -> None:
    odd = root / os.fsdecode(b"a\xff\x1b[2J.jpg")
    (root / "0.jpg").rename(odd)
    (root / "1.jpg").rename(root / ("b" * 245 + ".jpg"))
    (root / os.fsdecode(b"z\xfe.jpg")).write_bytes(b"no picture")
    reading = read_pictures(root)
    store = prepare_store(reading, tmp_path / "store", size=32, workers=1, progress=False)
    assert len(store) == 6
    assert "a\\xff\\x1b[2J.jpg" in store.keys
    assert [entry["file"] for entry in store.description["skipped"]] == ["z\\xfe.jpg"]


def test_one_process_writes_a_store(root: Path, tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "store", "preparing bp4d"),
        pytest.raises(FolderInUseError, match="preparing bp4d, process"),
    ):
        run(root, tmp_path / "store")


def test_pictures_are_tried_again_with_another_decoder(root: Path, tmp_path: Path, cut: list[str]) -> None:
    (root / "3.jpg").write_bytes(b"no picture")
    run(root, tmp_path / "store")
    note = tmp_path / "store" / "shard-00001.json"
    known = json.loads(note.read_text())
    del known["sha256"]
    known["decoders"]["pillow"] = "1.0"
    note.write_text(json.dumps(sealed(known)))
    cut.clear()
    run(root, tmp_path / "store")
    assert cut == ["2.jpg", "3.jpg"]


@pytest.mark.parametrize("size", [0, -1, 15, 100_000])
def test_sizes_have_a_range(root: Path, tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match="size is"):
        prepare_store(reading_of(root), tmp_path / "store", size=size, workers=1, progress=False)
    assert not (tmp_path / "store").exists()
