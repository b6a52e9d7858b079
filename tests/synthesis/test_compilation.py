from __future__ import annotations

import pytest

from metafacs.synthesis.compilation import clamp, step


def test_clamp_and_step() -> None:
    assert [clamp(x, 0.0, 1.0) for x in (-1.0, 0.3, 2.0)] == [0.0, 0.3, 1.0]
    assert [step(0.0, 2.0, x) for x in (-1.0, 1.0, 3.0)] == [0.0, 0.5, 1.0]
    assert step(2.0, 0.0, 0.5) == pytest.approx(step(0.0, 2.0, 1.5))
