from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from metafacs.data.twins.carriers import CARRIER_SHARES, CARRIERS, sample_display
from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.activations import is_present


def displays(label: int, number: int = 300):
    return [sample_display(np.random.default_rng([label, seed]), label) for seed in range(number)]


def test_shares_of_carriers():
    assert sum(CARRIER_SHARES) == pytest.approx(1)
    counts = Counter(d.carrier for label in range(6) for d in displays(label))
    for carrier, share in zip(CARRIERS, CARRIER_SHARES, strict=True):
        assert counts[carrier] / 1800 == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("label", range(6))
def test_only_the_first_carrier_shows_action_units(label):
    for display in displays(label, 100):
        present = [au for au, x in display.activation.intensities.items() if is_present(x)]
        if display.carrier == "action_units":
            assert display.strength >= 0.35
        else:
            assert not present
            assert display.strength == 0
        assert (display.pose is not None) == (display.carrier in ("gaze", "pose"))
        assert (display.hint_weight > 0) == (display.carrier in ("gaze", "pose"))


def test_sad_gaze_is_down_and_surprised_gaze_is_up():
    def vertical(expression: str) -> float:
        chosen = [d for d in displays(EXPRESSIONS.index(expression)) if d.carrier == "gaze"]
        return float(np.mean([d.activation.gaze[1] for d in chosen]))

    assert vertical("sadness") < -0.4
    assert vertical("surprise") > 0.3


def test_neutral_is_mostly_at_rest():
    shown = [
        any(is_present(x) for x in display.activation.intensities.values())
        for display in displays(EXPRESSIONS.index("neutral"))
    ]
    assert 0.02 < np.mean(shown) < 0.2
