from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from metafacs.data.own_results import OF_PICTURES
from metafacs.inference.inputs import Inputs, gather_inputs
from metafacs.inference.journal import Journal
from metafacs.inference.outputs import Destination, OutputError, Plan, check_outputs, plan_outputs
from metafacs.inference.sidecars import sidecar_path
from metafacs.inference.writers import SUFFIXES
from metafacs.seals import sealed

OUT = Path("out")
RUN = {"input": ["a.mp4", 1, 2], "detector": "abc"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "a.jpg", "b.jpg", "clips/day/a.mp4"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")
    return tmp_path


def planned(*words: str, out: Path = OUT, beside: tuple[str, ...] = (), overlays: bool = True):
    inputs = gather_inputs(words, out)
    return inputs, plan_outputs(inputs, out, "openface", beside=beside, overlays=overlays)


def check(
    made: tuple[Inputs, Plan], *, out: Path = OUT, run: Mapping[str, object] = RUN, **options: bool
) -> None:
    inputs, plan = made
    check_outputs(inputs, plan, [run] * len(plan.destinations), out, **options)


def finish(destination: Destination, run: Mapping[str, object] = RUN, skip: tuple[str, ...] = ()) -> None:
    """Write what a finished run leaves."""
    for path in destination.files:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name not in skip and path != sidecar_path(destination.table):
            path.write_text("result")
    sidecar_path(destination.table).write_text(json.dumps(destination.described(run)))


def test_pictures_share_a_table_and_videos_have_their_own() -> None:
    _, plan = planned("a.jpg", "b.jpg", "clips", beside=("events", "plot"))
    assert plan.pictures is not None
    assert [str(path) for path in plan.pictures.files] == [
        "out/faces.csv",
        "out/faces.csv.meta.json",
        "out/a_overlay.png",
        "out/b_overlay.png",
    ]
    (video,) = plan.videos
    assert [str(path) for path in video.files] == [
        "out/day/a.csv",
        "out/day/a.csv.meta.json",
        "out/day/a_events.csv",
        "out/day/a_plot.png",
        "out/day/a_plot.svg",
    ]
    assert str(video.journal) == "out/day/a.csv.unfinished"
    assert video.described(RUN)["outputs"] == ["a.csv.meta.json"]


def test_without_overlays_pictures_have_only_a_table() -> None:
    _, plan = planned("a.jpg", overlays=False)
    assert plan.pictures is not None
    assert len(plan.pictures.files) == 2


def test_a_video_called_faces_leaves_the_pictures_table_alone() -> None:
    Path("faces.mp4").write_bytes(b"x")
    _, plan = planned("a.jpg", "faces.mp4")
    assert str(plan.videos[0].table) == "out/faces.mp4.csv"


def test_inputs_are_never_written_over() -> None:
    Path("a_overlay.png").write_bytes(b"the user's")
    made = planned("a.jpg", "a_overlay.png", out=Path())
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"a_overlay\.png is one of the inputs.*--out"):
            check(made, out=Path(), overwrite=overwrite)
    assert Path("a_overlay.png").read_bytes() == b"the user's"


def test_not_even_through_links() -> None:
    Path("a_overlay.png").write_bytes(b"x")
    os.symlink(".", "out")
    with pytest.raises(OutputError, match="is one of the inputs"):
        check(planned("a.jpg", "a_overlay.png"), overwrite=True)


def test_drawings_do_not_go_among_the_inputs() -> None:
    with pytest.raises(OutputError, match="holds the inputs"):
        check(planned("clips", out=Path("clips"), beside=("plot",)), out=Path("clips"))
    check(planned("clips", out=Path("clips")), out=Path("clips"))


def test_what_is_there_is_refused_unless_it_is_of_the_same_run() -> None:
    made = planned("a.mp4", beside=("events",))
    check(made)
    (destination,) = made[1].videos
    destination.table.write_text("somebody's table")
    with pytest.raises(OutputError, match=r"out/a\.csv is there already and is not of this run.*--overwrite"):
        check(made)
    check(made, overwrite=True)
    finish(destination, {**RUN, "detector": "other"})
    with pytest.raises(OutputError, match="was written with another input, model or option"):
        check(made)
    finish(destination)
    check(made)
    check(planned("a.mp4"))
    # More is asked for than that run wrote, and there is something in its place.
    Path("out/a.eaf").write_text("coded by hand")
    with pytest.raises(OutputError, match=r"out/a\.eaf is there already"):
        check(planned("a.mp4", beside=("elan",)))


def test_finished_rows_are_not_thrown_away() -> None:
    made = planned("a.mp4")
    (destination,) = made[1].videos
    with Journal.start(destination.journal, RUN):
        pass
    with pytest.raises(OutputError, match=r"a\.csv\.unfinished holds the finished rows.*--resume"):
        check(made)
    check(made, resume=True)
    check(made, overwrite=True)
    other = {**RUN, "input": ["a.mp4", 5, 6]}
    with pytest.raises(
        OutputError, match=r"of another run \(input was \['a.mp4', 1, 2\] and is \['a.mp4', 5, 6\]\)"
    ):
        check(made, run=other, resume=True)
    # Killed before its first line was whole.
    destination.journal.write_bytes(b'{"journ')
    check(made, run=other, resume=True)


def test_a_run_that_goes_on_may_have_drawn_already() -> None:
    made = planned("a.jpg", "b.jpg")
    destination = made[1].pictures
    assert destination is not None
    with Journal.start(destination.journal, RUN):
        pass
    Path("out/a_overlay.png").write_text("drawn")
    check(made, resume=True)


def test_finished_means_that_everything_is_there() -> None:
    (destination,) = planned("a.mp4", beside=("events",))[1].videos
    assert not destination.is_finished(RUN)
    finish(destination)
    assert destination.is_finished(RUN)
    assert not destination.is_finished({**RUN, "detector": "other"})
    (more,) = planned("a.mp4", beside=("events", "plot"))[1].videos
    assert not more.is_finished(RUN)
    (less,) = planned("a.mp4")[1].videos
    assert less.is_finished(RUN)
    Path("out/a_events.csv").unlink()
    assert not destination.is_finished(RUN)


def test_plots_of_single_people_belong_to_the_run() -> None:
    (destination,) = planned("a.mp4", beside=("plot",))[1].videos
    finish(destination, skip=("a_plot.png", "a_plot.svg"))
    Path("out/a_plot_person0.png").write_text("plot")
    Path("out/a_plot_final.png").write_text("the user's")
    for left in (".a.csv.77.partial", ".a_plot_person1.svg.77.partial"):
        (OUT / left).write_text("half")
    made = planned("a.mp4", beside=("plot",))
    with pytest.raises(OutputError, match=r"a_plot_person0\.png"):
        check(made)
    assert "a_plot_person0.png" in destination.described(RUN)["outputs"]  # type: ignore[operator]
    destination.clear(RUN)
    assert sorted(path.name for path in OUT.iterdir()) == ["a.csv", "a.csv.meta.json", "a_plot_final.png"]


def test_what_was_corrected_by_hand_is_not_written_over() -> None:
    made = planned("a.mp4", beside=("elan",))
    (destination,) = made[1].videos
    finish(destination)
    check(made)
    later = sidecar_path(destination.table).stat().st_mtime + 60
    os.utime("out/a.eaf", (later, later))
    check(made)
    Path("out/a.eaf").write_text("corrected")
    with pytest.raises(OutputError, match=r"out/a\.eaf was changed after it was written"):
        check(made)
    check(made, overwrite=True)


@pytest.mark.parametrize("resume", [False, True])
def test_a_damaged_table_is_not_taken_for_finished(resume: bool) -> None:
    made = planned("a.mp4")
    (destination,) = made[1].videos
    finish(destination)
    check(made, resume=resume)
    written = os.stat("out/a.csv").st_mtime
    for content in ("", "result."):
        Path("out/a.csv").write_text(content)
        os.utime("out/a.csv", (written, written))
        with pytest.raises(OutputError, match=r"out/a\.csv was changed after it was written: .*--overwrite"):
            check(made, resume=resume)


def test_a_damaged_sidecar_is_named() -> None:
    made = planned("a.mp4")
    (destination,) = made[1].videos
    finish(destination)
    sidecar = sidecar_path(destination.table)
    sidecar.write_text(json.dumps(sealed(destination.described(RUN))))
    check(made)
    sidecar.write_text(sidecar.read_text().replace("abc", "abd"))
    with pytest.raises(OutputError, match=r"out/a\.csv\.meta\.json is damaged or was edited: .*--overwrite"):
        check(made)


def test_digests_are_not_asked_of_what_earlier_versions_wrote() -> None:
    made = planned("a.mp4")
    (destination,) = made[1].videos
    finish(destination)
    known = destination.described(RUN)
    sidecar_path(destination.table).write_text(json.dumps({**known, "digests": None}))
    check(made)
    later = sidecar_path(destination.table).stat().st_mtime + 60
    os.utime("out/a.csv", (later, later))
    with pytest.raises(OutputError, match=r"out/a\.csv was changed"):
        check(made)


def test_what_a_replaced_run_wrote_beside_goes_with_it() -> None:
    (before,) = planned("a.mp4", beside=("events", "elan"))[1].videos
    finish(before)
    later = sidecar_path(before.table).stat().st_mtime + 60
    os.utime("out/a.eaf", (later, later))
    (after,) = planned("a.mp4")[1].videos
    after.clear(RUN)
    assert Path("out/a_events.csv").exists()
    after.clear({**RUN, "detector": "other"})
    assert sorted(path.name for path in OUT.iterdir()) == ["a.csv", "a.csv.meta.json", "a.eaf"]


def test_what_the_same_run_wrote_before_stays_known() -> None:
    (before,) = planned("a.mp4", beside=("events",))[1].videos
    finish(before)
    (after,) = planned("a.mp4")[1].videos
    finish(after)
    assert before.is_finished(RUN)
    check(planned("a.mp4", beside=("events",)))


def test_the_folder_must_be_one_that_can_be_written_to() -> None:
    made = planned("a.mp4")
    Path("file").write_text("")
    with pytest.raises(OutputError, match="file is a file; give the name of a folder"):
        check(made, out=Path("file"))
    with pytest.raises(OutputError, match="lies below a file"):
        check(made, out=Path("file/below"))
    with pytest.raises(OutputError, match=r"/proc/x cannot be written to.*--out"):
        check(made, out=Path("/proc/x"))
    (OUT / "a.csv").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"out/a\.csv is a folder"):
        check(made, overwrite=True)


def test_descriptions_of_pictures_are_known_by_name() -> None:
    plans = [plan_outputs(gather_inputs(["a.jpg"], OUT), OUT, form) for form in SUFFIXES]
    tables = [plan.pictures.table for plan in plans if plan.pictures is not None]
    assert {sidecar_path(table).name for table in tables} == set(OF_PICTURES)
