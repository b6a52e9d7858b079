from __future__ import annotations

import numpy as np

from metafacs.data.datasets.action_unit_codes import parse_action_units
from metafacs.data.twins.compound_faces import Face
from metafacs.data.twins.portraits import Album, take_portrait, write_codes
from metafacs.synthesis.activations import Activation, is_present
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import Subject

LOPSIDED = Activation({1: 0.5, 12: 0.6, 14: 0.5, 4: 0.5}, {12: (1.0, 0.2), 14: (0.0, 1.0), 4: (0.6, 1.0)})


def test_sides_are_the_subjects_own_and_only_where_one_alone_is_present() -> None:
    codes = {write_codes(np.random.default_rng(seed), (1, 4, 12, 14), LOPSIDED) for seed in range(300)}
    assert "1+4+L12+R14" in codes
    assert all(parse_action_units(line) == {1, 4, 12, 14} for line in codes)


def test_a_few_lines_are_unsorted_or_repeat_a_token() -> None:
    lines = [write_codes(np.random.default_rng(seed), (1, 4, 25), Activation({})) for seed in range(1000)]
    plain = lines.count("1+4+25")
    repeated = sum(len(line.split("+")) == 4 for line in lines)
    assert 900 < plain < 980
    assert 5 < repeated < 40
    assert plain + repeated < 1000, "the rest is not sorted"


def test_face_without_action_units_is_null() -> None:
    assert {write_codes(np.random.default_rng(seed), (), Activation({})) for seed in range(50)} == {"null"}


def test_portraits_show_what_was_planned() -> None:
    subject = Subject(sample_identity(0, pool="portraits"))
    face = Face("0001", 0, ("sadness", "disgust"), frozenset({4, 10, 17}), "train")
    for laboratory in (False, True):
        album = Album("portraits", 0, "aligned", 64, (face,), laboratory)
        portrait = take_portrait(subject, face, album)
        present = {au for au, x in portrait.rendering.action_units.items() if is_present(x)}
        assert present == face.action_units
        assert portrait.aligned.shape == (100, 100, 3)
        if laboratory:
            assert (portrait.votes, portrait.occluder) == ((), None)
            assert max(map(abs, portrait.rendering.pose)) < 0.35
        else:
            assert set(np.argsort(portrait.votes)[-2:].tolist()) == {2, 4}
