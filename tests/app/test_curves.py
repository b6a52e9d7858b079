"""Curves of long videos: few enough for a screen, and no movement lost, however short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metafacs.app.curves import COLUMNS, read_curves, thinned, write_curves

FRAMES, RATE = 90_000, 25
PEAK, DIP = 54_321, 76_543


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """An hour of one person, away for a minute, with a peak and a dip of one frame each."""
    seen = np.r_[0:30_000, 31_500:FRAMES]
    times = seen / RATE
    p = (0.4 + 0.1 * np.sin(times / 7 + np.arange(20)[:, None])).astype(np.float32)
    p[3, np.searchsorted(seen, PEAK)], p[3, np.searchsorted(seen, DIP)] = 0.99, 0.01
    line = {
        "about": {"id": 5, "name": "", "seconds": 3540.0, "share": {}},
        "frames": seen,
        "times": times,
        "ends": times + 1 / RATE,
        "stretches": np.array([[0, 30_000], [30_000, len(seen)]]),
        "p": p,
        "i": 5 * p,
    }
    head = {"aus": list(range(1, 21)), "seconds": FRAMES / RATE, "step": 1 / RATE, "events": []}
    path = tmp_path_factory.mktemp("curves") / "curves.npz"
    write_curves(path, head, [line])
    return path, line


def test_a_peak_of_one_frame_stays_visible_in_an_hour(hour: tuple[Path, dict[str, Any]]) -> None:
    whole = read_curves(hour[0])
    (person,) = whole["people"]
    assert not whole["exact"]
    assert len(person["times"]) <= 2 * (COLUMNS + 2)
    assert len(json.dumps(whole)) < 1_000_000
    column = FRAMES / RATE / COLUMNS
    for frame, value in ((PEAK, 0.99), (DIP, 0.01)):
        (place,) = (k for k, found in enumerate(person["p"]["4"]) if found == value)
        assert abs(person["times"][place] - frame / RATE) <= column
    others = np.array([person["p"][str(au)] for au in range(1, 21) if au != 4])
    assert others.max() <= 0.5
    assert others.min() >= 0.3


def test_a_pause_is_no_shorter_in_thinned_curves(hour: tuple[Path, dict[str, Any]]) -> None:
    (person,) = read_curves(hour[0])["people"]
    assert person["stretches"] == [[0.0, 1200.0], [1260.0, 3600.0]]
    times = np.array(person["times"])
    assert {1199.96, 1260.0} <= set(times)
    assert not ((times > 1199.96) & (times < 1260.0)).any()


def test_a_closer_look_gives_more_and_at_last_everything(hour: tuple[Path, dict[str, Any]]) -> None:
    path, line = hour
    closer = read_curves(path, 2000, 2400)
    assert not closer["exact"]
    assert "events" not in closer
    assert 2 * COLUMNS <= len(closer["people"][0]["times"]) <= 2 * (COLUMNS + 2)
    near = read_curves(path, 2170, 2175)
    (person,) = near["people"]
    assert near["exact"]
    frames = np.array(person["frames"])
    assert (frames[0], frames[-1]) == (2170 * RATE, 2175 * RATE + 1)
    places = np.searchsorted(line["frames"], frames)
    assert person["p"]["4"] == [round(float(value), 4) for value in line["p"][3, places]]
    assert person["i"]["4"] == [round(float(value), 2) for value in line["i"][3, places]]
    assert person["stretches"] == [[2170.0, 2175.08]]
    assert read_curves(path, 1210, 1250)["people"][0]["stretches"] == [[1199.96, 1200.0], [1260.0, 1260.04]]


def test_values_come_in_their_order() -> None:
    values = np.array([[0.5, 0.9, 0.1, 0.4, 0.3, 0.3, 0.7]], np.float32)
    times = np.array([0.0, 0.1, 0.2, 0.3, 1.0, 1.1, 2.0])
    kept, found = thinned(values, times, np.array([[0, 7]]), (0.0, 3.0), 3)
    assert kept.tolist() == [0, 3, 4, 5, 6]
    assert found[0].tolist() == pytest.approx([0.9, 0.1, 0.3, 0.3, 0.7])
    # A pause within a column keeps its two sides apart.
    kept, found = thinned(values, times, np.array([[0, 2], [2, 7]]), (0.0, 3.0), 3)
    assert kept.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert found[0, :4].tolist() == pytest.approx([0.5, 0.9, 0.1, 0.4])
