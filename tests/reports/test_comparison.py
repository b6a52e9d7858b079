from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from metafacs.evaluation.records import Record
from metafacs.reports.answers import answered_claims
from metafacs.reports.comparison import Comparison
from metafacs.reports.papers import PAPERS

MakeRecord = Callable[..., Record]
COMPOUND = "compound_multi_task"


def with_options(record: Record, **options: object) -> Record:
    return replace(record, config={"options": options})


def test_rows_come_in_the_order_of_the_paper(record_of: MakeRecord) -> None:
    records = [record_of(method) for method in ("own_idea", "mal", "multi_task", "single_task")]
    assert list(Comparison(records, PAPERS["mal"]).rows) == ["single_task", "multi_task", "mal", "own_idea"]
    assert list(Comparison(records).rows) == ["mal", "multi_task", "own_idea", "single_task"]


def test_rows_of_one_method_are_kept_apart(record_of: MakeRecord) -> None:
    records = [record_of("mml"), *(with_options(record_of(COMPOUND), action_units=w) for w in (1.0, 0.0))]
    assert list(Comparison(records, PAPERS["mml"]).rows) == ["STL", "MTL", "MML, wild"]
    assert list(Comparison(records).rows) == [f"{COMPOUND}, action_units {w}" for w in (0, 1)] + ["mml"]


def test_options_that_differ_within_a_row_stand_behind_its_name(record_of: MakeRecord) -> None:
    records = [
        with_options(record_of(COMPOUND, seed=seed), action_units=weight, backbone="small")
        for weight in (1.0, 0.3)
        for seed in (0, 1)
    ]
    comparison = Comparison([*records, record_of("mml")], PAPERS["mml"])
    assert list(comparison.rows) == ["MTL, action_units 0.3", "MTL, action_units 1", "MML, wild"]
    assert list(comparison.of("MTL")) == ["MTL, action_units 0.3", "MTL, action_units 1"]
    assert [len(runs) for runs in comparison.rows.values()] == [2, 2, 1]
    assert comparison.of("STL") == {}
    # What an older record leaves out has the default, and does not differ from it.
    same = [with_options(record_of(COMPOUND), action_units=1), with_options(record_of(COMPOUND, seed=1))]
    assert list(Comparison(same).rows) == [COMPOUND]


def test_models_of_folds_and_seeds_are_no_difference(record_of: MakeRecord) -> None:
    records = [
        with_options(record_of("l2t_ww", seed=seed), source=f"runs/a/fold1-seed{seed}/model.safetensors")
        for seed in (0, 1)
    ]
    assert list(Comparison(records).rows) == ["l2t_ww"]


def test_a_foreign_method_is_a_row_by_its_class(record_of: MakeRecord) -> None:
    mine, yours = record_of("mine.methods:FocalTask"), record_of("yours:FocalTask")
    assert list(Comparison([mine, record_of("mal")], PAPERS["mal"]).rows) == ["mal", "FocalTask"]
    assert list(Comparison([mine, yours]).rows) == ["mine.methods:FocalTask", "yours:FocalTask"]
    other = with_options(replace(mine, seed=1), gamma=3.0)
    assert list(Comparison([with_options(mine, gamma=2.0), other]).rows) == [
        *("FocalTask, gamma 2", "FocalTask, gamma 3")
    ]


def test_nothing_takes_the_name_of_a_papers_row(record_of: MakeRecord) -> None:
    records = [record_of("mal"), replace(record_of("mine:Method"), label="mal")]
    comparison = Comparison(records, PAPERS["mal"])
    assert list(comparison.rows) == ["mal", "mal (not the paper's)"]
    assert list(comparison.of("mal")) == ["mal"]


def test_a_paper_is_that_of_the_records(record_of: MakeRecord) -> None:
    named = replace(record_of("mal"), paper="mal")
    assert Comparison([named, record_of("multi_task")]).paper is PAPERS["mal"]
    assert Comparison([record_of("mal")]).paper is None
    with pytest.raises(ValueError, match="different papers, mal and mml; report each"):
        Comparison([named, replace(record_of("mml"), paper="mml")])
    with pytest.raises(ValueError, match="belong to the paper mal, not to mml"):
        Comparison([named], PAPERS["mml"])
    with pytest.raises(ValueError, match="no paper 'other'; choose one of mal, mml"):
        Comparison([replace(named, paper="other")])


@pytest.mark.parametrize(
    ("paper", "datasets", "tested", "printed_in"),
    [
        ("mal", ["bp4d", "raf_db"], "bp4d", "Table 1"),
        ("mal", ["bp4d", "raf_db"], "disfa", None),
        ("mal", [], "gft", "Table 3"),
        ("dual_domain", ["bp4d", "emotionet"], "emotionet", "Tables 2 and 7"),
        ("dual_domain", ["bp4d", "emotionet"], "bp4d", "Table 4"),
        ("dual_domain", ["bp4d"], "emotionet", "Tables 2 and 7"),
        ("dual_domain", ["disfa"], "disfa", "Table 5"),
        ("dual_domain", ["bp4d"], "disfa", None),
        ("mml", ["bp4d"], "bp4d", None),
        (None, ["bp4d"], "bp4d", None),
    ],
)
def test_the_printed_table_is_of_the_data_trained_and_tested_on(
    record_of: MakeRecord, paper: str | None, datasets: list[str], tested: str, printed_in: str | None
) -> None:
    record = record_of()
    config = {"data": [{"dataset": name} for name in datasets]} if datasets else {}
    record = replace(record, data=replace(record.data, name=tested), config=config)
    printed = Comparison([record], PAPERS[paper] if paper else None).printed_f1
    assert (printed and printed.printed_in) == printed_in


def test_colours_are_the_papers_and_spare_ones(record_of: MakeRecord) -> None:
    records = [record_of(method) for method in ("mal", "one", "single_task", "two")]
    colours = Comparison(records, PAPERS["mal"]).colours
    assert (colours["mal"], colours["single_task"]) == ("teal", "grey")
    assert len(set(colours.values())) == 4
    weights = [
        with_options(record_of("mal", seed=s), virtual_step=v) for s, v in enumerate(("sgd", "optimizer"))
    ]
    assert len(set(Comparison(weights, PAPERS["mal"]).colours.values())) == 2


def test_mixed_data_is_refused(record_of: MakeRecord) -> None:
    with pytest.raises(ValueError, match="one data set"):
        Comparison([record_of(), record_of(synthetic=False)])
    with pytest.raises(ValueError, match="no records"):
        Comparison([])


def test_a_row_is_of_runs_that_were_made_alike(record_of: MakeRecord) -> None:
    def made(seed: int, **config: object) -> Record:
        return replace(record_of(seed=seed), config=config)

    short, long = made(0, iterations=100), made(1, iterations=200)
    told = r"the runs of mal were not made alike: iterations \(100 there, 200 here\); report each comparison"
    with pytest.raises(ValueError, match=told):
        Comparison([short, record_of(seed=2), long])
    code, other = ({"run": {"metafacs": "1", "code": {"mine": digest}}} for digest in ("a", "b"))
    with pytest.raises(ValueError, match=r"not made alike: run.code.mine \(a there, b here\)"):
        Comparison([made(0, **code), made(1, **other)])
    real, twin = (
        [replace(made(s), data=replace(short.data, store=f"store{s}", twin_seed=seed)) for s in (0, 1)]
        for seed in (None, 0)
    )
    with pytest.raises(ValueError, match=r"not made alike: tested_on \(store0 there, store1 here\)"):
        Comparison(real)
    assert "the twin rendered 2 times" in Comparison(twin).runs_in_words
    # Records of earlier versions tell less; rows may differ from each other.
    other_row = replace(long, seed=0, label="long")
    assert list(Comparison([short, record_of(seed=1), other_row]).rows) == ["long", "mal"]


def test_a_row_is_of_runs_whose_pictures_were_labelled_at_the_same_thresholds(record_of: MakeRecord) -> None:
    def labelled(seed: int, detector: str, side: str = "", **thresholds: float) -> Record:
        decides_at = {"thresholds": thresholds, "chosen_on": {"side": side} if side else {}}
        told = {"data": [], "fingerprint": detector, "decides_at": decides_at}
        return replace(record_of(seed=seed), config={"pseudo_labels": told})

    half, other = {"1": 0.5, "4": 0.5}, {"1": 0.5, "4": 0.3}
    with pytest.raises(ValueError, match=r"not made alike: .*thresholds of a.4 \(0.2 there, 0.3 here\)"):
        Comparison(
            [labelled(0, "a", "validation", **{**other, "4": 0.2}), labelled(1, "a", "validation", **other)]
        )
    with pytest.raises(ValueError, match=r"pseudo_labels.thresholds \(0.5 there, validation here\)"):
        Comparison([labelled(0, "a", **half), labelled(1, "b", "validation", **other)])
    # Each has a detector with thresholds of its own, or an earlier version told none.
    own = labelled(0, "a", "validation", **half), labelled(1, "b", "validation", **other)
    earlier = replace(record_of(seed=2), config={"pseudo_labels": {"data": [], "sha256": "a"}})
    table = replace(record_of(seed=3), config={"pseudo_labels": {"file": "labels.csv", "sha256": "a"}})
    assert len(Comparison([*own, earlier, table]).records) == 4


def of_aus(record: Record, *aus: int) -> Record:
    """Return a record of some of its AUs, in another order."""
    columns = [record.aus.index(au) for au in aus]
    scores = {
        name: {au: getattr(record, name)[au] for au in aus} for name in ("f1", "accuracy", "auc", "positives")
    }
    people = {
        person: {name: [count[column] for column in columns] for name, count in counts.items()}
        for person, counts in record.per_subject.items()
    }
    return replace(record, aus=aus, per_subject=people, **scores)


def test_rows_of_other_aus_are_refused(record_of: MakeRecord) -> None:
    few, many = of_aus(record_of("mal"), 1, 2), of_aus(record_of("multi_task", fold=2), 1, 2, 4)
    told = "the runs of mal and multi_task were tested on different AUs; only one has AU4; report each alone"
    for records in ([few, many], [many, few]):
        with pytest.raises(ValueError, match=told):
            Comparison(records)


def test_the_order_of_aus_is_no_difference(record_of: MakeRecord) -> None:
    first, other = of_aus(record_of("mal"), 1, 2, 4), of_aus(record_of("multi_task", skill=2.0), 4, 2, 1)
    mixed, alone = Comparison([first, other]), Comparison([first])
    assert mixed.presence_rates == pytest.approx(alone.presence_rates)
    same = Comparison([first, of_aus(other, 1, 2, 4)])
    claims = [str(answered_claims(compared, against="mal")[0]) for compared in (mixed, same)]
    assert claims[0] == claims[1]


def test_rows_of_other_people_or_labels_are_refused(
    record_of: MakeRecord, lost_record_of: MakeRecord
) -> None:
    first, second = record_of("mal"), record_of("multi_task")
    person, counts = next(iter(second.per_subject.items()))
    fewer = {name: told for name, told in second.per_subject.items() if name != person}
    positives = {
        au: n - counts["tp"][k] - counts["fn"][k] for k, (au, n) in enumerate(second.positives.items())
    }
    with pytest.raises(
        ValueError, match=r"not tested on the same people; only one has .fold, person. \(1, 'F100"
    ):
        Comparison([first, replace(second, per_subject=fewer, positives=positives)])
    shifted = counts | {"tn": [n + 1 for n in counts["tn"]]}
    with pytest.raises(ValueError, match="the runs of mal and multi_task saw different labels"):
        Comparison([first, replace(second, per_subject=second.per_subject | {person: shifted})])
    # Whom they were trained on may differ, as where one asks how many people are enough.
    Comparison([first, replace(second, data=replace(second.data, split_hash="other"))])
    # Other folds have other people; runs that were lost have none.
    others = [record_of("multi_task", fold=2, seed=1), lost_record_of("mtan")]
    assert list(Comparison([first, *others]).rows) == ["mal", "multi_task"]


def test_presence_is_counted_from_the_labels(record_of: MakeRecord) -> None:
    record = record_of()
    comparison = Comparison([record, record_of("single_task")])
    known = sum(sum(c[0] for c in counts.values()) for counts in record.per_subject.values())
    assert comparison.presence_rates[1] == pytest.approx(record.positives[1] / known)
    assert (comparison.people, comparison.held_out) == (8, "held-out people")
    assert comparison.label == "BP4D twin, synthetic"


def test_an_option_that_cannot_be_one_is_named(record_of: MakeRecord) -> None:
    record = replace(record_of(), config={"options": {"backbone": [1]}})
    with pytest.raises(ValueError, match=r"the option backbone of mal is \[1\], which names no backbone"):
        Comparison([record])
