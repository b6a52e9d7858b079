from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metafacs.synthesis import displays
from metafacs.synthesis.activations import RENDERED_AUS, is_present
from metafacs.synthesis.closure import foreseen_action_units
from metafacs.synthesis.displays import PARTING_AUS, possible_together, sample_exact_display
from metafacs.synthesis.identities import Identity, sample_identity
from metafacs.synthesis.renderer import resting_mesh

PEOPLE = {seed: sample_identity(seed, pool="displays") for seed in range(4)}
HEADS = {seed: resting_mesh(identity) for seed, identity in PEOPLE.items()}


def shown_by(person: int, aus: set[int], seed: int = 0, **options: object) -> tuple[set[int], object]:
    activation = sample_exact_display(
        np.random.default_rng(seed),
        aus,
        PEOPLE[person],
        HEADS[person],
        **options,  # type: ignore[arg-type]
    )
    found = foreseen_action_units(PEOPLE[person], HEADS[person], activation)
    return {au for au, x in found.items() if is_present(x)}, activation


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize(
    "aus",
    [
        set(),
        {10},  # a raised upper lip that does not part the lips
        {9, 10},
        {10, 15},
        {10, 17},
        {12, 25},  # a smile pulls the lips shut
        {17, 25},  # a raised chin too
        {17, 25, 26},
        {9, 10, 12, 16, 25, 27},
        {24},
        {28},
        {4, 6, 43},
        {1, 2, 5, 25, 26},
    ],
)
def test_exactly_the_wanted_action_units_are_true(person: int, aus: set[int]) -> None:
    for seed in range(3):
        assert shown_by(person, aus, seed)[0] == aus


@settings(max_examples=60, deadline=None)
@given(
    aus=st.sets(st.sampled_from(RENDERED_AUS), max_size=9).filter(possible_together),
    person=st.sampled_from(sorted(PEOPLE)),
    seed=st.integers(0, 100),
)
def test_every_possible_face_can_be_shown(aus: set[int], person: int, seed: int) -> None:
    shown, activation = shown_by(person, aus, seed, one_sided=0.3, traces=2.0)
    assert shown == aus
    assert activation.intensities.keys() <= set(RENDERED_AUS)  # type: ignore[attr-defined]


def test_possible_faces() -> None:
    assert possible_together(())
    for au in PARTING_AUS:
        assert not possible_together({au})
        assert possible_together({au, 25})
    assert not possible_together({7, 43})
    assert not possible_together({24, 25})


def test_one_sided_displays_show_one_action_unit_on_one_side() -> None:
    _, activation = shown_by(0, {1, 4, 12}, one_sided=1.0, traces=0.0)
    weaker = [
        au
        for au, sides in activation.asymmetry.items()  # type: ignore[attr-defined]
        if not is_present(activation.intensities[au] * min(sides))  # type: ignore[attr-defined]
    ]
    assert len(weaker) == 1


def test_impossible_faces_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no face shows the action units \[12, 15\]"):
        shown_by(0, {12, 15})


def test_a_person_who_cannot_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lips_never_part(identity: Identity, resting: object, activation: object) -> dict[int, float]:
        return {}

    monkeypatch.setattr(displays, "foreseen_action_units", lips_never_part)
    with pytest.raises(ValueError, match=r"person 1 of pool 'displays' cannot show the action units \[25\]"):
        shown_by(1, {25})
