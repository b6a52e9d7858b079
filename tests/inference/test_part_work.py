from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from metafacs.data.parts import read_receipt
from metafacs.inference import part_work
from metafacs.inference.detector import Detector
from metafacs.inference.inputs import Inputs, list_inputs
from metafacs.inference.part_deaths import Deaths, journal_of
from metafacs.inference.part_plan import WORK, PartPlan, read_plan, write_plan
from metafacs.inference.part_work import MachineError, PartJob, make_part
from metafacs.inference.predictions import Options
from metafacs.locks import claimed

Maker = Callable[..., Detector]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan_of(*words: str, size: int | None = None) -> PartPlan:
    out = Path("out")
    out.mkdir(exist_ok=True)
    inputs = list_inputs(words, out, Inputs())
    write_plan(out, inputs, {"model": "a"}, os.getcwd(), files_per_part=size)
    return read_plan(out)


def job_of(plan: PartPlan, number: int = 0, **options: object) -> PartJob:
    return PartJob(
        plan.out,
        plan.folder,
        plan.parts[number],
        Options("parquet", **options),
        2,  # type: ignore[arg-type]
    )


@pytest.fixture
def pictures(face: Image.Image) -> list[str]:
    names = [f"{i}.png" for i in range(6)]
    for name in names:
        face.save(name)
    return names


def test_a_part_is_made_once(make_detector: Maker, pictures: list[str]) -> None:
    job = job_of(plan_of(*pictures))
    outcome = make_part(make_detector, job)
    assert outcome.state == "made"
    assert outcome.receipt == read_receipt(job.path)
    assert outcome.receipt.rows == (1,) * 6
    assert outcome.receipt.faces == 6
    before = job.path.stat()
    assert make_part(make_detector, job).state == "there"
    assert job.path.stat() == before


def test_who_comes_second_where_there_are_no_locks_changes_nothing(
    make_detector: Maker, pictures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(plan_of(*pictures))
    publish, seen = part_work._publish, []

    def overtaken(written: Path, path: Path) -> None:
        if not seen:
            publish(written, path)
            seen.append(path.stat())
        publish(written, path)

    monkeypatch.setattr(part_work, "_publish", overtaken)
    make_part(make_detector, job)
    now = job.path.stat()
    assert (now.st_ino, now.st_mtime_ns) == (seen[0].st_ino, seen[0].st_mtime_ns)


def test_a_file_system_without_links(
    make_detector: Maker, pictures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: Path) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    job = job_of(plan_of(*pictures))
    assert make_part(make_detector, job).state == "made"
    assert len(pd.read_parquet(job.path)) == 6


def test_a_part_that_is_being_made_is_left_alone(make_detector: Maker, pictures: list[str]) -> None:
    job = job_of(plan_of(*pictures))
    with claimed(Path("out", WORK, job.path.stem), "another worker"):
        assert make_part(make_detector, job).state == "taken"
    assert make_part(make_detector, job).state == "made"


def test_files_that_fail_for_a_time_are_tried_again(
    make_detector: Maker, pictures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse, tries = part_work.analyse_picture, dict.fromkeys(range(6), 0)

    def failing(get_detector: object, job: part_work.PictureJob) -> part_work.PictureOutcome:
        tries[job.number] += 1
        if job.number in (1, 4) and tries[job.number] < (2 if job.number == 1 else 9):
            raise MemoryError
        return analyse(get_detector, job)  # type: ignore[arg-type]

    monkeypatch.setattr(part_work, "analyse_picture", failing)
    outcome = make_part(make_detector, job_of(plan_of(*pictures)))
    assert outcome.receipt is not None
    assert outcome.receipt.rows == (1,) * 6
    assert outcome.receipt.faces == 5
    assert [(one.number, one.input, one.tries) for one in outcome.receipt.failed] == [(4, "4.png", 3)]
    assert outcome.receipt.failed[0].problem == "4.png takes more memory than there is"
    assert tries == {0: 1, 1: 2, 2: 1, 3: 1, 4: 3, 5: 1}


def test_networks_that_fail_on_everything_are_not_the_files_fault(
    make_detector: Maker, pictures: list[str], short_clip: Path
) -> None:
    def broken(images: object) -> None:
        raise RuntimeError("the device is gone")

    plan = plan_of(*pictures)
    with pytest.raises(
        MachineError, match=r"5 files one after the other failed, 4\.png last .*device is gone"
    ):
        make_part(lambda: make_detector(predictor=broken), job_of(plan))
    assert not job_of(plan).path.exists()
    # On a sound machine, it is made.
    outcome = make_part(make_detector, job_of(plan))
    assert outcome.receipt is not None
    assert outcome.receipt.rows == (1,) * 6


def failing_on(*numbers: int) -> Callable[..., part_work.PictureOutcome]:
    """Return what analyses pictures with networks that fail on some."""
    analyse = part_work.analyse_picture

    def failing(get_detector: object, job: part_work.PictureJob) -> part_work.PictureOutcome:
        if job.number in numbers:
            raise RuntimeError("the device is gone")
        return analyse(get_detector, job)  # type: ignore[arg-type]

    return failing


def test_files_that_failed_are_no_broken_machine_when_only_they_are_tried_again(
    make_detector: Maker, pictures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_work, "analyse_picture", failing_on(0, 2, 4))
    outcome = make_part(make_detector, job_of(plan_of(*pictures)))
    assert outcome.receipt is not None
    assert (outcome.receipt.rows, outcome.receipt.faces) == ((1,) * 6, 3)
    table = pd.read_parquet(job_of(plan_of(*pictures)).path)
    assert table["input"].tolist() == pictures
    assert table["success"].tolist() == [0, 1, 0, 1, 0, 1]


def test_a_broken_machine_shows_in_parts_of_one_file(
    make_detector: Maker, pictures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(*pictures, size=1)
    monkeypatch.setattr(part_work, "analyse_picture", failing_on(*range(6)))
    for number in range(4):
        assert make_part(make_detector, job_of(plan, number)).state == "made"
    with pytest.raises(MachineError, match=r"5 files one after the other failed, 4\.png last"):
        make_part(make_detector, job_of(plan, 4))
    assert not job_of(plan, 4).path.exists()


def test_one_kill_is_not_the_fault_of_the_file(make_detector: Maker, pictures: list[str]) -> None:
    plan = plan_of(*pictures)
    work = Path("out", WORK, Path(plan.parts[0].name).stem)
    work.mkdir(parents=True)
    Deaths(work).begin(2)  # the process ends here
    outcome = make_part(make_detector, replace(job_of(plan), retries=0))
    assert outcome.receipt is not None
    assert outcome.receipt.rows == (1,) * 6


def test_ctrl_c_is_no_death(tmp_path: Path) -> None:
    script = f"""
import os, pathlib, signal
from metafacs.inference.part_deaths import Deaths
signal.signal(signal.SIGINT, signal.SIG_DFL)
deaths = Deaths(pathlib.Path({str(tmp_path)!r}))
with deaths.watched():
    deaths.begin(7)
    os.kill(os.getpid(), signal.SIGINT)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == 130
    assert Deaths(tmp_path).of(7) == 0


def test_a_file_that_ends_its_readers_is_given_up(make_detector: Maker, pictures: list[str]) -> None:
    plan = plan_of(*pictures)
    work = Path("out", WORK, Path(plan.parts[0].name).stem)
    work.mkdir(parents=True)
    for died in range(3):
        deaths = Deaths(work)
        assert deaths.of(2) == died
        deaths.begin(2)  # the process ends here
    outcome = make_part(make_detector, job_of(plan))
    assert outcome.receipt is not None
    assert (outcome.receipt.rows, outcome.receipt.faces) == ((1,) * 6, 5)
    assert outcome.receipt.failed[0].tries == 3
    assert "2.png ended 3 processes that read it" in outcome.receipt.failed[0].problem


def test_deaths_with_progress_do_not_count(tmp_path: Path) -> None:
    for size in (100, 200, 300):
        Deaths(tmp_path).begin(7)
        journal_of(tmp_path, 7).write_bytes(b"." * size)
    assert Deaths(tmp_path).of(7) == 1
    deaths = Deaths(tmp_path)
    deaths.begin(7)
    assert Deaths(tmp_path).of(7) == 2
    with Deaths(tmp_path).watched():
        pass
    assert Deaths(tmp_path).of(7) == 2


def test_a_video_that_cannot_be_read_stops_no_other(make_detector: Maker, short_clip: Path) -> None:
    shutil.copy(short_clip, "a.mp4")
    Path("b.mp4").write_bytes(b"no video")
    shutil.copy(short_clip, "c.mp4")
    outcome = make_part(make_detector, job_of(plan_of("a.mp4", "b.mp4", "c.mp4")))
    assert outcome.receipt is not None
    assert outcome.receipt.rows == (10, 0, 10)
    assert outcome.receipt.videos == ("a.mp4", "b.mp4", "c.mp4")
    assert [one.input for one in outcome.receipt.failed] == ["b.mp4"]
    table = pd.read_parquet(job_of(plan_of("a.mp4", "b.mp4", "c.mp4")).path)
    assert table.groupby("input")["frame"].apply(list).to_dict() == {
        "a.mp4": list(range(10)),
        "c.mp4": list(range(10)),
    }


def test_a_picture_without_a_face_has_a_row_that_says_so(make_detector: Maker) -> None:
    blank = np.full((64, 64, 3), 200, np.uint8)
    Image.fromarray(blank).save("wall.png")
    outcome = make_part(make_detector, job_of(plan_of("wall.png")))
    assert outcome.receipt is not None
    assert (outcome.receipt.rows, outcome.receipt.faces) == ((1,), 0)
