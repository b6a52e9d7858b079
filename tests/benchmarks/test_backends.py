from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from metafacs.inference.result import FaceResult


def face(frame: int, probability: float) -> FaceResult:
    return FaceResult("clip", frame, success=True, probabilities={12: probability})


def test_tells_how_far_apart_faces_are_and_whether_they_are_the_same(benchmark: ModuleType) -> None:
    expected = [face(0, 0.5), face(1, 0.25)]
    assert benchmark.apart(expected, [face(0, 0.5), face(1, 0.375)]) == 0.125
    assert benchmark.apart(expected, expected[:1]) == float("inf")
    assert benchmark.apart(expected, [face(0, 0.5), FaceResult("clip", 1)]) == float("inf")


def test_the_photograph_moves_and_comes_back(benchmark: ModuleType) -> None:
    photo = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    images = list(benchmark.moving(photo, 8))
    assert {image.shape for image in images} == {(360, 640, 3)}
    assert not np.array_equal(images[0], images[4])


def test_every_way_is_measured_against_torch_and_its_operators(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(np.cumsum([0, 4, 0, 2, 0, 8, 0, 2, 0, 8, 0, 4]).tolist())
    monkeypatch.setattr(benchmark.time, "process_time", lambda: next(clock))
    ways = {name: lambda: [face(0, 0.5)] for name in ("torch", "openvino", benchmark.OPERATORS)}
    rows = benchmark.measure(ways, benchmark.Stopwatch(), 1000, 2)
    assert [rows[name]["milliseconds"] for name in rows] == [4, 2, 8]
    assert [rows[name]["times_torch"] for name in rows] == [1, 2, 0.5]
    assert [rows[name]["times_operators"] for name in rows] == [2, 4, 1]
    assert rows["openvino"]["apart"] == 0


def test_operators_take_the_place_of_compiled_loops_and_give_it_back(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark.GraphNetwork, "_can_be_compiled", lambda network, images: True)
    ways = benchmark.ways_of(
        {"torch": "torch"}, lambda name: [benchmark.GraphNetwork._can_be_compiled(None, None)]
    )
    assert [ways["torch"](), ways[benchmark.OPERATORS](), ways["torch"]()] == [[True], [False], [True]]
