from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import clips
from metafacs.data.videos import Selection, encode_video
from metafacs.inference import journal
from metafacs.inference.detector import Detector
from metafacs.inference.inputs import gather_inputs
from metafacs.inference.journal import Progress
from metafacs.inference.outputs import plan_outputs
from metafacs.inference.predictions import Options, expected_frames, open_source, predict_video, run_of
from metafacs.inference.sidecars import read_sidecar
from metafacs.inference.video_jobs import VideoJob, VideoJobs

Maker = Callable[..., Detector]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pictures = [np.full((48, 64, 3), 10 * i, np.uint8) for i in range(8)]
    for name in ("a.mp4", "b.mp4"):
        encode_video(name, pictures, 10)
    return tmp_path


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), 100),
        (Selection(every=4), 25),
        (Selection(fps=5.0), 20),
        (Selection(fps=60.0), 100),
        (Selection(start=1.0, end=3.0), 50),
        (Selection(start=9.0), 0),
    ],
)
def test_about_how_many_frames_there_will_be(selection: Selection, expected: int) -> None:
    source = SimpleNamespace(frame_count=100, rate=25.0)
    assert expected_frames(source, selection) == expected  # type: ignore[arg-type]


def test_nobody_knows_how_many_frames_a_camera_gives() -> None:
    assert expected_frames(SimpleNamespace(frame_count=None, rate=None), Selection()) is None  # type: ignore[arg-type]
    assert expected_frames(SimpleNamespace(frame_count=7, rate=None), Selection(every=2)) == 4  # type: ignore[arg-type]


def test_a_run_is_told_from_others_by_all_that_changes_its_rows() -> None:
    found = gather_inputs(["a.mp4", "b.mp4"], Path("out")).found
    usual = run_of(found[0], "model", "cpu", Options())
    assert json.loads(json.dumps(usual)) == run_of(found[0], "model", "cpu", Options())
    others = [
        run_of(found[1], "model", "cpu", Options()),
        run_of(found[0], "other", "cpu", Options()),
        run_of(found[0], "model", "cuda", Options()),
        run_of(found[0], "model", "cpu", Options(), "openvino"),
        run_of(found[0], "model", "cpu", Options(form="fex")),
        run_of(found[0], "model", "cpu", Options(selection=Selection(every=2))),
        run_of(found[0], "model", "cpu", Options(neutral="auto")),
    ]
    os.utime("a.mp4", (1, 1))
    others.append(run_of(found[0], "model", "cpu", Options()))
    assert usual not in others
    pictures = run_of(found, "model", "cpu", Options())
    assert str(pictures["input"]).startswith("2 pictures ")


def test_a_folder_of_frames_is_known_by_its_pictures() -> None:
    Path("set").mkdir()
    for name in ("1.png", "2.png"):
        Path("set", name).write_bytes(b"x")
    (found,) = gather_inputs(["set"], Path("out"), frames=True).found
    before = run_of(found, "model", "cpu", Options(frame_rate=25.0))
    assert before != run_of(found, "model", "cpu", Options(frame_rate=30.0))
    Path("set", "3.png").write_bytes(b"x")
    assert before != run_of(found, "model", "cpu", Options(frame_rate=25.0))


def test_a_video_is_written_whole_and_its_journal_goes(make_detector: Maker) -> None:
    inputs = gather_inputs(["a.mp4"], Path("out"))
    (destination,) = plan_outputs(inputs, Path("out"), "parquet", beside=["plot", "events"]).videos
    (found,), options = inputs.found, Options(form="parquet")
    run, opened = run_of(found, "model", "cpu", options), []
    counts = predict_video(make_detector(), found, destination, run, options, opened=opened.append)
    assert (counts.frames, counts.without_face) == (8, 8)
    assert opened[0].frame_count == 8
    assert len(pd.read_parquet(destination.table)) == 8
    assert not destination.journal.exists()
    assert destination.is_finished(run)
    # Nobody is there to be drawn.
    assert read_sidecar(destination.table)["outputs"] == ["a.parquet", "a.parquet.meta.json", "a_events.csv"]


def test_one_that_fails_stops_no_other_and_the_bar_knows_how_far_all_are(make_detector: Maker) -> None:
    Path("broken.mp4").write_bytes(b"no video")
    inputs = gather_inputs(["broken.mp4", "a.mp4", "b.mp4"], Path("out"))
    plan, options = plan_outputs(inputs, Path("out"), "openface"), Options(selection=Selection(every=2))
    jobs = [
        VideoJob(i, found, plan.videos[i], run_of(found, "m", "cpu", options), options)
        for i, found in enumerate(inputs.found)
    ]
    videos = VideoJobs(jobs, make_detector)
    assert videos.count == 3
    assert videos.frames == (0, None)
    outcomes = videos.outcomes()
    broken = next(outcomes)
    assert broken.counts is None
    assert "broken.mp4" in broken.problem
    assert next(outcomes).counts is not None
    # Those that are not opened yet count as the others on average: 0 + 4 so far.
    assert videos.frames[0] == 4
    assert [outcome.job.number for outcome in outcomes] == [2]
    assert videos.frames[0] == 8


def test_a_damaged_picture_of_a_folder_with_an_odd_name_costs_only_itself(make_detector: Maker) -> None:
    folder = Path(os.fsdecode(b"set\xff"))
    folder.mkdir()
    for name in ("1.png", "3.png"):
        Image.new("RGB", (40, 40)).save(folder / name)
    (folder / "2.png").write_bytes(b"x")
    inputs = gather_inputs([str(folder)], Path("out"), frames=True)
    (destination,) = plan_outputs(inputs, Path("out"), "openface").videos
    (found,), options = inputs.found, Options(frame_rate=25.0)
    run = run_of(found, "model", "cpu", options)
    counts = predict_video(make_detector(), found, destination, run, options)
    assert (counts.frames, counts.undecodable) == (3, 1)
    assert pd.read_csv(destination.table)["input"].unique().tolist() == ["set\\xff"]
    assert destination.is_finished(run)


def test_sources_are_named_as_they_were_given() -> None:
    (found,) = gather_inputs(["./a.mp4"], Path("out")).found
    assert open_source(found, Options()).frame_count == 8


def test_an_overlay_without_the_sound_is_told(make_detector: Maker) -> None:
    with av.open("phone.avi", "w") as container:
        pictures, sound = container.add_stream("mpeg4", rate=10), container.add_stream("pcm_mulaw", rate=8000)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        container.mux(pictures.encode(av.VideoFrame(64, 48, "yuv420p")))
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="stereo")
        tone.sample_rate = 8000
        container.mux([*sound.encode(tone), *pictures.encode(None)])
    inputs = gather_inputs(["phone.avi"], Path("out"))
    (destination,) = plan_outputs(inputs, Path("out"), "openface", beside=["overlay"]).videos
    (found,), opened = inputs.found, []
    run = run_of(found, "model", "cpu", Options())
    predict_video(make_detector(), found, destination, run, Options(), opened=opened.append)
    source = read_sidecar(destination.table)["source"]
    note = "The sound of phone.avi is left out: 'mp4' format does not support 'pcm_mulaw' codec."
    assert isinstance(source, dict)
    assert note in source["notes"]
    assert note in opened[0].notes


def test_a_stretch_of_time_that_the_video_does_not_have_is_told(make_detector: Maker) -> None:
    inputs = gather_inputs(["a.mp4"], Path("out"))
    (destination,), (found,) = plan_outputs(inputs, Path("out"), "openface").videos, inputs.found
    options, opened = Options(selection=Selection(start=100.0)), []
    counts = predict_video(
        make_detector(),
        found,
        destination,
        run_of(found, "model", "cpu", options),
        options,
        opened=opened.append,
    )
    note = "No frame lies in the chosen stretch of time, so the table is empty."
    source = read_sidecar(destination.table)["source"]
    assert isinstance(source, dict)
    assert (counts.frames, source["notes"], opened[0].notes) == (0, [note], [note])


def test_losses_before_an_interruption_are_told_after_it(
    make_detector: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "CHECKPOINT_EVERY", 16)
    whole = clips.write_clip(Path("whole.mp4"), clips.pictures_of(range(40)), codec="mpeg4", gop=8)
    # A packet that is lost, and two of which the end is, so that the decoder covers it up.
    clips.damage(clips.damage(whole, Path("lost.mp4"), [5]), Path("session.mp4"), [11, 35], share=0.3)
    inputs = gather_inputs(["session.mp4"], Path("out"))
    (found,) = inputs.found
    run = run_of(found, "model", "cpu", Options())

    def source_of(out: str, stop: int | None) -> object:
        def interrupt(progress: Progress) -> None:
            if progress.number == stop:
                raise KeyboardInterrupt

        (destination,) = plan_outputs(inputs, Path(out), "openface").videos
        for resume, report in ((False, interrupt), (True, None)):
            with suppress(KeyboardInterrupt):
                predict_video(
                    make_detector(), found, destination, run, Options(), resume=resume, report=report
                )
                break
        return read_sidecar(destination.table)["source"]

    undisturbed = source_of("out", None)
    assert isinstance(undisturbed, dict)
    assert any(
        note.startswith("Frames in which the decoder covered faults up") for note in undisturbed["notes"]
    )
    # At a checkpoint, after the last one, and when all frames were finished but nothing was written.
    for stop in (15, 25, 39):
        assert source_of(f"stopped{stop}", stop) == undisturbed


@pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 there")
def test_a_name_that_elan_cannot_hold_is_told_before_the_analysis(make_detector: Maker) -> None:
    name = os.fsdecode(b"gr\xf6\xdfer.mp4")
    Path("a.mp4").rename(name)
    inputs = gather_inputs([name], Path("out"))
    (destination,) = plan_outputs(inputs, Path("out"), "openface", beside=["elan"]).videos
    (found,) = inputs.found
    run = run_of(found, "model", "cpu", Options())
    with pytest.raises(ValueError, match="rename the video"):
        predict_video(make_detector(), found, destination, run, Options(), report=pytest.fail)
    assert not destination.journal.exists()
