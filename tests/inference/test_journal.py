from __future__ import annotations

import errno
import io
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from metafacs.faces.tracking import FaceTracker
from metafacs.inference import journal as journal_module
from metafacs.inference.detector import Detector
from metafacs.inference.engine import FrameResults
from metafacs.inference.journal import (
    Journal,
    JournalError,
    Progress,
    is_complete,
    predict_to_journal,
    read_journal,
)
from metafacs.inference.result import FaceResult

Picture = NDArray[np.uint8]
Maker = Callable[..., Detector]
Sources = Callable[..., Any]

RUN = {"input": "session.mp4", "model": "abc", "every": 1, "thresholds": {"AU12": 0.5}}


def frame(number: int, people: int = 1, problem: str = "") -> FrameResults:
    """Return made-up results of a frame."""
    rng = np.random.default_rng(number)
    place = {"input": "Sitzung 1, größer.mp4", "frame": number, "timestamp": number / 29.97}
    faces = [
        FaceResult(
            **place,  # type: ignore[arg-type]
            face_id=person,
            success=True,
            score=round(rng.random(), 4),
            box=(1.25, 2.5, round(rng.random() * 100, 2), 80.0),
            landmarks=(rng.random((68, 2)) * 600).round(2),
            probabilities={au: float(f"{rng.random():.6g}") for au in (1, 12, 43)},
            intensities={1: 0.0, 12: 2.35, 43: 5.0},
            pose=(0.1234, -0.5, 0.0) if person == 0 else None,
        )
        for person in range(people)
    ]
    return FrameResults(number, number / 29.97, faces or [FaceResult(**place, problem=problem)])  # type: ignore[arg-type]


def same(a: FrameResults, b: FrameResults) -> bool:
    """Return whether two results are the same to the last bit."""
    points = [[face.landmarks for face in one.faces] for one in (a, b)]
    if not all(
        (x is None and y is None) or np.array_equal(x, y)  # type: ignore[arg-type]
        for x, y in zip(*points, strict=True)
    ):
        return False
    plain = [
        (one.number, one.timestamp, [{**vars(face), "landmarks": None} for face in one.faces])
        for one in (a, b)
    ]
    return plain[0] == plain[1]


def written(path: Path, frames: int = 10, every: int = 4) -> list[FrameResults]:
    """Write a complete journal with a checkpoint every so many frames."""
    results = [frame(n, n % 3, "damaged" if n == 3 else "") for n in range(frames)]
    with Journal.start(path, RUN) as journal:
        for one in results:
            journal.append(one)
            if journal.frames % every == 0:
                journal.checkpoint(journal.next_frame, {"people": one.number}, {"lost": [one.number]})
        journal.finish(["all notes"])
    return results


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    results = written(tmp_path / "new" / "journal")
    run, frames = read_journal(tmp_path / "new" / "journal", exact=True)
    assert run == RUN
    assert all(same(a, b) for a, b in zip(frames, results, strict=True))
    assert is_complete(tmp_path / "new" / "journal")


def test_probabilities_are_rounded_unless_asked_otherwise(tmp_path: Path) -> None:
    results = written(tmp_path / "journal")
    frames = read_journal(tmp_path / "journal")[1]
    assert all(same(a, b.rounded()) for a, b in zip(frames, results, strict=True))


@pytest.mark.parametrize("length", [0, 200, 5_000])
def test_a_run_is_over_however_much_there_is_to_tell(length: int, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal.start(path, RUN) as journal:
        journal.append(frame(0))
        assert not is_complete(path)
        journal.finish(["x" * length])
    assert is_complete(path)


def test_a_journal_that_ends_at_any_byte_is_gone_on_with(tmp_path: Path) -> None:
    """At every length the finished frames can be read, and going on ends in the same bytes."""
    path = tmp_path / "journal"
    results = written(path, 6, 2)
    whole = path.read_bytes()
    ends = {0, 1, 5, len(whole) - 1, *range(0, len(whole), 97)}
    ends |= {i + d for i in range(len(whole)) if whole[i : i + 1] == b"\n" for d in (0, 1)}
    for end in sorted(ends):
        path.write_bytes(whole[:end])
        if end > whole.index(b"\n"):
            assert is_complete(path) == (end == len(whole))
            read = list(read_journal(path, exact=True)[1])
            assert all(same(a, b) for a, b in zip(read, results[: len(read)], strict=True))
        with Journal.resume(path, RUN) as journal:
            assert journal.next_frame % 2 == 0
            assert journal.complete == (end == len(whole))
            if journal.next_frame:
                assert journal.tracker_state == {"people": journal.next_frame - 1}
                assert journal.source_state == {"lost": [journal.next_frame - 1]}
            for one in results[journal.next_frame :]:
                journal.append(one)
                if journal.frames % 2 == 0:
                    journal.checkpoint(journal.next_frame, {"people": one.number}, {"lost": [one.number]})
            if not journal.complete:
                journal.finish(["all notes"])
        assert path.read_bytes() == whole


def test_a_run_goes_on_before_damage_that_a_power_cut_left(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path, 12, 4)
    content = bytearray(path.read_bytes())
    place = content.index(b'{"frame":6') + 40
    content[place : place + 10] = b"0" * 10
    path.write_bytes(bytes(content))
    with Journal.resume(path, RUN) as journal:
        assert (journal.next_frame, journal.frames, journal.complete) == (4, 4, False)
    assert b'"frame":4' not in path.read_bytes()


@pytest.mark.parametrize(
    "change", [(b'{"people":7}', b'{"people":6}'), (b'{"people":7}', b"7"), (b'"frames":8', b'"frames":9')]
)
def test_a_damaged_checkpoint_is_none(tmp_path: Path, change: tuple[bytes, bytes]) -> None:
    path = tmp_path / "journal"
    written(path, 8, 4)
    content = path.read_bytes()
    content = content[: content.index(b'{"complete"')]
    assert change[0] in content
    path.write_bytes(content.replace(*change))
    with Journal.resume(path, RUN) as journal:
        assert (journal.next_frame, journal.frames, journal.tracker_state) == (4, 4, {"people": 3})


def test_a_line_nested_without_end_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path, 8, 4)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'{"frame":6', b'{"frame":' + b"[" * 100_000 + b"]" * 100_000))
    with pytest.raises(JournalError, match="journal is damaged at byte"):
        list(read_journal(path)[1])
    with Journal.resume(path, RUN) as journal:
        assert journal.next_frame == 4


def test_a_frame_of_another_shape_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path, 8, 4)
    path.write_bytes(path.read_bytes().replace(b'"timestamp"', b'"timestamps"', 3))
    with pytest.raises(JournalError, match="journal is damaged at byte"):
        list(read_journal(path)[1])


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path)
    path.write_bytes(path.read_bytes().replace(b'{"frame":5', b'\x00"frame":5'))
    with pytest.raises(JournalError, match="journal is damaged at byte"):
        list(read_journal(path)[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"every": 2}, "every was 1 and is 2"),
        ({"thresholds": {"AU12": 0.4}}, "thresholds was .*0.5.* and is .*0.4"),
        ({"device": "cuda"}, "device was 'not told' and is 'cuda'"),
        ({"input": "other.mp4", "model": "xyz"}, "input was .* model was"),
    ],
)
def test_another_run_does_not_go_on(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=f"belongs to another run: .*{message}"):
        Journal.resume(path, RUN | change)
    assert path.read_bytes() == before


def test_what_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "faces.csv"
    for content in ("frame,face_id\n0,0\n", "my notes", '{"a": 1}\n'):
        path.write_text(content)
        with pytest.raises(JournalError, match=r"faces\.csv is no journal"):
            Journal.resume(path, RUN)
        with pytest.raises(JournalError, match=r"faces\.csv is no journal"):
            read_journal(path)
        assert path.read_text() == content
    with pytest.raises(JournalError, match="does not exist"):
        Journal.resume(tmp_path / "absent", RUN)
    with pytest.raises(JournalError, match="does not exist"):
        read_journal(tmp_path / "absent")
    path.write_text('{"journal":99,"run":{}}\n')
    with pytest.raises(JournalError, match=r"another version of metafacs \(form 99"):
        Journal.resume(path, RUN)


def test_two_processes_do_not_write_one_journal(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    path = tmp_path / "journal"
    with Journal.start(path, RUN):
        for begin in (Journal.start, Journal.resume):
            with pytest.raises(JournalError, match="another process is writing"):
                begin(path, RUN)
    Journal.resume(path, RUN).close()


class FullDisk(io.FileIO):
    """A file on a disk that takes so many bytes and no more."""

    room = 0

    def write(self, content: Any) -> int:
        taken = super().write(bytes(content)[: FullDisk.room])
        FullDisk.room -= taken
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return taken


def test_a_full_disk_leaves_a_journal_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    results = written(path)
    whole = path.read_bytes()
    for room in range(0, len(whole), 1500):
        path.unlink()
        FullDisk.room = room
        monkeypatch.setattr(Path, "open", lambda self, mode, **more: FullDisk(self, mode))
        with pytest.raises(JournalError, match=r"no space left to write .*make room and resume"):
            written(path)
        monkeypatch.undo()
        assert path.read_bytes() == whole[:room]
        with Journal.resume(path, RUN) as journal:
            for one in results[journal.next_frame :]:
                journal.append(one)
        assert len(list(read_journal(path)[1])) == len(results)


@pytest.fixture
def quick(make_detector: Maker, make_source: Sources, nodding: list[Picture]) -> Callable[..., Any]:
    """Return a function that runs a small video into a journal, checkpoints close together."""

    def go(path: Path, **options: Any) -> list[str]:
        source = make_source(options.pop("pictures", nodding[:36]))
        source.notes.append("The pictures are turned.")
        return predict_to_journal(make_detector(), source, path, RUN, **options)

    return go


@pytest.fixture
def close_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "CHECKPOINT_EVERY", 16)


@pytest.mark.usefixtures("close_checkpoints")
def test_an_interrupted_run_ends_in_the_same_bytes(quick: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "journal"
    assert quick(path) == ["The pictures are turned."]
    whole = path.read_bytes()
    assert [one.faces[0].success for one in read_journal(path)[1]] == [True] * 36
    rng = np.random.default_rng(7)
    seen: list[Progress] = []
    for end in [len(whole) - 5, *(int(end) for end in rng.integers(0, len(whole), 2))]:
        path.write_bytes(whole[:end])
        seen.clear()
        assert quick(path, resume=True, report=seen.append) == ["The pictures are turned."]
        assert path.read_bytes() == whole
        assert [one.number for one in seen] == list(range(seen[0].earlier, 36))
        assert seen[-1] == Progress(36, seen[0].earlier, 35, 35 / 25)
    assert quick(path, resume=True, report=pytest.fail) == ["The pictures are turned."]


@pytest.mark.usefixtures("close_checkpoints")
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whatever_ends_a_run_its_frames_are_kept(
    error: type[BaseException], quick: Callable[..., Any], nodding: list[Picture], tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.number == 20:
            raise error

    with pytest.raises(error):
        quick(tmp_path / "journal", report=stop, pictures=nodding[:25])
    assert len(list(read_journal(tmp_path / "journal")[1])) == 21
    assert not is_complete(tmp_path / "journal")
    with Journal.resume(tmp_path / "journal", RUN) as journal:
        assert journal.next_frame == 16
        FaceTracker().restore(journal.tracker_state or {})


def write_without_end(path: Path) -> None:
    with Journal.start(path, RUN) as journal:
        while True:
            number = journal.next_frame
            journal.append(frame(number))
            if number % 8 == 7:
                journal.checkpoint(number + 1, {"number": number + 1})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_killed_process_leaves_whole_frames(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    process = os.fork()
    if process == 0:
        try:
            write_without_end(path)
        finally:
            os._exit(1)
    while not path.exists() or path.stat().st_size < 50_000:
        time.sleep(0.001)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    numbers = [one.number for one in read_journal(path)[1]]
    assert numbers == list(range(len(numbers)))
    with Journal.resume(path, RUN) as journal:
        assert journal.next_frame % 8 == 0
        assert 0 <= len(numbers) - journal.next_frame <= 8
        assert journal.tracker_state == {"number": journal.next_frame}
