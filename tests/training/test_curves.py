from __future__ import annotations

import torch

from metafacs.training.curves import curve_values


def test_values_of_a_resumed_run_stand_before_those_of_the_device() -> None:
    points = [{"a": 0.1, "b": 2.0}, {"a": torch.tensor(0.1), "b": torch.tensor(3, dtype=torch.float64)}]
    found = curve_values(points)
    assert found == {"a": [0.1, float(torch.tensor(0.1))], "b": [2.0, 3.0]}


def test_no_points_are_no_curves() -> None:
    assert curve_values([]) == {}
