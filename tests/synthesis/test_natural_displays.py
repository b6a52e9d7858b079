from __future__ import annotations

import numpy as np

from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.activations import RENDERED_AUS, is_present
from metafacs.synthesis.expressions import PROTOTYPES
from metafacs.synthesis.natural_displays import natural_displays, sample_natural_display


def drawn(count: int, seed: int = 0) -> list[tuple[dict[int, float], str]]:
    rng = np.random.default_rng(seed)
    found = [sample_natural_display(rng, traces=0.0) for _ in range(count)]
    return [(dict(activation.intensities), expression) for activation, expression in found]


def test_displays_name_action_units_that_can_be_rendered_and_known_expressions() -> None:
    for display in natural_displays():
        assert set(display.prototype.core) | set(display.prototype.optional) <= set(RENDERED_AUS)
        assert display.expression in ("", *EXPRESSIONS)
        assert display.prototype.share > 0


def test_the_prototypes_of_emotions_are_among_them_in_their_own_proportions() -> None:
    shown = natural_displays()
    for expression in ("surprise", "fear"):
        shares = [d.prototype.share for d in shown if d.expression == expression]
        own = [prototype.share for prototype in PROTOTYPES[expression]]
        np.testing.assert_allclose(np.array(shares) / sum(shares), np.array(own) / sum(own))


def test_faces_at_rest_show_nothing_and_happy_ones_smile() -> None:
    found = drawn(400)
    resting = [intensities for intensities, name in found if name == "neutral"]
    happy = [intensities for intensities, name in found if name == "happiness"]
    assert len(resting) > 20
    assert not any(resting)
    assert np.mean([intensities.get(12, 0.0) > 0 for intensities in happy]) > 0.9


def test_company_varies_so_that_no_action_unit_stands_for_another() -> None:
    shown = [{au for au, x in intensities.items() if is_present(x)} for intensities, _ in drawn(3000)]
    for one, other in ((4, 25), (1, 26), (25, 26), (6, 12), (10, 25)):
        both = sum({one, other} <= aus for aus in shown)
        alone = [sum(a in aus and b not in aus for aus in shown) for a, b in ((one, other), (other, one))]
        assert both >= 20, (one, other)
        assert min(alone) >= 20, (one, other)


def test_closed_eyes_are_shut_whatever_the_strength() -> None:
    rng = np.random.default_rng(3)
    found = [sample_natural_display(rng, strength=(0.2, 0.25), traces=0.0)[0] for _ in range(1500)]
    shut = [a.intensities[43] for a in found if 43 in a.intensities]
    assert len(shut) > 10
    assert min(shut) > 0.3


def test_the_same_state_gives_the_same_display() -> None:
    assert drawn(20, seed=5) == drawn(20, seed=5)
