from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metafacs.facs import AU_NAMES
from metafacs.synthesis.activations import (
    CONFLICTS,
    LEVEL_THRESHOLDS,
    RENDERED_AUS,
    Activation,
    continuous_level,
    intensity_level,
    is_present,
    resolve_conflicts,
)

INTENSITIES = st.dictionaries(st.sampled_from(RENDERED_AUS), st.floats(0, 1), max_size=10)


def test_rendered_aus_are_facs_numbers_without_repeats() -> None:
    assert set(RENDERED_AUS) <= set(AU_NAMES)
    assert len(set(RENDERED_AUS)) == len(RENDERED_AUS)
    assert {au for pair in CONFLICTS for au in pair} <= set(RENDERED_AUS)


def test_level_boundaries_belong_to_the_higher_level() -> None:
    assert [intensity_level(x) for x in LEVEL_THRESHOLDS] == [1, 2, 3, 4, 5]
    assert [intensity_level(x - 1e-9) for x in LEVEL_THRESHOLDS] == [0, 1, 2, 3, 4]


def test_continuous_levels_rise_and_round_to_levels() -> None:
    # As precise as intensities are written down.
    intensities = np.arange(10001) / 10000
    levels = np.array([continuous_level(x) for x in intensities])
    assert (np.diff(levels) > 0).all()
    assert (levels[0], levels[-1]) == (0, 5)
    assert np.floor(levels.astype(np.float32) + 0.5).tolist() == [intensity_level(x) for x in intensities]


def test_trace_is_not_presence() -> None:
    assert not is_present(0.19)
    assert is_present(0.20)


@given(INTENSITIES, st.integers(0, 2**32 - 1))
def test_resolved_intensities_hold_no_conflict_and_drop_nothing_needlessly(
    intensities: dict[int, float], seed: int
) -> None:
    kept = resolve_conflicts(intensities, np.random.default_rng(seed))
    assert kept.items() <= intensities.items()
    assert not any(a in kept and b in kept for a, b in CONFLICTS)
    for au in set(intensities) - set(kept):
        rivals = [b if a == au else a for a, b in CONFLICTS if au in (a, b)]
        assert any(kept.get(rival, -1) >= intensities[au] for rival in rivals)


def test_ties_are_decided_by_the_generator() -> None:
    winners = {next(iter(resolve_conflicts({12: 0.5, 15: 0.5}, np.random.default_rng(k)))) for k in range(20)}
    assert winners == {12, 15}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"intensities": {3: 0.5}}, "cannot be rendered"),
        ({"intensities": {12: 1.2}}, "intensity of AU12"),
        ({"intensities": {12: float("nan")}}, "intensity of AU12"),
        ({"intensities": {12: 1.0}, "asymmetry": {12: (0.5, 2.0)}}, "asymmetry of AU12"),
        ({"intensities": {}, "gaze": (0.0, -1.5)}, "gaze"),
    ],
)
def test_impossible_displays_are_refused(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Activation(**arguments)
