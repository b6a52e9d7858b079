from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from metafacs.data.datasets.pictures import read_pictures
from metafacs.inference import picture_predictions
from metafacs.inference.detector import Detector
from metafacs.inference.inputs import DRAWN, gather_inputs
from metafacs.inference.outputs import Destination, plan_outputs
from metafacs.inference.picture_predictions import PictureOutcome, predict_pictures

Maker = Callable[..., Detector]
RUN = {"input": "pictures"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("set").mkdir()
    for i in range(5):
        Image.fromarray(np.full((40, 40, 3), 50 * i, np.uint8)).save(f"set/{i}.png")
    return tmp_path


def predicted(detector: Detector, *, overlays: bool = False, **options: object) -> Destination:
    inputs = gather_inputs(["set"], Path("out"))
    destination = plan_outputs(inputs, Path("out"), "openface", overlays=overlays).pictures
    assert destination is not None
    predict_pictures(lambda: detector, inputs.found, destination, RUN, "openface", **options)  # type: ignore[arg-type]
    return destination


def test_rows_keep_the_order_of_the_inputs_when_processes_do_not(
    make_detector: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_any_order(
        work: Callable[[object], PictureOutcome], jobs: Sequence[object], *_: object, **__: object
    ) -> Iterator[PictureOutcome]:
        yield from (work(jobs[i]) for i in (2, 0, 1, 4, 3))

    monkeypatch.setattr(picture_predictions, "run_jobs", in_any_order)
    seen: list[int] = []
    destination = predicted(make_detector(), report=lambda outcome: seen.append(outcome.number))
    assert seen == [0, 1, 2, 3, 4]
    assert pd.read_csv(destination.table)["frame"].tolist() == [0, 1, 2, 3, 4]
    assert not destination.journal.exists()


def test_a_stopped_run_goes_on_with_the_next_picture(make_detector: Maker) -> None:
    detector = make_detector()
    whole = predicted(detector).table.read_bytes()
    seen: list[int] = []

    def stop(outcome: PictureOutcome) -> None:
        if outcome.number == 2:
            raise KeyboardInterrupt

    Path("out/faces.csv").unlink()
    with pytest.raises(KeyboardInterrupt):
        predicted(detector, report=stop)
    assert not Path("out/faces.csv").exists()
    predicted(detector, resume=True, report=lambda outcome: seen.append(outcome.number))
    assert seen == [3, 4]
    assert Path("out/faces.csv").read_bytes() == whole


def test_an_overlay_that_cannot_be_written_costs_no_row(make_detector: Maker) -> None:
    troubles: list[str] = []
    Path("out/1_overlay.png").mkdir(parents=True)
    destination = predicted(
        make_detector(), overlays=True, report=lambda outcome: troubles.append(outcome.trouble)
    )
    assert [bool(trouble) for trouble in troubles] == [False, True, False, False, False]
    assert "out/1_overlay.png could not be written" in troubles[1]
    assert len(pd.read_csv(destination.table)) == 5
    assert not destination.is_finished(RUN)
    Path("out/1_overlay.png").rmdir()
    assert predicted(make_detector(), overlays=True, resume=True).is_finished(RUN)
    assert Path("out/1_overlay.png").is_file()


def test_overlays_of_a_run_are_no_pictures_to_the_next(make_detector: Maker) -> None:
    predicted(make_detector(), overlays=True)
    assert len(list(Path("out").glob("*_overlay.png"))) == 5
    inputs = gather_inputs(["."], Path("elsewhere"))
    assert [str(one.path) for one in inputs.found] == [f"set/{i}.png" for i in range(5)]
    assert len(inputs.passed_over[DRAWN]) == 5
    assert len(read_pictures(Path()).samples) == 5


def test_a_run_that_goes_on_with_overlays_draws_those_that_are_missing(make_detector: Maker) -> None:
    def stop(outcome: PictureOutcome) -> None:
        if outcome.number == 2:
            raise KeyboardInterrupt

    detector = make_detector()
    predicted(detector, overlays=True)
    whole = {path.name: path.read_bytes() for path in Path("out").glob("*_overlay.png")}
    shutil.rmtree("out")
    with pytest.raises(KeyboardInterrupt):
        predicted(detector, report=stop)
    destination = predicted(detector, overlays=True, resume=True)
    assert {path.name: path.read_bytes() for path in Path("out").glob("*_overlay.png")} == whole
    assert len(whole) == 5
    assert destination.is_finished(RUN)


def test_a_picture_that_memory_does_not_hold_costs_the_others_nothing(
    make_detector: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = picture_predictions.read_picture

    def scarce(path: Path) -> np.ndarray:
        if path.name == "2.png":
            raise MemoryError
        return read(path)

    monkeypatch.setattr(picture_predictions, "read_picture", scarce)
    problems: list[str] = []
    destination = predicted(
        make_detector(), report=lambda outcome: problems.append(outcome.results[0].problem)
    )
    assert problems == ["", "", "set/2.png takes more memory than there is; make it smaller", "", ""]
    table = pd.read_csv(destination.table)
    assert table["frame"].tolist() == [0, 1, 2, 3, 4]
    assert table["success"][2] == 0
    assert pd.isna(table["AU12_p"][2])


def test_a_picture_that_cannot_be_read_keeps_no_run_from_being_finished(make_detector: Maker) -> None:
    Path("set/1.png").write_bytes(b"x")
    destination = predicted(make_detector(), overlays=True)
    assert pd.read_csv(destination.table)["frame"].tolist() == [0, 1, 2, 3, 4]
    assert destination.is_finished(RUN)
