from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.landmarks import LandmarkScores
from metafacs.evaluation.records import OUTCOME_NAMES as OUTCOMES
from metafacs.evaluation.records import Record
from metafacs.reports.answers import answered_claims
from metafacs.reports.comparison import Comparison
from metafacs.reports.papers import PAPERS

MakeRecord = Callable[..., Record]


def on(trained: str, tested: str, record: Record) -> Record:
    """Return a record of other data."""
    config = {**record.config, "data": [{"dataset": trained}]}
    return replace(record, data=replace(record.data, name=tested), config=config)


def to_target(record: Record) -> Record:
    """Return a record of a model of BP4D tested on EmotioNet's pictures, whose people are unknown."""
    totals = {name: np.sum([told[name] for told in record.per_subject.values()], axis=0) for name in OUTCOMES}
    counts = {"": {name: total.tolist() for name, total in totals.items()}}
    return on("bp4d", "emotionet", replace(record, per_subject=counts))


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
    methods = ("single_task", "multi_task", "mtan", "l2t_ww", "mal")
    rows = [on("disfa", "disfa", record_of(method)) for method in methods]
    assert statements(rows, "mal")[:7] == [
        f"{order} on average F1"
        for order in ("mal > multi_task", "multi_task > single_task", "mal > single_task", "mal > mtan")
    ] + [
        "mal > mtan on average F1 of AU 1, 2, 4, 6, 12",
        "mal > l2t_ww on average F1",
        "mal > l2t_ww on average F1 of AU 1, 2, 4",
    ]


@pytest.mark.parametrize(
    ("data", "multi_task", "rises", "falls"),
    [
        ("bp4d", False, True, 2),
        ("disfa", True, False, 2),
        ("gft", True, False, 0),
        ("raf_au", False, False, 0),
    ],
)
def test_claims_are_answered_on_the_data_that_the_paper_makes_them_for(
    record_of: MakeRecord, data: str, multi_task: bool, rises: bool, falls: int
) -> None:
    rows = [on(data, data, record_of(method)) for method in ("single_task", "multi_task", "mal")]
    told = statements(rows, "mal")
    assert ("multi_task > single_task on average F1" in told) == multi_task
    assert any("raises the average weight" in statement for statement in told) == rises
    assert sum("falls faster" in statement for statement in told) == falls
    assert ("mal > multi_task on average F1" in told) == (data != "raf_au")


def test_listed_aus_are_averaged_alone(record_of: MakeRecord) -> None:
    ours, theirs = record_of("mal", skill=2.0), record_of("l2t_ww", skill=0.5)
    found = {c.statement: c for c in answered_claims(Comparison([ours, theirs], PAPERS["mal"]))}
    claim = found["mal > l2t_ww on average F1 of AU 1, 2, 4"]
    apart = np.mean([ours.f1[au] - theirs.f1[au] for au in (1, 2, 4)])
    assert claim.detail.startswith(f"{apart:+.3f}, 95% interval")
    assert claim.answer == "yes"
    assert claim.difference is None


def test_rows_of_an_ablation_are_claimed_one_step_after_the_other(record_of: MakeRecord) -> None:
    rows = [
        replace(record_of("dual_domain", skill=s), label=row, config={"options": options})
        for row, s, options in (("F", 1.0, {"focus": 0.0}), ("G", 2.0, {}))
    ]
    assert statements(rows, "dual_domain") == [], "Table 7 is of target pictures"
    told = ["G > F on average F1", "G > F on average accuracy"]
    assert statements([to_target(row) for row in rows], "dual_domain") == told


def test_accuracy_of_detection_is_compared_over_pictures(record_of: MakeRecord) -> None:
    rows = {
        name: to_target(
            replace(record_of("dual_domain", skill=skill), label=name, config={"options": options})
        )
        for name, skill, options in (("F", 0.1, {"focus": 0.0}), ("G", 4.0, {}))
    }
    compared = Comparison(list(rows.values()), PAPERS["dual_domain"])
    (claim,) = (c for c in answered_claims(compared) if c.statement.endswith("accuracy"))
    assert claim.answer == "yes"
    assert claim.difference is not None
    found = claim.difference.estimate
    right = {name: np.array(list(row.accuracy.values())) for name, row in rows.items()}
    assert found.value == pytest.approx(right["G"].mean() - right["F"].mean())
    known = np.sum(list(rows["G"].per_subject[""].values()), axis=0)
    errors = [np.mean(np.sqrt(share * (1 - share) / known)) for share in right.values()]
    assert found.high - found.low == pytest.approx(2 * 1.95996 * np.hypot(*errors), rel=1e-4)


def test_a_stage_before_the_joint_one_is_no_row_of_the_paper(record_of: MakeRecord) -> None:
    first = replace(record_of("dual_domain"), config={"options": {"stage": "supervised"}})
    others = [to_target(record_of(method)) for method in ("adld", "adda")]
    compared = Comparison([to_target(first), *others], PAPERS["dual_domain"])
    assert answered_claims(compared) == []
    assert compared.names == ("adda", "adld", "dual_domain (not the paper's)")


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
        run = replace(record_of(method), label=label, expressions=result, config={"options": options})
        return on("raf_ce", "raf_ce", run)

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
        *("MML, wild > STL", "MML, wild > MTL", "MML, wild > MAL", "MML, wild > AM, wild"),
        *("MTL > MAL", "MML, wild > MML, lab", "AM, lab > AM, wild"),
    ]
    assert told[:7] == [f"{order} in accuracy" for order in orders]
    assert told[7:13] == [f"{order} in mean recall" for order in orders if order != "MTL > MAL"]
    assert len(told) == 15
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
    assert statements([to_target(joint), to_target(alone)], "dual_domain") == [], "Table 6 is of BP4D"
