from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.activations import CONFLICTS, RENDERED_AUS, is_present
from metafacs.synthesis.expressions import (
    PROTOTYPES,
    TRACE_LIMIT,
    add_traces,
    sample_action_units,
    sample_asymmetry,
    sample_expression,
)


def test_every_expression_has_prototypes_of_rendered_aus():
    assert set(PROTOTYPES) == set(EXPRESSIONS)
    for prototypes in PROTOTYPES.values():
        for prototype in prototypes:
            assert set(prototype.core) | set(prototype.optional) <= set(RENDERED_AUS)


def test_no_core_holds_a_conflict():
    for expression, prototypes in PROTOTYPES.items():
        for prototype in prototypes:
            for one, other in CONFLICTS:
                assert not {one, other} <= set(prototype.core), (expression, one, other)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_samples_are_repeatable_and_free_of_conflicts(expression):
    for seed in range(30):
        activation = sample_expression(np.random.default_rng(seed), expression, 0.9)
        assert activation == sample_expression(np.random.default_rng(seed), expression, 0.9)
        for one, other in CONFLICTS:
            assert not {one, other} <= set(activation.intensities)


@pytest.mark.parametrize(
    ("expression", "aus"),
    [
        ("happiness", (12,)),
        ("sadness", (4,)),
        ("surprise", (1, 2)),
        ("fear", (1,)),
        ("anger", (4,)),
    ],
)
def test_defining_action_units_are_nearly_always_present(expression, aus):
    shown = Counter()
    for seed in range(200):
        activation = sample_expression(np.random.default_rng(seed), expression, 0.9)
        shown.update(au for au in aus if is_present(activation.intensities.get(au, 0)))
    for au in aus:
        assert shown[au] >= 170


def test_neutral_shows_only_traces():
    for seed in range(50):
        activation = sample_expression(np.random.default_rng(seed), "neutral", 0.0, traces=4)
        assert all(not is_present(x) for x in activation.intensities.values())


def test_strength_scales_the_display():
    def total(strength: float) -> float:
        samples = (sample_expression(np.random.default_rng(s), "fear", strength, traces=0) for s in range(50))
        return sum(sum(sample.intensities.values()) for sample in samples)

    assert total(0.9) > 2 * total(0.4)


def test_free_combinations_come_out_near_their_rates():
    rates = {1: 0.3, 6: 0.5, 12: 0.4, 17: 0.2}
    shown = Counter()
    for seed in range(600):
        activation = sample_action_units(np.random.default_rng(seed), rates)
        shown.update(au for au, x in activation.intensities.items() if is_present(x))
    for au, rate in rates.items():
        assert shown[au] / 600 == pytest.approx(rate, abs=0.06)


def test_traces_stay_below_level_b_and_leave_lips_and_eyes_alone():
    for seed in range(50):
        extended = add_traces(np.random.default_rng(seed), {12: 0.8}, 6.0)
        assert extended[12] == 0.8
        traces = {au: x for au, x in extended.items() if au != 12}
        assert all(0 < x <= TRACE_LIMIT and not is_present(x) for x in traces.values())
        assert not set(traces) & {25, 26, 27, 43, 45}


def test_asymmetry_keeps_the_stronger_side_whole():
    for seed in range(50):
        sides = sample_asymmetry(np.random.default_rng(seed), {12: 0.5, 14: 0.5, 17: 0.5})
        assert 17 not in sides
        assert all(max(pair) == 1.0 for pair in sides.values())


def test_wrong_requests_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="unknown expression 'bored'"):
        sample_expression(rng, "bored", 0.5)
    with pytest.raises(ValueError, match="from 0 to 1"):
        sample_expression(rng, "fear", 1.5)
    with pytest.raises(ValueError, match="rate of AU12"):
        sample_action_units(rng, {12: 2.0})
