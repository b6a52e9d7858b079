from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import metafacs
from metafacs.data.datasets.reading import TWIN_FILE
from metafacs.data.twins import TWINS
from metafacs.data.twins.bp4d import _plan_recording, _render, _Size
from metafacs.data.twins.chunks import MANIFESTS
from metafacs.data.twins.rendering import render_twin
from metafacs.data.twins.writer import (
    TwinError,
    TwinPlan,
    TwinSummary,
    chunk_generator,
    write_bytes,
    write_jpeg,
    write_twin,
)
from metafacs.locks import OWN_FILES, FolderInUseError, claimed


def render_flat(root: Path, chunk: int) -> dict[str, Any]:
    """Stand in for a renderer: two flat pictures per chunk."""
    files = []
    for number in range(2):
        rng = chunk_generator("flat", 0, chunk, number)
        file = f"pictures/{chunk}_{number}.jpg"
        write_jpeg(root / file, rng.integers(0, 255, (8, 8, 3), dtype=np.uint8))
        files.append(file)
    return {"files": files, "value": chunk}


def render_flat_video(root: Path, chunk: int) -> dict[str, Any]:
    """Stand in for a renderer of videos: a file that is named like one."""
    write_bytes(root / f"videos/{chunk}.avi", b"")
    return {"files": [f"videos/{chunk}.avi"], "value": chunk}


def finish_flat(root: Path, records: Any) -> dict[str, Any]:
    write_bytes(root / "labels.txt", "\n".join(str(record["value"]) for record in records).encode())
    return {"values": sum(record["value"] for record in records)}


def flat_plan(render: Any = render_flat, **changes: Any) -> TwinPlan[int]:
    chunks = {f"c{number}": number for number in range(4)}
    settings = {"twin": "flat", "preset": "tiny", "seed": 0, **changes}
    return TwinPlan(
        chunks=chunks, pictures=dict.fromkeys(chunks, 2), render=render, finish=finish_flat, **settings
    )


def contents(root: Path) -> dict[str, bytes]:
    """Return name -> bytes of everything that is told about a twin, without the manifests and the lock."""
    found = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name not in OWN_FILES)
    return {str(p.relative_to(root)): p.read_bytes() for p in found if p.parent.name != MANIFESTS}


def write(root: Path, plan: TwinPlan[int]) -> TwinSummary:
    return write_twin(root, plan, workers=1, progress=False)


def stop_at_two(root: Path, chunk: int) -> dict[str, Any]:
    if chunk == 2:
        raise KeyboardInterrupt
    return render_flat(root, chunk)


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    write(tmp_path / "whole", flat_plan())
    return contents(tmp_path / "whole")


def test_twin_is_complete_and_says_what_it_is(tmp_path):
    summary = write(tmp_path / "twin", flat_plan())
    assert (summary.pictures, summary.rendered, summary.counts) == (8, 8, {"values": 6})
    assert "synthetic twin of flat" in str(summary)
    told = json.loads((tmp_path / "twin" / TWIN_FILE).read_text())
    assert told["synthetic"] is True
    assert told["complete"] is True
    assert told["generator_version"] == metafacs.__version__
    assert (told["preset"], told["seed"], told["pictures"], told["values"]) == ("tiny", 0, 8, 6)
    names = set(contents(tmp_path / "twin"))
    assert names == {TWIN_FILE, "labels.txt", *(f"pictures/{c}_{n}.jpg" for c in range(4) for n in range(2))}


def test_second_call_renders_nothing(tmp_path):
    write(tmp_path, flat_plan())
    before = contents(tmp_path)

    def refuse(root: Path, chunk: int) -> dict[str, Any]:
        raise AssertionError("nothing is missing")

    summary = write(tmp_path, flat_plan(refuse))
    assert (summary.pictures, summary.rendered) == (8, 0)
    assert contents(tmp_path) == before


def test_stopped_rendering_is_taken_up_where_it_was(tmp_path):
    rendered = []

    def count(root: Path, chunk: int) -> dict[str, Any]:
        rendered.append(chunk)
        return render_flat(root, chunk)

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "stopped", flat_plan(stop_at_two))
    assert json.loads((tmp_path / "stopped" / TWIN_FILE).read_text())["complete"] is False
    (tmp_path / "stopped" / "pictures" / "0_1.jpg").unlink()
    (tmp_path / "stopped" / "pictures" / ".2_0.jpg.4711.partial").write_bytes(b"half a picture")
    summary = write(tmp_path / "stopped", flat_plan(count))
    assert rendered == [0, 2, 3], "chunk 1 was finished; chunk 0 lost a picture"
    assert summary.rendered == 6
    write(tmp_path / "whole", flat_plan())
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


def test_killed_process_leaves_only_whole_files(tmp_path):
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        import numpy as np
        from metafacs.data.twins.writer import TwinPlan, write_jpeg, write_twin

        def render(root, chunk):
            if chunk == 2:
                time.sleep(60)
            files = [f"pictures/{chunk}_{n}.jpg" for n in range(2)]
            for file in files:
                write_jpeg(root / file, np.full((8, 8, 3), chunk, np.uint8))
            return {"files": files, "value": chunk}

        chunks = {f"c{number}": number for number in range(4)}
        plan = TwinPlan("flat", "tiny", 0, chunks, dict.fromkeys(chunks, 2), render, lambda root, records: {})
        write_twin(Path(sys.argv[1]), plan, workers=1, progress=False)
        """
    )
    root = tmp_path / "twin"
    environment = {**os.environ, "PYTHONPATH": str(Path(metafacs.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, "-c", script, str(root)], env=environment)
    deadline = time.monotonic() + 60
    while not (root / ".chunks" / "c1.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not list(root.rglob("*.partial"))
    summary = write(root, flat_plan())
    assert summary.rendered == 4
    assert summary.pictures == 8


def test_foreign_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(TwinError, match="is not empty and holds no TWIN"):
        write(tmp_path, flat_plan())
    assert list(tmp_path.iterdir()) == [tmp_path / "thesis.txt"]
    assert contents(tmp_path) == {"thesis.txt": b"years of work"}


@pytest.mark.parametrize("changes", [{"seed": 1}, {"preset": "small"}, {"twin": "other"}])
def test_another_twin_is_refused(tmp_path, changes):
    write(tmp_path, flat_plan())
    with pytest.raises(TwinError, match=f"holds another twin: {next(iter(changes))}"):
        write(tmp_path, flat_plan(**changes))


def test_twin_of_another_generator_version_is_refused(tmp_path):
    write(tmp_path, flat_plan())
    told = json.loads((tmp_path / TWIN_FILE).read_text())
    (tmp_path / TWIN_FILE).write_text(json.dumps({**told, "generator_version": "0.0.0"}))
    with pytest.raises(TwinError, match=r"generator_version '0\.0\.0'"):
        write(tmp_path, flat_plan())


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("damage", ["empty", "cut", "zeroed", "gone"])
def test_a_damaged_picture_is_rendered_again(
    tmp_path: Path, whole: dict[str, bytes], damage: str, finished: bool
) -> None:
    root = tmp_path / "twin"
    with contextlib.nullcontext() if finished else pytest.raises(KeyboardInterrupt):
        write(root, flat_plan(render_flat if finished else stop_at_two))
    picture = root / "pictures" / "1_0.jpg"
    content = picture.read_bytes()
    half = len(content) // 2
    picture.write_bytes({"cut": content[:half], "zeroed": content[:half] + bytes(half)}.get(damage, b""))
    if damage == "gone":
        picture.unlink()
    assert write(root, flat_plan()).rendered == (2 if finished else 6)
    assert contents(root) == whole


@pytest.mark.parametrize("file", [TWIN_FILE, ".chunks/c0.json", "labels.txt"])
@pytest.mark.parametrize("left", [b"", b"{", b"\0" * 40, b"[1]", b"[" * 100_000])
def test_lists_and_manifests_are_made_again(
    tmp_path: Path, whole: dict[str, bytes], file: str, left: bytes
) -> None:
    root = tmp_path / "twin"
    write(root, flat_plan())
    (root / file).write_bytes(left)
    assert write(root, flat_plan()).rendered == (2 if file.endswith("c0.json") else 0)
    assert contents(root) == whole


@pytest.mark.parametrize(
    ("old", "new"), [('"value": 1', '"value": 7'), ('"sha256"', '"sha257"'), ('"c1"', '"c1"')]
)
def test_other_values_in_a_manifest_are_not_believed(
    tmp_path: Path, whole: dict[str, bytes], old: str, new: str
) -> None:
    root = tmp_path / "twin"
    write(root, flat_plan())
    manifest = root / MANIFESTS / "c1.json"
    manifest.write_text(manifest.read_text().replace(old, new))
    assert write(root, flat_plan()).rendered == (0 if old == new else 2)
    assert contents(root) == whole


def test_what_is_intact_is_not_written_again(tmp_path: Path) -> None:
    write(tmp_path, flat_plan())
    for name in contents(tmp_path):
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / "pictures" / "3_1.jpg").write_bytes(b"")
    write(tmp_path, flat_plan())
    changed = [name for name in contents(tmp_path) if (tmp_path / name).stat().st_mtime != 1]
    assert changed == ["pictures/3_1.jpg"]


def test_a_damaged_description_of_who_knows_what_is_refused(tmp_path: Path) -> None:
    (tmp_path / TWIN_FILE).write_text("{")
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(TwinError, match=r"holds a damaged twin .*TWIN\.json.*delete this one"):
        write(tmp_path, flat_plan())
    assert sorted(contents(tmp_path)) == [TWIN_FILE, "thesis.txt"]


def test_chunks_of_another_twin_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, flat_plan(seed=1))
    (tmp_path / TWIN_FILE).write_text("")
    with pytest.raises(TwinError, match="holds a damaged twin"):
        write(tmp_path, flat_plan())


def test_twins_of_earlier_versions_are_checked_by_number(tmp_path: Path) -> None:
    for name, render, lost in (
        ("pictures", render_flat, "3_1.jpg"),
        ("videos", render_flat_video, "2.avi"),
    ):
        root, plan = tmp_path / name, flat_plan(render, videos=name == "videos")
        write(root, plan)
        shutil.rmtree(root / MANIFESTS)
        assert write(root, plan).rendered == 0
        (root / name / lost).unlink()
        with pytest.raises(TwinError, match=r"was complete with \d (JPEG|video) files but \d are left"):
            write(root, plan)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with claimed(tmp_path, "writing a thesis"), pytest.raises(FolderInUseError, match="writing a thesis"):
        write(tmp_path, flat_plan())
    assert write(tmp_path, flat_plan()).rendered == 8


@pytest.mark.parametrize("seed", [-1, 1 << 63])
def test_an_impossible_seed_is_refused_before_anything_is_written(tmp_path: Path, seed: int) -> None:
    with pytest.raises(TwinError, match=f"seed of a twin is {seed}"):
        write(tmp_path / "twin", flat_plan(seed=seed))
    for name in TWINS:
        with pytest.raises(TwinError, match=f"seed of a twin is {seed}"):
            render_twin(name, tmp_path / "twin", preset="tiny", seed=seed)
    assert not (tmp_path / "twin").exists()


def test_file_in_place_of_the_folder_and_bad_numbers_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TwinError, match="is a file"):
        write(tmp_path / "file", flat_plan())
    with pytest.raises(ValueError, match="number of workers is 0"):
        write_twin(tmp_path / "twin", flat_plan(), workers=0, progress=False)
    with pytest.raises(TwinError, match="seed of a twin is -1"):
        chunk_generator("flat", -1)


def test_write_bytes_keeps_the_old_file_when_it_fails(tmp_path, monkeypatch):
    write_bytes(tmp_path / "a.txt", b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_bytes(tmp_path / "a.txt", b"new")
    assert contents(tmp_path) == {"a.txt": b"old"}


def test_generators_of_different_parts_are_independent():
    draws = {
        chunk_generator(*words).random()
        for words in (("a", 0, "x"), ("a", 0, "y"), ("b", 0, "x"), ("a", 1, "x"), ("a", 0, "x", 1))
    }
    assert len(draws) == 5
    assert chunk_generator("a", 0, "x").random() in draws


def test_same_bytes_whatever_the_number_of_workers(tmp_path):
    size = _Size(("F001",), 1, 40)
    chunks = {f"F001_{task}": _plan_recording(5, "F001", task, size) for task in ("T1", "T4", "T8")}
    plan = TwinPlan("bp4d", "tiny", 5, chunks, dict.fromkeys(chunks, 1), _render, _no_counts)
    write_twin(tmp_path / "one", plan, workers=1, progress=False)
    write_twin(tmp_path / "two", plan, workers=2, progress=False)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def _no_counts(root: Path, records: Any) -> dict[str, Any]:
    return {}
