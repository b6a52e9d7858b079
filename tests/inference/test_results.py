from __future__ import annotations

import gc
import io
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from metafacs.data.videos import Camera, Frame, VideoError, encode_video
from metafacs.inference.baseline import BaselineError, apply_baseline, find_baseline
from metafacs.inference.detector import Detector
from metafacs.inference.engine import FrameResults, analyse_frames
from metafacs.inference.results import EndlessError, VideoResults
from metafacs.inference.writers import open_writer

Picture = NDArray[np.uint8]
Maker = Callable[..., Detector]
Sources = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where temporary files go."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def numbers(results: VideoResults) -> list[int]:
    return [frame.number for frame in results]


def test_a_video_file_is_gone_through_frame_by_frame(
    make_detector: Maker, nodding: list[Picture], tmp_path: Path
) -> None:
    encode_video(tmp_path / "session.mp4", nodding[:12], 25)
    results = make_detector().predict(str(tmp_path / "session.mp4"), every=3, start=0.1)
    frames = list(results)
    assert [frame.number for frame in frames] == [3, 6, 9]
    assert all(frame.faces[0].success for frame in frames)
    assert frames[0].faces[0].input == str(tmp_path / "session.mp4")
    assert frames[1].timestamp == pytest.approx(0.24)
    with pytest.raises(VideoError):
        make_detector().predict(tmp_path / "absent.mp4")
    with pytest.raises(ValueError, match="exclude each other"):
        make_detector().predict(tmp_path / "session.mp4", every=2, fps=5)


def test_results_come_while_the_video_is_analysed(
    make_detector: Maker, make_source: Sources, nodding: list[Picture], folder: Path
) -> None:
    source = make_source(nodding * 3)
    frames = iter(make_detector().predict(source))
    assert [next(frames).number for _ in range(3)] == [0, 1, 2]
    assert source.given < 40
    frames.close()  # type: ignore[attr-defined]
    assert list(folder.iterdir()) == []


def test_a_video_is_analysed_once_whatever_is_asked(
    make_detector: Maker, make_source: Sources, nodding: list[Picture], folder: Path
) -> None:
    source = make_source([*nodding[:20], None, *nodding[21:24]])
    results = make_detector().predict(source)
    assert not source.given
    table = results.to_dataframe()
    assert source.given == 24
    first, second = list(results), list(results)
    assert [frame.faces[0].probabilities for frame in first] == [
        frame.faces[0].probabilities for frame in second
    ]
    assert [frame.faces[0].problem for frame in first[19:22]] == ["", "a packet is damaged", ""]
    assert len(results.timelines().people) == 1
    assert results.timelines().lost.tolist() == [20]
    assert {event.au for event in results.events()} <= {1, 6, 12}
    assert source.given == 24
    assert table["frame"].tolist() == list(range(24))
    assert table["success"].tolist() == [1] * 20 + [0] + [1] * 3
    assert table["AU12_p"].tolist()[:20] == [frame.faces[0].probabilities[12] for frame in first[:20]]
    assert len(list(folder.iterdir())) == 1
    del results
    gc.collect()
    assert list(folder.iterdir()) == []


def test_the_table_is_that_of_the_command(
    make_detector: Maker, make_source: Sources, nodding: list[Picture], tmp_path: Path
) -> None:
    detector, source = make_detector(), make_source(nodding[:10])
    with open_writer(tmp_path / "faces.csv", "openface", detector) as writer:
        for frame in analyse_frames(detector, source):
            for face in frame.rounded().faces:
                writer.write(face)
    expected = pd.read_csv(io.StringIO((tmp_path / "faces.csv").read_text()))
    pd.testing.assert_frame_equal(detector.predict(source).to_dataframe(), expected)


def test_a_pass_that_is_left_is_begun_anew(
    make_detector: Maker, make_source: Sources, nodding: list[Picture]
) -> None:
    source = make_source(nodding[:20])
    results = make_detector().predict(source)
    for frame in results:
        if frame.number == 3:
            break
    assert numbers(results) == list(range(20))


def test_the_plot_is_drawn(
    make_detector: Maker, make_source: Sources, nodding: list[Picture], tmp_path: Path
) -> None:
    written = make_detector().predict(make_source(nodding[:8])).plot(tmp_path / "session.svg")
    assert written == [tmp_path / "session.svg"]
    assert written[0].read_text().lstrip().startswith("<?xml")


def test_rest_is_taken_into_account(
    make_detector: Maker, make_source: Sources, nodding: list[Picture]
) -> None:
    detector, source = make_detector(), make_source(nodding[:20])
    plain = list(detector.predict(source))
    exact = list(analyse_frames(detector, source))
    for neutral in ("auto", "5-7"):
        expected = list(apply_baseline(exact, find_baseline(exact, detector, neutral)))
        rested = list(detector.predict(source, neutral=neutral))
        assert [frame.faces[0].probabilities for frame in rested] == [
            frame.faces[0].probabilities for frame in expected
        ]
        assert rested[0].faces[0].probabilities != plain[0].faces[0].probabilities
    with pytest.raises(BaselineError, match="names no quiet frames"):
        detector.predict(source, neutral="sometimes")
    with pytest.raises(ValueError, match="leave neutral or images out"):
        detector.predict(source, neutral="auto", images=True)


def test_pictures_come_with_the_results(
    make_detector: Maker, make_source: Sources, nodding: list[Picture], folder: Path
) -> None:
    results = make_detector().predict(make_source(nodding[:5]), images=True)
    assert all(frame.image is nodding[frame.number] for frame in results)
    assert list(folder.iterdir()) == []


class Webcam(Camera):
    """A camera that is not there."""

    def __init__(self, pictures: list[Picture]) -> None:
        self.pictures, self.name, self.notes = pictures, "camera:0", []
        self.frame_count, self.rate = None, 25.0

    def frames(self, *arguments: Any) -> Iterator[Any]:
        for number in count():
            yield Frame(number, number / 25, self.pictures[number % len(self.pictures)])


def test_a_camera_has_no_end(make_detector: Maker, nodding: list[Picture], folder: Path) -> None:
    results = make_detector().predict(Webcam(nodding[:4]))
    seen: list[FrameResults] = []
    for frame in results:
        seen.append(frame)
        if len(seen) == 9:
            break
    assert [frame.number for frame in seen] == list(range(9))
    assert all(frame.image is not None and frame.faces[0].success for frame in seen)
    for ask in (results.to_dataframe, results.timelines, results.events):
        with pytest.raises(EndlessError, match="camera:0 has no end"):
            ask()
    with pytest.raises(ValueError, match="leave neutral"):
        make_detector().predict(Webcam(nodding[:4]), neutral="auto")
    assert list(folder.iterdir()) == []
