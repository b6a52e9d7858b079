from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.twins.annotators import (
    ANNOTATORS,
    expression_evidence,
    sample_blend,
    sample_votes,
    vote_probabilities,
)
from metafacs.facs import EXPRESSIONS

TEXTBOOK = {
    "surprise": {1: 0.8, 2: 0.8, 5: 0.8, 25: 0.8, 26: 0.8},
    "fear": {1: 0.8, 2: 0.6, 4: 0.7, 5: 0.8, 20: 0.8, 25: 0.7},
    "disgust": {9: 0.9, 10: 0.7, 17: 0.6},
    "happiness": {6: 0.8, 12: 0.9, 25: 0.8},
    "sadness": {1: 0.8, 4: 0.7, 15: 0.8},
    "anger": {4: 0.9, 7: 0.7, 24: 0.7},
    "neutral": {},
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_textbook_faces_are_evident(expression):
    evidence = expression_evidence(TEXTBOOK[expression])
    assert EXPRESSIONS[int(evidence.argmax())] == expression
    assert evidence.max() > 0.7


def test_probabilities_sum_to_one_and_follow_hint_and_context():
    plain = vote_probabilities({}, None, 0.0, (4,), 0.0)
    assert plain.sum() == pytest.approx(1)
    assert vote_probabilities({}, 4, 2.0, (4,), 0.0)[4] > 3 * plain[4]
    assert vote_probabilities({}, None, 0.0, (4,), 2.0)[4] > 3 * plain[4]


def test_label_always_wins_and_votes_add_up():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        label = seed % 7
        votes = sample_votes(rng, label, TEXTBOOK[EXPRESSIONS[(seed + 3) % 7]])
        assert votes.sum() == ANNOTATORS
        assert votes[label] == votes.max()
        assert (votes == votes.max()).sum() == 1


def test_clear_faces_get_clearer_votes_than_hidden_ones():
    clear = [sample_votes(np.random.default_rng(seed), 3, TEXTBOOK["happiness"]).max() for seed in range(100)]
    hidden = [
        sample_votes(np.random.default_rng(seed), 3, {}, context_weight=2.4).max() for seed in range(100)
    ]
    assert np.mean(clear) / ANNOTATORS > 0.8
    assert np.mean(hidden) / ANNOTATORS < 0.65


def test_unknown_label_is_refused():
    with pytest.raises(ValueError, match="label 7"):
        sample_votes(np.random.default_rng(0), 7, {})


@pytest.mark.parametrize("face", [*TEXTBOOK, "neutral"])
@pytest.mark.parametrize("winners", [(3,), (0, 3), (1, 4), (2, 5, 3)])
def test_blends_have_the_wanted_winners(face, winners):
    for seed in range(4):
        votes = sample_blend(np.random.default_rng(seed), winners, TEXTBOOK[face])
        assert votes.shape == (6,)
        assert votes.sum() == ANNOTATORS
        ranked = sorted(votes, reverse=True)
        assert set(winners) == set(np.argsort(-votes, kind="stable")[: len(winners)].tolist())
        assert ranked[len(winners) - 1] > ranked[len(winners)]
        if len(winners) == 1:
            assert ranked[0] == ANNOTATORS
        if len(winners) == 3:
            assert ranked[1] == ranked[2]


def test_what_the_face_shows_gets_most_votes_of_a_blend():
    smiles = [sample_blend(np.random.default_rng(s), (3, 4), TEXTBOOK["happiness"]) for s in range(50)]
    assert np.mean([votes[3] for votes in smiles]) > 1.5 * np.mean([votes[4] for votes in smiles])
    unclear = [sample_blend(np.random.default_rng(s), (3, 4), {}) for s in range(50)]
    others = [0, 1, 2, 5]
    assert np.mean([votes[others].sum() for votes in unclear]) > 2 * np.mean(
        [votes[others].sum() for votes in smiles]
    )


@pytest.mark.parametrize("winners", [(), (3, 3), (0, 1, 2, 3), (6,), (0, -1)])
def test_wrong_winners_are_refused(winners):
    with pytest.raises(ValueError, match="one to three different"):
        sample_blend(np.random.default_rng(0), winners, {})
