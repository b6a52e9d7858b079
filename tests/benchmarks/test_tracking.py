from __future__ import annotations

import json
from types import ModuleType

import numpy as np
import pytest

from metafacs.faces.face import Face
from metafacs.faces.tracking import TrackedFace
from metafacs.synthesis.clips import ClipFace


def known(person: int, x: float, hidden: float = 0.0) -> ClipFace:
    landmarks = np.tile(np.float32([x, 50]), (68, 1))
    return ClipFace(person, hidden, (x - 20, 30, x + 20, 70), landmarks, (0.0, 0.0, 0.0), {})


def found(number: int, x: float) -> TrackedFace:
    return TrackedFace(number, Face((x - 20, 30, x + 20, 70), 1.0, np.tile([x, 50.0], (68, 1))))


def test_counts_what_goes_wrong(benchmark: ModuleType) -> None:
    count = benchmark.Count()
    count.add([known(0, 50), known(1, 150)], [found(0, 51), found(1, 149)])
    count.add([known(0, 50), known(1, 150)], [found(0, 51)])  # one lost
    count.add([known(0, 50), known(1, 150, 0.9)], [found(0, 51)])  # hidden: not lost
    count.add([known(0, 50)], [found(0, 51), found(1, 250)])  # one false
    count.add([known(0, 50), known(1, 150)], [found(0, 51), found(2, 149)])  # a new number
    count.add([known(0, 50), known(1, 150)], [found(0, 51), found(1, 149)])  # mended
    count.add([known(0, 50), known(1, 150)], [found(1, 51), found(0, 149)])  # switched, both
    assert dict(count.totals) == {
        "faces": 12,
        "lost": 1,
        "false": 1,
        "new_numbers": 1,
        "mended": 1,
        "switches": 2,
    }


def test_ends_with_one_json_line(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.main(["--kinds", "one", "--seconds", "0.5", "--rate", "12", "--size", "320", "180"])
    content = json.loads(capsys.readouterr().out.splitlines()[-1])
    row = content["results"]["one"]
    assert content["synthetic"]
    assert row["frames"] == row["faces"] == 6
    assert row["lost"] == row["switches"] == 0
    assert row["pixels_from_find_faces"] < 1
    assert len(row["turn_error_degrees"]) == 3
