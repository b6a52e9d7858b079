from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from matplotlib.colors import to_rgba

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.reports.few_shot_claims import transfer_claims
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.few_shot_figures import accuracy_by_au
from metafacs.reports.few_shot_transfer import FewShotTransfer, transfer_table
from metafacs.reports.papers import PAPERS
from metafacs.reports.style import PALETTE

Maker = Callable[..., FewShotRecord]
PAPER = PAPERS["maml_au"]
PEOPLE = ("SN001", "SN002", "SN003")


@pytest.fixture
def tests_of(few_shot_record_of: Maker) -> Callable[..., list[FewShotRecord]]:
    """Return a maker of the tests of three people, of whom the last lacks AU 9."""

    def make(trained_on: str, change: float = 0.0, **changes: object) -> list[FewShotRecord]:
        protocol = "leave_one_subject_out" if trained_on == "disfa" else "cross_domain"
        return [
            few_shot_record_of(
                learner=learner,
                trained_on=trained_on,
                tested_on="disfa",
                protocol=protocol,
                subject=person,
                shots=shots,
                accuracy={
                    1: (0.5, 0.6 + change),
                    **({9: (0.5, 0.8 + 3 * change)} if person != PEOPLE[2] else {}),
                },
                filled=(),
                **changes,
            )
            for learner in ("baseline", "maml")
            for shots in (1, 5)
            for person in PEOPLE
        ]

    return make


def paired(first: list[FewShotRecord], second: list[FewShotRecord]) -> FewShotTransfer:
    return FewShotTransfer(FewShotComparison(first, PAPER), FewShotComparison(second, PAPER))


def test_each_au_stands_beside_itself(tests_of: Callable[..., list[FewShotRecord]]) -> None:
    table = transfer_table(paired(tests_of("bp4d", -0.05), tests_of("disfa", iterations=150)))
    assert [column.head for column in table.columns[:4]] == [
        "Action unit",
        *("baseline, 1 shot, BP4D", "baseline, 1 shot, DISFA", "baseline, 1 shot, difference"),
    ]
    assert len(table.columns) == 1 + 4 * 3
    assert [row[0] for row in table.rows] == ["AU1 Inner brow raiser", "AU9 Nose wrinkler, new", "Average"]
    assert table.rows[1][1:4] == ("0.650", "0.800", "-0.150 (-0.150 to -0.150)")
    # Not the mean over people of the person's mean, -.083.
    assert table.rows[2][1:3] == ("0.600", "0.700")
    assert table.rows[2][3].startswith("-0.100 (")
    assert "difference: BP4D - DISFA" in table.note
    assert "iterations (100 there, 150 here)" in table.note
    assert "synthetic" in table.to_csv()


def test_the_figure_has_the_papers_models_in_colours_of_their_own(
    tests_of: Callable[..., list[FewShotRecord]],
) -> None:
    transfer = paired(tests_of("bp4d", -0.05), tests_of("disfa"))
    assert list(transfer.models) == [
        *("baseline, trained on BP4D", "maml, trained on BP4D", "maml, trained on DISFA")
    ]
    assert {record.shots for group in transfer.models.values() for record in group} == {5}
    (axes,) = accuracy_by_au(transfer.models, PAPER.colours).axes
    drawn = [bars.patches[0].get_facecolor() for bars in axes.containers[::2]]
    assert drawn[:2] == [to_rgba(PALETTE[colour]) for colour in ("grey", "teal")]
    assert len(set(drawn)) == 3
    title = axes.get_title("left")
    assert title == "Accuracy after 1 gradient steps, 5 shot (DISFA, synthetic twins)"
    alone = [FewShotComparison(tests_of(data)) for data in ("bp4d", "disfa")]
    assert len(FewShotTransfer(*alone).models) == 4


def test_the_papers_sentences_are_answered(tests_of: Callable[..., list[FewShotRecord]]) -> None:
    worse = transfer_claims(paired(tests_of("bp4d", -0.05), tests_of("disfa")))
    assert [claim.statement for claim in worse] == [
        "maml, 5 shot, AUs 1, 2, 4: trained on BP4D > trained on DISFA",
        "maml, 5 shot, AUs 9, 25, 26: trained on BP4D about as good as trained on DISFA",
        "maml, 5 shot, all AUs: trained on BP4D about as good as trained on DISFA",
    ]
    assert [claim.answer for claim in worse] == ["no"] * 3
    assert "-0.150, 95% interval [-0.150, -0.150] over 2 people against 0.03, it is more" in worse[1].detail
    better = transfer_claims(paired(tests_of("bp4d", 0.005), tests_of("disfa")))
    assert [claim.answer for claim in better] == ["yes"] * 3
    assert transfer_claims(paired(tests_of("disfa"), tests_of("bp4d"))) == []


def test_what_cannot_be_paired_is_refused(tests_of: Callable[..., list[FewShotRecord]]) -> None:
    first, second = tests_of("bp4d"), tests_of("disfa")
    testing = second[0].config["testing"]

    def changed(**changes: object) -> list[FewShotRecord]:
        return [replace(record, **changes) for record in second]  # type: ignore[arg-type]

    drawn = {"testing": {**testing, "repetitions": 500}}
    other = [replace(r, subject="SN009") if r.subject == "SN001" else r for r in second]
    lacking = [replace(r, accuracy={1: (0.5, 0.6)}, deviation={1: (0.1, 0.1)}) for r in second]
    for beside, told in (
        (first, "both tests are of learners trained on bp4d"),
        (other, "only one of them has SN001, SN009"),
        (changed(tested_on="gft"), "not made alike: tested_on"),
        (changed(config=drawn), r"testing.repetitions \(50 there, 500 here\)"),
        (changed(steps=(0, 3)), "after 1 gradient steps, and after 3"),
        (changed(learner="anil")[:3], "no learner and number of shots is in both"),
        ([replace(r, shots=r.shots + 1) for r in second], "baseline with 1, maml with 1.* / .*maml with 6"),
        (lacking, "not tested on the same AUs of SN001"),
    ):
        with pytest.raises(ValueError, match=told):
            paired(first, beside)
    # The data set tested on is the last; which steps were judged beside the reported one is free.
    config = {"testing": testing | {"steps": [0, 1]}, "data": ["b", "d"]}
    moved = [replace(r, config=config) for r in first]
    paired(moved, changed(config={"testing": testing | {"steps": [1]}, "data": ["d"]}))
    with pytest.raises(ValueError, match="not made alike: data"):
        paired(moved, changed(config={"testing": testing, "data": ["e"]}))
