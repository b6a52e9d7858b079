"""Which records belong to which row of a paper; rows, printed tables, claims and colours fit together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from metafacs.evaluation.records import Record
from metafacs.methods import FEW_SHOT, METHODS
from metafacs.reports.options import options_of
from metafacs.reports.papers import PAPERS
from metafacs.reports.papers.claimed import (
    Course,
    FasterFall,
    FewShotClaim,
    LowWeightForAmbiguous,
    Order,
    RisingWeight,
)
from metafacs.reports.papers.paper import Paper
from metafacs.reports.style import PALETTE, TASKS

MakeRecord = Callable[..., Record]
COMPOUND = "compound_multi_task"


def row(paper: str, record: Record) -> str | None:
    found = PAPERS[paper].row(record.label, record.method, options_of(record))
    return found.name if found else None


@pytest.mark.parametrize(
    ("method", "options", "name"),
    [
        (COMPOUND, {"action_units": 0.0}, "STL"),
        (COMPOUND, {}, "MTL"),
        (COMPOUND, {"action_units": 0.3}, "MTL"),
        (COMPOUND, {"alignment": 1.0}, "AM, wild"),
        (COMPOUND, {"alignment": 0.5, "statistics": "lab"}, "AM, lab"),
        ("mml", {"alignment": 0.0}, "MAL"),
        ("mml", {"alignment": 0, "expression": "learned"}, "MAL, expression learned"),
        ("mml", {}, "MML, wild"),
        ("mml", {"statistics": "lab"}, "MML, lab"),
        ("mml", {"action_units": 1.0}, "MML, wild"),
    ],
)
def test_weights_say_which_row_it_is(
    record_of: MakeRecord, method: str, options: dict[str, object], name: str
) -> None:
    record = replace(record_of(method), config={"options": options})
    assert row("mml", record) == name
    printed = next(r.printed for r in PAPERS["mml"].rows if r.name == name)
    assert not printed or printed in PAPERS["mml"].expressions["raf_ce", "raf_ce"].accuracy


def test_labels_of_comparisons_are_known_and_strange_ones_are_not(record_of: MakeRecord) -> None:
    averaged = replace(record_of(COMPOUND), config={"options": {"alignment": 1.0}})
    assert row("mml", replace(averaged, label="am")) == "AM, wild"
    assert row("mml", replace(averaged, label="mine")) is None
    # A label of the paper's cannot make another method, or other options, one of its rows.
    assert row("mml", replace(averaged, label="am_lab")) is None
    assert row("mal", replace(record_of("mtan"), label="mal")) is None


@pytest.mark.parametrize(
    ("label", "options", "name"),
    [
        ("", {}, "dual_domain"),
        ("G", {}, "G"),
        ("separate", {"shared_features": False}, None),
        ("beta_1", {"focus": 1.0}, "beta_1"),
        ("", {"pseudo_labels": True}, "dual_domain_P"),
        ("G_P", {"pseudo_labels": True}, "G_P"),
        ("", {"focus": 0.0}, "F"),
        ("A", {"landmark_branches": "none", "focus": 0}, None),
        ("", {"stage": "landmarks", "landmark_branches": "source"}, "landmarks"),
        ("", {"stage": "supervised"}, None),
        ("G", {"stage": "supervised"}, None),
        ("F", {"stage": "supervised", "focus": 0.0}, None),
        ("beta_0.5", {"focus": 0.5}, "beta_0.5"),
        ("sr_10", {"reconstruction_weight": 10.0}, "sr_10"),
    ],
)
def test_rows_of_an_ablation_are_told_by_label_and_options(
    record_of: MakeRecord, label: str, options: dict[str, object], name: str | None
) -> None:
    record = replace(record_of("dual_domain"), label=label, config={"options": options})
    assert row("dual_domain", record) == name


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_a_paper_names_only_what_there_is(paper: Paper) -> None:
    names = [row.name for row in paper.rows]
    assert len(set(names)) == len(names)
    labels = [label for row in paper.rows for label in row.labels]
    assert len(set(labels)) == len(labels)
    printed = {
        *(name for table in paper.f1.values() for name in table.average),
        *(name for table in paper.expressions.values() for name in table.accuracy),
        *(name for table in paper.landmarks.values() for name in table.errors),
        *(name for table in paper.few_shot.values() for name, _ in table.average),
    }
    for row in paper.rows:
        assert row.method in {**METHODS, **FEW_SHOT}
        assert not row.printed or row.printed in printed
        assert not row.colour or row.colour in PALETTE
        assert row.colour not in TASKS.values()
    data = {*paper.f1, *paper.expressions, *paper.few_shot}
    for claim in paper.claims:
        assert set(claim.on) <= data
        assert claim.on or isinstance(claim, LowWeightForAmbiguous), "every claim is made for some data"
        if isinstance(claim, Order):
            assert {claim.better, claim.worse} <= set(names)
        else:
            assert isinstance(claim, (Course, RisingWeight, FasterFall, LowWeightForAmbiguous, FewShotClaim))
            assert claim.row in names
    if paper.curves:
        assert set(paper.curves.printed_in) <= data
        assert {*paper.curves.losses, *paper.curves.weights, *paper.curves.accuracy} <= set(names)


@pytest.mark.parametrize("label", ["", "resnet50"])
def test_a_row_of_another_backbone_is_told_by_its_label(record_of: MakeRecord, label: str) -> None:
    options = {"backbone": {"name": "resnet50", "weights": "imagenet"}}
    run = replace(record_of("single_task"), label=label, config={"options": options})
    assert row("mal", run) == (label or "single_task")


def test_papers_are_known_by_their_names() -> None:
    assert list(PAPERS) == ["mal", "mml", "dual_domain", "maml_au"]
    assert all(name == paper.name for name, paper in PAPERS.items())
