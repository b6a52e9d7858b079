from __future__ import annotations

from collections.abc import Callable

import pytest

from metafacs.evaluation.records import Record
from metafacs.reports.claims import Claim
from metafacs.reports.composition import compose_report

MakeRecord = Callable[..., Record]


def test_report_says_what_it_is_made_of(record_of: MakeRecord) -> None:
    records = [record_of(method, fold=fold) for method in ("multi_task", "mal") for fold in (1, 2)]
    extra = Claim("something else", "no", "not measured")
    content = compose_report(records, claims=[extra])
    assert content.synthetic
    assert "rendered twins" in content.note
    assert content.title == "Action unit detectors on the synthetic twin of BP4D"
    assert "16 people held out" in content.summary
    assert [headline.label for headline in content.headlines] == ["multi_task", "mal"]
    assert content.claims[-1] == extra
    facts = dict(content.facts)
    assert facts["Split"] == "3fold, fold 1 and 2"
    assert facts["Generator seed of the twin"] == "0"
    assert "torch" in facts["Versions"]


def test_report_of_one_method_without_curves_has_one_figure(record_of: MakeRecord) -> None:
    content = compose_report([record_of("single_task")])
    assert len(content.figures) == 1
    assert content.claims == ()


def test_report_needs_records(record_of: MakeRecord) -> None:
    with pytest.raises(ValueError, match="no records"):
        compose_report([])
