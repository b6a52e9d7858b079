from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.records import Record
from metafacs.reports.answers import answered_claims
from metafacs.reports.comparison import Comparison
from metafacs.reports.papers import PAPERS

MakeRecord = Callable[..., Record]


def statements(records: list[Record], paper: str) -> list[str]:
    """Return what is claimed; that AUC is compared wherever F1 is, is told once."""
    found = [claim.statement for claim in answered_claims(Comparison(records, PAPERS[paper]))]
    scores = [statement.rpartition(" on average ")[::2] for statement in found]
    assert [rows for rows, score in scores if score == "F1"] == [r for r, score in scores if score == "AUC"]
    return [statement for statement in found if not statement.endswith(" on average AUC")]


def test_only_claims_that_records_can_answer_are_answered(record_of: MakeRecord) -> None:
    records = [record_of("mal"), record_of("multi_task")]
    assert statements(records, "mal") == [
        "mal > multi_task on average F1",
        "mal raises the average weight of expression pictures during training",
        "in multi_task the loss of expression falls faster than that of action units",
        "in mal the loss of expression falls faster than that of action units",
    ]
    assert statements([record_of("single_task")], "mal") == []
    assert statements([replace(record, history={}) for record in records], "mal") == [
        "mal > multi_task on average F1"
    ]
    assert answered_claims(Comparison(records)) == []


def test_every_row_of_the_paper_is_asked(record_of: MakeRecord) -> None:
    rows = [record_of(method) for method in ("single_task", "multi_task", "mtan", "l2t_ww", "mal")]
    assert statements(rows, "mal")[:5] == [
        f"{better} > {worse} on average F1"
        for better, worse in (
            *(("mal", "multi_task"), ("multi_task", "single_task"), ("mal", "single_task")),
            *(("mal", "mtan"), ("mal", "l2t_ww")),
        )
    ]


def test_rows_of_an_ablation_are_claimed_one_step_after_the_other(record_of: MakeRecord) -> None:
    rows = [
        replace(record_of("dual_domain", skill=s), label=row, config={"options": options})
        for row, s, options in (("F", 1.0, {"focus": 0.0}), ("G", 2.0, {}))
    ]
    assert statements(rows, "dual_domain") == ["G > F on average F1"]


def test_each_set_of_options_of_a_row_is_asked(record_of: MakeRecord) -> None:
    weighed = [
        replace(record_of("mal", seed=seed), config={"options": {"virtual_step": step}})
        for seed, step in enumerate(("optimizer", "sgd"))
    ]
    told = statements([*weighed, record_of("multi_task")], "mal")
    assert told[:2] == [
        f"mal, virtual_step {step} > multi_task on average F1" for step in ("optimizer", "sgd")
    ]


@pytest.fixture
def recognised(record_of: MakeRecord) -> Callable[..., Record]:
    names = ("happily surprised", "fearfully disgusted", "happily sad")

    def make(label: str, method: str, *, small: int = 0, **options: object) -> Record:
        confusion = np.diag([40, small, small]) + np.array([[0, 20, 0], [0, 0, 8 - small], [8 - small, 0, 0]])
        right = int(confusion.trace())
        result = ExpressionResult(
            names, tuple(map(tuple, confusion.tolist())), "1" * right + "0" * (int(confusion.sum()) - right)
        )
        return replace(record_of(method), label=label, expressions=result, config={"options": options})

    return make


def test_expressions_are_claimed_by_accuracy_recall_and_small_classes(
    recognised: Callable[..., Record],
) -> None:
    learned = recognised("", "mml", small=8)
    plain = recognised("mtl", "compound_multi_task")
    claims = answered_claims(Comparison([learned, plain], PAPERS["mml"]))
    assert [str(claim).split(" (")[0] for claim in claims] == [
        "MML, wild > MTL in accuracy: yes",
        "MML, wild > MTL in mean recall: yes",
        "MML, wild > MTL in mean recall of the three smallest classes: yes",
    ]
    ablation = [
        recognised("am", "compound_multi_task", alignment=1.0),
        recognised("am_lab", "compound_multi_task", alignment=1.0, statistics="lab"),
        recognised("mal", "mml", alignment=0.0),
        recognised("mml_lab", "mml", statistics="lab"),
        recognised("stl", "compound_multi_task", action_units=0.0),
    ]
    told = statements([learned, plain, *ablation], "mml")
    orders = [
        *("MML, wild > STL", "MML, wild > MTL", "MTL > STL", "MML, wild > MAL", "MML, wild > AM, wild"),
        *("MTL > MAL", "MML, wild > MML, lab", "AM, lab > AM, wild"),
    ]
    assert told[:8] == [f"{order} in accuracy" for order in orders]
    assert told[8:15] == [f"{order} in mean recall" for order in orders if order != "MTL > MAL"]
    assert len(told) == 17
    assert statements([replace(run, expressions=None) for run in (learned, plain)], "mml") == []


def test_landmarks_are_claimed_where_both_rows_have_them(record_of: MakeRecord) -> None:
    def row(error: float, **options: object) -> Record:
        scores = LandmarkScores(error, 0.0, 3, dict.fromkeys("abc", error), True)
        return replace(record_of("dual_domain"), landmarks=scores, config={"options": options})

    joint, alone = row(0.03), row(0.05, stage="landmarks")
    assert statements([joint, alone], "dual_domain") == [
        "dual_domain has a lower landmark error than landmarks"
    ]
    assert statements([joint, replace(alone, landmarks=None)], "dual_domain") == []
