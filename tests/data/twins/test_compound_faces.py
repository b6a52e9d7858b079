from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from metafacs.compounds import COMPONENTS, COMPOUND_EXPRESSIONS, LAB_RATES, OBSERVED_RATE, WILD_RATES
from metafacs.data.twins.compound_faces import (
    Face,
    affinities,
    assign_people,
    draw_names,
    plan_compound,
    plan_parts,
    prototype_rates,
    rare_rates,
)
from metafacs.synthesis.activations import RENDERED_AUS
from metafacs.synthesis.displays import possible_together


@pytest.mark.parametrize("compound", COMPOUND_EXPRESSIONS)
@pytest.mark.parametrize("pictures", [2, 3, 8, 150])
def test_rates_are_met_to_the_nearest_picture(compound: str, pictures: int) -> None:
    plans = plan_compound(np.random.default_rng(3), compound, WILD_RATES[compound], pictures, 0.05)
    counts = Counter(au for _, aus in plans for au in aus)
    assert len(plans) == pictures
    for au, rate in WILD_RATES[compound].items():
        assert abs(counts[au] / pictures - rate) <= (1 if rate == OBSERVED_RATE else 0.5) / pictures + 1e-9
    for au in counts.keys() - WILD_RATES[compound].keys():
        assert counts[au] / pictures < OBSERVED_RATE
    assert all(possible_together(aus) for _, aus in plans)


def test_blank_faces_are_as_many_as_the_rates_allow() -> None:
    def blank(compound: str, share: float) -> int:
        plans = plan_compound(np.random.default_rng(0), compound, WILD_RATES[compound], 200, share)
        return sum(not aus for _, aus in plans)

    assert blank("sadly disgusted", 0.05) == 10
    assert blank("sadly disgusted", 0.0) == 0
    assert blank("fearfully angry", 0.05) == 4, "98 % show AU25"


def test_rare_rates_stay_below_the_observed_and_leave_out_what_is_never_seen() -> None:
    for components in COMPONENTS.values():
        rates = rare_rates(components)
        assert max(rates.values()) < OBSERVED_RATE
        assert rates.keys() == set(RENDERED_AUS) - {11, 45}
    assert rare_rates(("happiness",))[6] > rare_rates(("fear",))[6]


def test_affinities_are_those_of_the_prototypes() -> None:
    pairs = affinities(("happiness", "surprise"))
    assert pairs[1, 2] > pairs[1, 5] > 0
    assert (1, 12) not in pairs


def test_prototype_rates_are_averages() -> None:
    assert prototype_rates(["surprise"])[1] == pytest.approx(1)
    assert prototype_rates(["surprise", "happiness"])[1] == pytest.approx(0.5)


def test_laboratory_cells_that_conflict_cannot_be_planned() -> None:
    with pytest.raises(ValueError, match="no 50 faces show"):
        plan_compound(np.random.default_rng(0), "angrily disgusted", LAB_RATES["angrily disgusted"], 50)


def test_parts_have_their_counts_and_together_the_rates() -> None:
    counts = {"train": (60, 20), "test": (30, 10)}
    names = ("happily surprised", "angrily disgusted")
    plans = plan_parts("some", 0, names, counts, 0.0)
    assert {part: len(planned) for part, planned in plans.items()} == {"train": 80, "test": 40}
    smiling = sum(12 in aus for planned in plans.values() for who, aus in planned if "happiness" in who)
    assert smiling == round(0.58 * 90)
    assert plans != plan_parts("some", 1, names, counts, 0.0)


def test_people_have_four_pictures_in_a_row() -> None:
    plans = [(("anger",), frozenset[int]())] * 10
    faces = assign_people(map(str, range(10)), plans, "train", 7)
    assert [face.person for face in faces] == [7, 7, 7, 7, 8, 8, 8, 8, 9, 9]


def test_names_have_four_digits_and_gaps() -> None:
    names = draw_names(np.random.default_rng(0), 500)
    assert len(set(names)) == 500
    assert {len(name) for name in names} == {4}
    assert int(max(names)) > 500
    assert int(min(names)) >= 1


def test_only_two_winners_make_a_compound() -> None:
    def compound(*winners: str) -> str | None:
        return Face("0001", 0, winners, frozenset(), "train").compound

    assert compound("surprise", "happiness") == "happily surprised"
    assert compound("happiness", "anger") is None
    assert compound("happiness") is None
    assert compound("happiness", "surprise", "fear") is None
