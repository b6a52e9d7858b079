from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from metafacs.evaluation.expression_results import ExpressionResult
from metafacs.evaluation.records import Record
from metafacs.reports.claims import Claim
from metafacs.reports.comparison import Comparison
from metafacs.reports.composition import compose_report
from metafacs.reports.page import render_page
from metafacs.reports.papers import PAPERS

MakeRecord = Callable[..., Record]


def test_report_says_what_it_is_made_of(record_of: MakeRecord) -> None:
    records = [record_of(method, fold=fold) for method in ("multi_task", "mal") for fold in (1, 2)]
    records[0] = replace(records[0], versions={**records[0].versions, "metafacs": "0.0.1"})
    extra = Claim("something else", "no", "not measured")
    content = compose_report(Comparison(records, PAPERS["mal"]), claims=[extra])
    assert content.synthetic
    assert "rendered twins" in content.note
    assert content.title == "Action unit detectors on the synthetic twin of BP4D"
    assert "16 people held out" in content.summary
    assert [headline.label for headline in content.headlines] == ["multi_task", "mal"]
    assert content.claims[-1] == extra
    facts = dict(content.facts)
    assert facts["Split"] == "3fold, fold 1 and 2"
    assert facts["Generator seed of the twin"] == "0"
    assert f"metafacs 0.0.1 and {records[1].versions['metafacs']}, torch" in facts["Versions"]


def test_report_says_whose_labels_were_learned_where_others_are_tested(record_of: MakeRecord) -> None:
    own = record_of()
    assert "trained with labels of the synthetic twin of BP4D and tested on 8 people held out: " in (
        compose_report(Comparison([own])).summary
    )
    learned = {**own.config, "data": [{"dataset": "disfa"}, {"dataset": "bp4d"}]}
    other = compose_report(Comparison([replace(own, config=learned)])).summary
    assert (
        "with labels of the synthetic twin of DISFA and tested on 8 people of the synthetic twin of " in other
    )


def test_report_of_one_method_without_curves_has_one_figure(record_of: MakeRecord) -> None:
    content = compose_report(Comparison([record_of("single_task")], PAPERS["mal"]))
    assert len(content.figures) == 1
    assert content.claims == ()


def test_report_of_a_data_set_without_known_people_speaks_of_pictures(record_of: MakeRecord) -> None:
    record = record_of("mml")
    counts = list(record.per_subject.values())
    total = {name: [sum(c[name][j] for c in counts) for j in range(5)] for name in counts[0]}
    result = ExpressionResult(("happily sad", "sadly angry"), ((3, 1), (2, 2)), "11101010")
    content = compose_report(Comparison([replace(record, per_subject={"": total}, expressions=result)]))
    assert "tested on pictures held out: " in content.summary
    assert (content.headlines[0].value, content.headlines[0].detail) == ("0.625", "expressions recognised")
    assert "Whiskers" not in content.figures[0].caption
    assert [table.title.split(" (")[0] for table in content.tables] == [
        "Methods compared on held-out pictures",
        "F1 per action unit on held-out pictures",
        "AUC per action unit on held-out pictures",
        "Expressions recognised on held-out pictures",
    ]
    assert "nan" not in render_page(content).lower()


def test_report_without_a_paper_says_how_to_name_one(record_of: MakeRecord) -> None:
    records = [record_of(method) for method in ("multi_task", "mal")]
    content = compose_report(Comparison(records))
    assert content.claims == ()
    assert len(content.figures) == 1
    assert [table.name for table in content.tables] == ["summary", "f1", "auc"]
    told = dict(content.facts)["Paper"]
    assert "write 'paper: NAME'" in told
    assert "--paper NAME, one of mal, mml, dual_domain, maml_au" in told
    named = compose_report(Comparison(records, PAPERS["mal"]))
    assert [table.name for table in named.tables] == ["summary", "f1", "auc", "printed", "differences"]
    assert dict(named.facts)["Paper"].startswith("Li & Shan")
    assert named.figures[1].caption.startswith("As Fig. 3 of Li & Shan, Meta Auxiliary Learning")
    assert [headline.colour for headline in named.headlines] == ["orange", "teal"]
