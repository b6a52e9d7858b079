"""The printed numbers against what the papers say of them: row means, and the differences in their texts."""

from __future__ import annotations

import numpy as np
import pytest

from metafacs.data.facts import BP4D, DISFA
from metafacs.reports.papers import PAPERS
from metafacs.reports.papers.claimed import (
    BetterTransfer,
    Data,
    EqualTransfer,
    FewShotsSuffice,
    HigherAccuracy,
    HigherDetectionAccuracy,
    HigherF1,
    HigherMeanRecall,
    Order,
    Transfer,
)
from metafacs.reports.papers.paper import Paper, PrintedAccuracies, PrintedF1

F1_TABLES = {
    f"{paper.name}, {printed.printed_in}": printed
    for paper in PAPERS.values()
    for printed in paper.f1.values()
}
OTHER_MEANS = {
    ("mal, Table 1", "DRML"): 47.7,
    ("mal, Table 1", "EAC-Net"): 55.6,
    ("mal, Table 2", "DRML"): 26.1,
    ("mal, Table 2", "EAC-Net"): 57.4,
    ("mal, Table 2", "OFS-CNN"): 57.8,
    ("mal, Table 2", "TAE"): 51.2,
    ("dual_domain, Table 5", "CVC"): 63.2,
    ("dual_domain, Table 5", "MoCo"): 60.4,
}
"""Mean of the printed AUs where it is not the printed average: rows taken over with the slip."""

MAL, DUAL_DOMAIN, RAF_CE = PAPERS["mal"].f1, PAPERS["dual_domain"].f1, PAPERS["mml"].expressions
FEW_SHOT = PAPERS["maml_au"].few_shot


@pytest.mark.parametrize("name", F1_TABLES)
def test_printed_averages_are_the_means_of_the_printed_rows(name: str) -> None:
    table: PrintedF1 = F1_TABLES[name]
    assert set(table.f1) <= set(table.average)
    for row, scores in table.f1.items():
        assert len(scores) == len(table.aus)
        if (name, row) in OTHER_MEANS:
            assert np.mean(scores) == pytest.approx(OTHER_MEANS[name, row], abs=0.051)
            assert OTHER_MEANS[name, row] != table.average[row]
        else:
            assert np.mean(scores) == pytest.approx(table.average[row], abs=0.08)


def test_action_units_are_those_of_the_data_sets() -> None:
    assert MAL["bp4d", "bp4d"].aus == FEW_SHOT["bp4d", "bp4d"].aus == BP4D.evaluated_aus
    assert MAL["disfa", "disfa"].aus == FEW_SHOT["bp4d", "disfa"].aus == DISFA.evaluated_aus


def gains(table: PrintedF1, ours: str, *others: str) -> list[float]:
    return [round(table.average[ours] - table.average[other], 1) for other in others]


def test_meta_auxiliary_gains_are_those_of_the_text() -> None:
    """Sections 4.2.1 to 4.3 of Li & Shan."""
    tables = [MAL[data, data] for data in ("bp4d", "disfa", "gft")]
    found = [gains(table, "MAL", "MTAN", "L2T-WW", "MTL") for table in tables]
    assert found == [[2.3, 2.2, 2.5], [2.1, 5.4, 3.0], [4.9, 4.8, 3.8]]
    assert gains(tables[2], "MAL", "TAE") == [9.3]
    behind = {name for name, average in tables[0].average.items() if average > tables[0].average["MAL"]}
    assert behind == {"SRERL"}
    assert max(tables[1].average, key=tables[1].average.__getitem__) == "MAL"


def test_dual_domain_gains_are_those_of_the_text() -> None:
    """Sections 4.2.1 to 4.3 of Shang & Liu."""
    target, own = DUAL_DOMAIN["bp4d", "emotionet"], DUAL_DOMAIN["bp4d", "bp4d"]
    others = ("ADDA", "DANN", "T2Net", "DRIT", "ADLD")
    assert gains(target, "dual-domain", *others) == [18.2, 15.8, 14.7, 12.0, 5.0]
    assert gains(target, "dual-domain-P", "JAA-Net-P", "ARL-P") == [6.0, 5.4]
    assert [round(target.average[row] - target.average["A"], 1) for row in "BCDEF"] == [
        1.0,
        1.3,
        2.1,
        2.5,
        3.7,
    ]
    assert gains(target, "dual-domain", "A") == [5.3]
    assert gains(own, "dual-domain", "SLTC", "Fab-Net", "EmoCo", "TAE") == [10.3, 9.0, 4.2, 2.1]
    assert gains(own, "dual-domain", "CLP", "SimCLR", "ADLD", "KSRL") == [1.4, 11.4, 2.2, 1.2]
    for table in DUAL_DOMAIN.values():
        rows = [name for name in table.average if not name.endswith("-P")]
        assert max(rows, key=table.average.__getitem__) == "dual-domain"
    errors = PAPERS["dual_domain"].landmarks["bp4d"].errors
    apart = np.subtract(errors["landmarks only"], errors["dual-domain"])
    assert apart == pytest.approx([2.71, 0.97])


def printed_of(paper: Paper, claim: Order, data: Data) -> list[dict[str, float]]:
    """Return the printed scores that a claim is about, those of its better and its worse row."""
    if isinstance(claim, HigherAccuracy):
        tables = [paper.expressions[data].accuracy]
    elif isinstance(claim, HigherMeanRecall):
        tables = [paper.expressions[data].mean_recall] if not claim.classes else []
    elif isinstance(claim, HigherDetectionAccuracy):
        tables = [paper.f1[data].accuracy]
    elif isinstance(claim, HigherF1):
        table, aus = paper.f1[data], set(claim.aus)
        chosen = [place for place, au in enumerate(table.aus) if au in aus]
        tables = [
            {name: float(np.mean([row[p] for p in chosen])) for name, row in table.f1.items()}
            if aus
            else table.average
        ]
    else:
        tables = []
    names = {row.name: row.printed for row in paper.rows}
    pair = [names[claim.better], names[claim.worse]]
    return [{n: table[n] for n in pair} for table in map(dict, tables) if set(pair) <= set(table)]


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_printed_numbers_bear_out_every_claim_where_they_are_made(paper: Paper) -> None:
    asked = 0
    for claim in paper.claims:
        for data in claim.on if isinstance(claim, Order) else ():
            for scores in printed_of(paper, claim, data):
                better, worse = scores.values()
                assert better > worse, (claim, data)
                asked += 1
    assert asked or paper.name == "maml_au"


def test_accuracies_of_table_7_rise_as_printed_beside_them() -> None:
    accuracy = DUAL_DOMAIN["bp4d", "emotionet"].accuracy
    rows = ("B", "C", "D", "E", "F", "dual-domain")
    assert [round(accuracy[row] - accuracy["A"], 1) for row in rows] == [0.7, 0.9, 1.2, 1.3, 1.7, 2.1]


def test_tables_of_raf_ce_hold_each_row_whole() -> None:
    table = RAF_CE["raf_ce", "raf_ce"]
    assert set(table.accuracy) == set(table.mean_recall) >= set(table.recalls)
    assert len(table.pictures) == len(table.expressions) == 14
    for row, recalls in table.recalls.items():
        assert len(recalls) == 14
        assert np.mean(recalls) == pytest.approx(table.mean_recall[row], abs=0.006)
        recognised = np.dot(recalls, table.pictures) / sum(table.pictures)
        assert recognised == pytest.approx(table.accuracy[row], abs=0.006)
    # Section 5.3 of the paper: gains over MAL and AM, and of its own statistics over the laboratory's.
    best = table.accuracy["MML, wild"]
    assert [
        round(best - table.accuracy[row], 2) for row in ("STL", "MTL", "MAL", "AM, wild", "MML, lab")
    ] == [*(3.74, 1.98, 2.86, 1.87, 0.22)]


@pytest.mark.parametrize("table", FEW_SHOT.values(), ids=lambda table: table.printed_in)
def test_printed_few_shot_averages_are_the_means_of_the_printed_aus(table: PrintedAccuracies) -> None:
    for key, values in table.accuracy.items():
        assert len(values) == len(table.aus)
        assert sum(values) / len(values) == pytest.approx(table.average[key], abs=0.0051)


def test_few_shot_claims_hold_in_print() -> None:
    """Sections 4.3 and 4.4 of Lee et al."""
    for table in FEW_SHOT.values():
        lead = {k: table.average["ours", k] - table.average["base", k] for k in (1, 5)}
        assert lead[5] > lead[1] + 0.04
    moved, home = (FEW_SHOT[data, "disfa"] for data in ("bp4d", "disfa"))
    for claim in PAPERS["maml_au"].claims:
        if isinstance(claim, FewShotsSuffice):
            assert abs(moved.average["base", 5] - moved.average["base", 1]) < claim.within
        elif isinstance(claim, Transfer):
            chosen = [moved.aus.index(au) for au in claim.aus or moved.aus]
            apart = np.subtract(*(np.array(t.accuracy["ours", 5])[chosen] for t in (moved, home)))
            if isinstance(claim, BetterTransfer):
                assert (apart > 0).all()
            elif isinstance(claim, EqualTransfer):
                assert abs(apart.mean()) < claim.within
