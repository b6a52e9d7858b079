from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from metafacs.data.facts import BP4D, DISFA
from metafacs.data.twins.emotionet import CODED_AUS
from metafacs.data.twins.web_displays import (
    EXPRESSION_SHARE,
    EXPRESSION_SHARES,
    FREE,
    FREE_RATES,
    sample_web_display,
)
from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.action_unit_shapes import pose
from metafacs.synthesis.activations import RENDERED_AUS, is_present
from metafacs.synthesis.closure import lip_gap, true_action_units
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import resting_mesh

NUMBER = 1500


@pytest.fixture(scope="module")
def displays():
    return [sample_web_display(np.random.default_rng([5, number])) for number in range(NUMBER)]


@pytest.fixture(scope="module")
def shown(displays):
    """AU -> whether each display shows it, as a coder of the rendered face would find."""
    people = [sample_identity(number, pool="web displays") for number in range(12)]
    meshes = [resting_mesh(person) for person in people]
    present = {au: np.zeros(NUMBER, bool) for au in RENDERED_AUS}
    for row, display in enumerate(displays):
        person, mesh = people[row % 12], meshes[row % 12]
        vertices = pose(mesh, display.activation, person.gains, person.resting)
        for au, x in true_action_units(display.activation, lip_gap(vertices)).items():
            present[au][row] = is_present(x)
    return present


def test_shares(displays):
    assert sum(EXPRESSION_SHARES.values()) == pytest.approx(1)
    assert set(EXPRESSION_SHARES) == set(EXPRESSIONS)
    assert set(CODED_AUS) <= set(FREE_RATES) <= set(RENDERED_AUS)
    kinds = Counter(display.kind for display in displays)
    assert kinds[FREE] / NUMBER == pytest.approx(1 - EXPRESSION_SHARE, abs=0.04)
    assert all((display.strength > 0) == (display.kind != FREE) for display in displays)


def test_rates_lie_between_those_of_the_two_source_sets(shown):
    (disfa,), (_, bp4d) = DISFA.rates, BP4D.rates
    for au in CODED_AUS:
        rate = shown[au].mean()
        assert disfa.rates.get(au, 0.02) - 0.015 < rate < bp4d.rates.get(au, 0.5) + 0.015, f"AU{au}"


def test_action_units_are_not_emotions(shown):
    """Half of a smile, a frown or a raised brow is seen without the rest of its expression."""
    for one, other in ((12, 6), (6, 12), (1, 2), (2, 1), (4, 1), (5, 1), (26, 1)):
        assert (shown[one] & ~shown[other]).sum() > 0.15 * shown[one].sum(), f"AU{one} without AU{other}"
