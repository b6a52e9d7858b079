from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metafacs.inference.detector import Detector
from metafacs.inference.events import EventRules, find_events
from metafacs.inference.result import FaceResult
from metafacs.inference.timeline_plot import draw_timeline, plot_timelines
from metafacs.inference.timelines import Timeline, Timelines, gather_timelines

Maker = Callable[..., Detector]
Results = Callable[..., list[list[FaceResult]]]
NAN = float("nan")


@pytest.fixture
def timelines(make_detector: Maker, make_results: Results) -> Timelines:
    """Return a person who is gone between 1 and 2 s, and one who passes by."""
    values = 0.5 + 0.45 * np.sin(np.arange(75) / 6)
    values[25:50] = NAN
    passer = np.full(75, NAN)
    passer[30] = 0.9
    detector = make_detector(intensities=True, experimental=(6,))
    return gather_timelines(make_results({0: values, 4: passer}), detector)


def texts(path: Path) -> list[str]:
    """Return the texts of an SVG."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_the_same_results_give_the_same_bytes(tmp_path: Path, timelines: Timelines, ending: str) -> None:
    events = find_events(timelines)
    for name in ("one", "other"):
        path = tmp_path / "new" / (name + ending)
        assert plot_timelines(path, timelines, events) == [path]
    one, other = (tmp_path / "new" / (name + ending) for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
    assert sorted(tmp_path.rglob("*.*")) == [one, other]


def test_a_png_is_sharp_enough_to_print(tmp_path: Path, timelines: Timelines) -> None:
    [path] = plot_timelines(tmp_path / "a.PNG", timelines)
    with Image.open(path) as picture:
        assert picture.width == 2160
        assert picture.info["dpi"][0] == pytest.approx(300, abs=1)


def test_the_text_of_an_svg_stays_text(tmp_path: Path, timelines: Timelines) -> None:
    [path] = plot_timelines(tmp_path / "a.svg", timelines, find_events(timelines))
    assert {
        *["session.mp4, person 0", "Model trained on synthetic faces", "Time (s)"],
        *["AU1", "Inner brow raiser", "AU6 (experimental)", "AU12", "Lip corner puller"],
        *["probability", "threshold", "intensity, 0 to 5", "event", "not seen"],
    } <= set(texts(path))
    assert "dc:date" not in path.read_text()
    assert not re.search(r' d="[^"]*\.\d{3}', path.read_text())


def test_nothing_is_said_that_is_not_there(
    tmp_path: Path, make_detector: Maker, make_results: Results
) -> None:
    detector = make_detector(description={"synthetic": False})
    timelines = gather_timelines(make_results({0: [0.1, 0.9]}, input="in/$a_b$ & \x07\udcff ö.mp4"), detector)
    [path] = plot_timelines(tmp_path / "a.svg", timelines, aus=[12, 1])
    found = texts(path)
    assert "$a_b$ &amp; ?? ö.mp4, person 0" in found
    assert not {"Model trained on synthetic faces", "event", "intensity, 0 to 5", "AU6"} & set(found)
    assert found.index("AU12") < found.index("AU1")


def test_people_have_a_picture_each_and_passers_by_only_if_asked_for(
    tmp_path: Path, timelines: Timelines
) -> None:
    path = tmp_path / "a.svg"
    both = plot_timelines(path, timelines, people=[0, 4])
    assert both == [tmp_path / "a_person0.svg", tmp_path / "a_person4.svg"]
    assert "session.mp4, person 4" in texts(both[1])
    sizes = [re.search(r'viewBox="[^"]*"', one.read_text())[0] for one in both]  # type: ignore[index]
    assert sizes[0] == sizes[1]
    with pytest.raises(ValueError, match=r"shows no person 3; it shows \[0, 4\]"):
        plot_timelines(path, timelines, people=[3])


def test_a_row_shows_gaps_events_and_the_broken_line(timelines: Timelines) -> None:
    rules = EventRules(smoothing=0, hysteresis=0)
    events = find_events(timelines, rules)
    figure = draw_timeline(timelines, 0, events, aus=[1])
    [axes] = figure.axes
    assert axes.get_xlim() == pytest.approx((0, 3))
    boxes = [
        [path.get_extents().bounds for path in collection.get_paths()] for collection in axes.collections
    ]
    assert boxes[0] == [pytest.approx((1, 0, 1, 1))]
    mine = [event for event in events if event.au == 1 and event.person == 0]
    assert [(left, width) for left, _, width, _ in boxes[-1]] == [
        pytest.approx((event.onset, event.duration)) for event in mine
    ]
    lines = [line for line in axes.lines if np.isnan(line.get_ydata()).any()]
    assert all(not ((line.get_xdata() > 1.001) & (line.get_xdata() < 1.999)).any() for line in lines)


def test_half_an_hour_gives_a_small_file_with_its_time_in_minutes(
    tmp_path: Path, timelines: Timelines
) -> None:
    times = np.arange(45000) / 25
    values = np.random.default_rng(0).uniform(size=45000).astype(np.float32)
    told = dict.fromkeys(timelines.aus, values)
    places = np.array([[0, 45000]])
    frames = np.arange(45000)
    line = Timeline(0, frames, times, times + 0.04, places, told, {})
    long = replace(timelines, people=(line,), frames=frames, times=times, ends=times + 0.04)
    [path] = plot_timelines(tmp_path / "a.svg", long)
    assert path.stat().st_size < 500_000
    assert {"0:00", "25:00", "Time (min:s)"} <= set(texts(path))
    hours = replace(line, times=times * 3, ends=times * 3 + 0.12)
    [path] = plot_timelines(path, replace(long, people=(hours,), times=hours.times, ends=hours.ends), aus=[1])
    assert {"0:00:00", "1:00:00", "Time (h:min:s)"} <= set(texts(path))


def test_a_single_frame_can_be_drawn(tmp_path: Path, make_detector: Maker, make_results: Results) -> None:
    timelines = gather_timelines(make_results({0: [0.9]}), make_detector())
    assert plot_timelines(tmp_path / "a.png", timelines, find_events(timelines)) == [tmp_path / "a.png"]


def test_nobody_is_no_picture(tmp_path: Path, make_detector: Maker) -> None:
    timelines = gather_timelines([FaceResult("a.mp4")], make_detector())
    assert plot_timelines(tmp_path / "a.png", timelines) == []
    assert list(tmp_path.iterdir()) == []


def test_other_endings_are_refused(tmp_path: Path, timelines: Timelines) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf"):
        plot_timelines(tmp_path / "a.jpg", timelines)
    with pytest.raises(ValueError, match="does not tell"):
        plot_timelines(tmp_path / "a.png", timelines, aus=[2])
