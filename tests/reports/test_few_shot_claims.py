from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.reports.claims import Claim
from metafacs.reports.few_shot_claims import few_shot_claims
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.papers import PAPERS

Maker = Callable[..., FewShotRecord]
STEPS = (0, 1, 5)
ACROSS = {"trained_on": "bp4d", "tested_on": "disfa", "protocol": "cross_domain"}


@pytest.fixture
def claims_of(few_shot_record_of: Maker) -> Callable[..., dict[str, Claim]]:
    """Return what answers the paper's claims from accuracies of (learner, shots) after 0, 1 and 5 steps."""

    def answer(
        scores: dict[tuple[str, int], tuple[float, ...]], spread: float = 0.0, **seeds: int
    ) -> dict[str, Claim]:
        records = [
            few_shot_record_of(
                learner=learner,
                shots=shots,
                subject=f"F00{person}",
                steps=STEPS,
                **ACROSS,
                accuracy={1: tuple(value + shots * spread * (person - 3.5) for value in values)},
                filled=(),
                config={"testing": {"judged": 10, "repetitions": 50}, "training": {"seed": seed}},
            )
            for (learner, shots), values in scores.items()
            for seed in range(seeds.get(learner, 1))
            for person in range(8)
        ]
        claims = few_shot_claims(FewShotComparison(records, PAPERS["maml_au"]))
        return {claim.statement: claim for claim in claims}

    return answer


LEAD = "the lead of maml over baseline grows from 1 to 5 shots"
SUFFICE = "baseline hardly changes from 1 to 5 shots"
RAISES = "maml, 1 shot: the first gradient step raises the accuracy"
MOST = f"{RAISES} more than the next 4 together"


def test_claims_that_hold(claims_of: Callable[..., dict[str, Claim]]) -> None:
    found = claims_of(
        {
            ("baseline", 1): (0.5, 0.55, 0.6),
            ("maml", 1): (0.5, 0.65, 0.7),
            ("baseline", 5): (0.5, 0.55, 0.61),
            ("maml", 5): (0.5, 0.7, 0.8),
        }
    )
    assert [found[name].answer for name in (LEAD, SUFFICE, RAISES, MOST)] == ["yes"] * 4
    assert found[LEAD].detail.startswith("+0.090, 95% interval [+0.090, +0.090] over 8 people; one seed")
    assert found[SUFFICE].detail.startswith("+0.010")
    assert "they +0.050" in found[MOST].detail
    assert len(found) == 6


def test_claims_that_do_not_hold(claims_of: Callable[..., dict[str, Claim]]) -> None:
    scores = {
        ("baseline", 1): (0.5, 0.5, 0.6),
        ("maml", 1): (0.5, 0.49, 0.7),
        ("baseline", 5): (0.5, 0.5, 0.7),
        ("maml", 5): (0.5, 0.6, 0.75),
    }
    found = claims_of(scores)
    assert [found[name].answer for name in (LEAD, SUFFICE, RAISES, MOST)] == ["no"] * 4
    assert "the opposite is true" in found[LEAD].detail
    assert "against 0.03, it is more" in found[SUFFICE].detail
    scattered = claims_of({**scores, ("baseline", 5): (0.5, 0.5, 0.61)}, spread=0.01)[SUFFICE]
    assert scattered.answer == "no"
    assert "which leaves it open" in scattered.detail


def test_what_records_do_not_tell_is_not_answered(
    claims_of: Callable[..., dict[str, Claim]], few_shot_record_of: Maker
) -> None:
    assert claims_of({("baseline", 5): (0.5, 0.6, 0.7)}) == {}
    records = [
        few_shot_record_of(learner=learner, shots=shots, filled=(), accuracy={shots: (0.5, 0.6)}, **ACROSS)
        for learner in ("maml", "baseline")
        for shots in (1, 5)
    ]
    claims = few_shot_claims(FewShotComparison(records, PAPERS["maml_au"]))
    assert [(claim.statement, claim.answer) for claim in claims] == [(LEAD, "void"), (SUFFICE, "void")]
    assert few_shot_claims(FewShotComparison(records)) == []
    within = [replace(record, tested_on="bp4d", protocol="leave_one_subject_out") for record in records]
    told = few_shot_claims(FewShotComparison(within, PAPERS["maml_au"]))
    assert [claim.statement for claim in told] == [LEAD], "Fig. 14 is of another data set than trained on"


def test_seeds_are_those_of_the_learners_compared(claims_of: Callable[..., dict[str, Claim]]) -> None:
    tests = [(learner, shots) for learner in ("baseline", "maml") for shots in (1, 5)]
    found = claims_of(dict.fromkeys(tests, (0.5, 0.6, 0.7)), maml=2)
    assert all("; one seed" in found[name].detail for name in (LEAD, SUFFICE))
    assert all("mean over 2 seeds" in found[name].detail for name in (RAISES, MOST))
