from __future__ import annotations

from dataclasses import replace

import numpy as np

from metafacs.synthesis.face_model import load_face_model
from metafacs.synthesis.hair import grow_hair, strip_widening
from metafacs.synthesis.identities import sample_identity

PERSON = replace(sample_identity(1), hair_style="short", hairline=0.0, fringe=0.0)


def test_bald_people_have_none() -> None:
    assert grow_hair(replace(PERSON, hair_style="bald")) is None


def test_hair_grows_on_the_scalp_not_on_face_or_ears() -> None:
    model, hair = load_face_model(), grow_hair(PERSON)
    assert hair is not None
    lifted = hair.lift > 0
    assert lifted.any()
    assert not lifted[model.ear_vertices & (model.neutral[:, 1] < 7.38)].any()
    assert not lifted[model.landmarks[17:]].any()


def test_only_long_hair_has_strips() -> None:
    short, long = grow_hair(PERSON), grow_hair(replace(PERSON, hair_style="long"))
    assert short is not None
    assert long is not None
    assert len(short.strips) == 0
    assert len(long.strips) > 0


def test_strips_are_broadened_sideways_only() -> None:
    widening = strip_widening()
    assert not widening[:, 1].any()
    assert np.abs(widening).max() < 0.5
