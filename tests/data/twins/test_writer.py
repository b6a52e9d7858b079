from __future__ import annotations

import json
import os
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
from metafacs.data.twins.bp4d import _plan_recording, _render, _Size
from metafacs.data.twins.writer import (
    TwinError,
    TwinPlan,
    chunk_generator,
    write_bytes,
    write_jpeg,
    write_twin,
)


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
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_twin_is_complete_and_says_what_it_is(tmp_path):
    summary = write_twin(tmp_path / "twin", flat_plan(), workers=1, progress=False)
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
    write_twin(tmp_path, flat_plan(), workers=1, progress=False)
    before = contents(tmp_path)

    def refuse(root: Path, chunk: int) -> dict[str, Any]:
        raise AssertionError("nothing is missing")

    summary = write_twin(tmp_path, flat_plan(refuse), workers=1, progress=False)
    assert (summary.pictures, summary.rendered) == (8, 0)
    assert contents(tmp_path) == before


def test_stopped_rendering_is_taken_up_where_it_was(tmp_path):
    rendered = []

    def stop_at_two(root: Path, chunk: int) -> dict[str, Any]:
        if chunk == 2:
            raise KeyboardInterrupt
        return render_flat(root, chunk)

    def count(root: Path, chunk: int) -> dict[str, Any]:
        rendered.append(chunk)
        return render_flat(root, chunk)

    with pytest.raises(KeyboardInterrupt):
        write_twin(tmp_path / "stopped", flat_plan(stop_at_two), workers=1, progress=False)
    assert json.loads((tmp_path / "stopped" / TWIN_FILE).read_text())["complete"] is False
    (tmp_path / "stopped" / "pictures" / "0_1.jpg").unlink()
    (tmp_path / "stopped" / "pictures" / ".2_0.jpg.4711.partial").write_bytes(b"half a picture")
    summary = write_twin(tmp_path / "stopped", flat_plan(count), workers=1, progress=False)
    assert rendered == [0, 2, 3], "chunk 1 was finished; chunk 0 lost a picture"
    assert summary.rendered == 6
    write_twin(tmp_path / "whole", flat_plan(), workers=1, progress=False)
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
    summary = write_twin(root, flat_plan(), workers=1, progress=False)
    assert summary.rendered == 4
    assert summary.pictures == 8


def test_foreign_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(TwinError, match="is not empty and holds no TWIN"):
        write_twin(tmp_path, flat_plan(), workers=1, progress=False)
    assert contents(tmp_path) == {"thesis.txt": b"years of work"}


@pytest.mark.parametrize("changes", [{"seed": 1}, {"preset": "small"}, {"twin": "other"}])
def test_another_twin_is_refused(tmp_path, changes):
    write_twin(tmp_path, flat_plan(), workers=1, progress=False)
    with pytest.raises(TwinError, match=f"holds another twin: {next(iter(changes))}"):
        write_twin(tmp_path, flat_plan(**changes), workers=1, progress=False)


def test_twin_of_another_generator_version_is_refused(tmp_path):
    write_twin(tmp_path, flat_plan(), workers=1, progress=False)
    told = json.loads((tmp_path / TWIN_FILE).read_text())
    (tmp_path / TWIN_FILE).write_text(json.dumps({**told, "generator_version": "0.0.0"}))
    with pytest.raises(TwinError, match=r"generator_version '0\.0\.0'"):
        write_twin(tmp_path, flat_plan(), workers=1, progress=False)


def test_damage_is_reported(tmp_path):
    write_twin(tmp_path / "lost", flat_plan(), workers=1, progress=False)
    (tmp_path / "lost" / "pictures" / "3_1.jpg").unlink()
    with pytest.raises(TwinError, match="8 JPEG files but 7 are left"):
        write_twin(tmp_path / "lost", flat_plan(), workers=1, progress=False)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / TWIN_FILE).write_text("{")
    with pytest.raises(TwinError, match="is damaged"):
        write_twin(tmp_path / "torn", flat_plan(), workers=1, progress=False)


def test_a_lost_video_is_reported(tmp_path):
    write_twin(tmp_path, flat_plan(render_flat_video, videos=True), workers=1, progress=False)
    write_twin(tmp_path, flat_plan(render_flat_video, videos=True), workers=1, progress=False)
    (tmp_path / "videos" / "2.avi").unlink()
    with pytest.raises(TwinError, match="4 video files but 3 are left"):
        write_twin(tmp_path, flat_plan(render_flat_video, videos=True), workers=1, progress=False)


def test_file_in_place_of_the_folder_and_bad_numbers_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TwinError, match="is a file"):
        write_twin(tmp_path / "file", flat_plan(), workers=1, progress=False)
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
