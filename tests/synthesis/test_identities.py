from __future__ import annotations

import numpy as np
import pytest

from metafacs.synthesis.activations import RENDERED_AUS
from metafacs.synthesis.face_model import load_face_model
from metafacs.synthesis.identities import HAIR_STYLES, find_identity, sample_identity


def test_same_number_same_person() -> None:
    assert sample_identity(7) == sample_identity(7)
    assert sample_identity(7) != sample_identity(8)


def test_pools_share_no_person() -> None:
    people = [sample_identity(k, pool=pool).shape for pool in ("bp4d", "raf_db") for k in range(20)]
    assert all(a != b for i, a in enumerate(people) for b in people[:i])


@pytest.mark.parametrize("sex", ["female", "male"])
def test_sex_can_be_chosen(sex: str) -> None:
    people = [sample_identity(k, sex=sex) for k in range(20)]  # type: ignore[arg-type]
    assert all((person.masculinity >= 0.5) == (sex == "male") for person in people)
    if sex == "female":
        assert all(person.beard == 0 for person in people)


def test_people_are_complete_and_within_range() -> None:
    model = load_face_model()
    for person in (sample_identity(k, pool="range") for k in range(40)):
        assert sum(person.ancestry) == pytest.approx(1)
        assert set(person.shape) <= set(model.shapes)
        assert set(person.resting) <= set(model.units)
        assert set(person.gains) == set(RENDERED_AUS)
        assert all(0.79 < gain < 1.16 for gain in person.gains.values())
        assert person.hair_style in HAIR_STYLES
        assert 0 <= person.melanin < 1


def test_resting_faces_vary() -> None:
    corners = [
        person.resting["mouthFrownLeft"] - person.resting["mouthSmileLeft"]
        for person in (sample_identity(k) for k in range(60))
    ]
    brows = [sample_identity(k).resting["browDownLeft"] for k in range(60)]
    assert min(corners) < -0.05
    assert max(corners) > 0.25
    assert np.std(brows) > 0.1


def test_generators_differ_by_purpose() -> None:
    person = sample_identity(1)
    assert person.generator("skin").random() == person.generator("skin").random()
    assert person.generator("skin").random() != person.generator("hair").random()


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        sample_identity(-1)
    with pytest.raises(ValueError, match="choose 'female'"):
        sample_identity(1, sex="other")  # type: ignore[arg-type]


def test_the_first_person_who_fits_is_found() -> None:
    found = find_identity(10, pool="a", sex="female", ages=(0.1, 0.3), ancestry=1)
    assert found.seed >= 10
    assert found.masculinity < 0.5
    assert 0.1 <= found.age <= 0.3
    assert max(found.ancestry) == found.ancestry[1]
    assert found == find_identity(found.seed, pool="a", sex="female", ages=(0.1, 0.3), ancestry=1)
    assert found == sample_identity(found.seed, pool="a", sex="female")
