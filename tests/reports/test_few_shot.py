from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from matplotlib.colors import to_rgba

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.reports.few_shot import (
    accuracy_table,
    gains_in_words,
    gains_table,
    seeds_table,
    steps_table,
)
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.few_shot_figures import accuracy_by_au, accuracy_by_person, accuracy_by_steps
from metafacs.reports.papers import PAPERS
from metafacs.reports.style import PALETTE

Maker = Callable[..., FewShotRecord]
PAPER = PAPERS["maml_au"]


def compared(records: list[FewShotRecord]) -> FewShotComparison:
    return FewShotComparison(records, PAPER)


@pytest.fixture
def records(few_shot_record_of: Maker) -> list[FewShotRecord]:
    return [
        few_shot_record_of(
            learner=learner,
            shots=shots,
            subject=f"F00{person}",
            accuracy={1: (0.5, 0.6 + 0.1 * (learner == "maml")), 4: (0.5, 0.62 + 0.01 * person)},
        )
        for learner in ("maml", "baseline")
        for shots in (1, 5)
        for person in range(3)
    ]


def test_table_has_the_papers_columns_beside_ours(records: list[FewShotRecord]) -> None:
    table = accuracy_table(compared(records))
    heads = [column.head for column in table.columns]
    ours = ["baseline, 1 shot", "maml, 1 shot", "baseline, 5 shot", "maml, 5 shot"]
    assert heads == ["Action unit", *ours, *ours]
    assert table.rows[0][0] == "AU1 Inner brow raiser"
    assert table.rows[0][1:] == (
        *("0.60 ± 0.00", "0.70 ± 0.00") * 2,
        *("0.57", "0.60", "0.59", "0.71"),
    )
    assert table.rows[-1][2] == "0.66 ± 0.01"
    assert table.rows[-1][-1] == "0.76"
    assert "synthetic" in table.to_csv()
    assert "12 of 24 tests missing pictures" in table.note


def test_steps_have_a_table_with_the_gain_after_each(records: list[FewShotRecord]) -> None:
    table = steps_table(compared(records))
    assert [row[0] for row in table.rows] == [str(step) for step in records[0].steps]
    assert table.columns[-1].head == "maml - baseline, 5 shot"
    assert table.rows[0][1:] == (*("0.500",) * 4, *("+0.000 (+0.000 to +0.000)",) * 2)
    assert table.rows[-1][1:] == ("0.615", "0.665") * 2 + ("+0.050 (+0.050 to +0.050)",) * 2
    assert len(steps_table(compared([r for r in records if r.learner == "maml"])).columns) == 3


def test_gains_are_the_differences_of_the_columns_where_people_lack_aus(
    records: list[FewShotRecord],
) -> None:
    """Two of three people lack AU 4, whose gain is zero."""
    lacking = [
        record
        if record.subject == "F000"
        else replace(record, accuracy={1: record.accuracy[1]}, deviation={1: record.deviation[1]})
        for record in records
    ]
    both = compared(lacking)
    row = steps_table(both).rows[-1]
    assert row[1:3] == ("0.610", "0.660")
    assert row[5].startswith("+0.050 (+0.0")
    assert gains_table(both, "baseline").rows[0][1] == row[5]
    assert gains_in_words(both)[0].startswith("1 shot: maml - baseline +0.050, 95% interval over 3 people")
    alone = compared([record for record in records if record.subject == "F000"])
    assert gains_in_words(alone)[0].startswith("1 shot: maml - baseline +0.050, of one person (synthetic)")


def test_aus_that_were_never_trained_are_marked(few_shot_record_of: Maker) -> None:
    crossed = few_shot_record_of(
        tested_on="disfa", protocol="cross_domain", accuracy={9: (0.5, 0.8), 12: (0.5, 0.7)}, filled=()
    )
    table = accuracy_table(compared([crossed]))
    assert [row[0] for row in table.rows] == ["AU9 Nose wrinkler, new", "AU12 Lip corner puller", "Average"]
    assert table.rows[0][-1] == f"{PAPER.few_shot['bp4d', 'disfa'].accuracy['ours', 5][4]:.2f}"
    assert "trained on BP4D" in table.title


def test_filled_rows_say_for_how_many_people(records: list[FewShotRecord]) -> None:
    assert accuracy_table(compared(records)).rows[1][0] == "AU4 Brow lowerer, filled for 3 of 3"


def test_records_of_several_protocols_or_with_gaps_are_refused(
    records: list[FewShotRecord], few_shot_record_of: Maker
) -> None:
    with pytest.raises(ValueError, match="one protocol"):
        compared([*records, few_shot_record_of(tested_on="disfa", protocol="cross_domain")])
    with pytest.raises(ValueError, match="maml with 1 shots and seed 0 lacks the people F000"):
        compared(records[1:])
    with pytest.raises(ValueError, match="no few-shot records"):
        compared([])


def of_seed(record: FewShotRecord, seed: int, change: float) -> FewShotRecord:
    scores = {au: tuple(value + change for value in values) for au, values in record.accuracy.items()}
    return replace(record, accuracy=scores, config={**record.config, "training": {"seed": seed}})


def test_seeds_are_averaged_in_all_tables_and_told_in_one(records: list[FewShotRecord]) -> None:
    others = [of_seed(record, 1, 0.02) for record in records if record.learner == "maml"]
    both = compared([*records, *others])
    assert both.seeds == (0, 1)
    row = accuracy_table(both).rows[0]
    assert row[1:3] == ("0.60 ± 0.00", "0.71 ± 0.00")
    assert "50 draws and the seeds 0, 1, then" in accuracy_table(both).note
    assert gains_in_words(both)[0].startswith("1 shot: maml - baseline +0.060, 95% interval over 3 people")
    table = seeds_table(both)
    assert [row[0] for row in table.rows] == ["0", "1", "Mean"]
    assert table.rows[0][1:3] == ("0.615", "0.665")
    assert table.rows[1][1:3] == ("", "0.685")
    assert table.rows[2][1:3] == ("0.615", "0.675 ± 0.014")


def test_every_learner_is_compared_with_one_of_them(records: list[FewShotRecord]) -> None:
    control = [
        replace(record, learner="anil") for record in records if (record.learner, record.shots) == ("maml", 5)
    ]
    table = gains_table(compared([*records, *control]), "baseline")
    gain = "+0.050 (+0.050 to +0.050)"
    assert table.rows == (("maml", gain, gain), ("anil", "", gain))
    assert table.title.startswith("Gain on baseline after 1 gradient steps")


def test_many_people_and_learners_stay_legible(few_shot_record_of: Maker) -> None:
    models = {
        name: [few_shot_record_of(learner=name, subject=f"F{person:03d}") for person in range(41)]
        for name in ("baseline", "maml", "anil", "meta_sgd", "baseline_by_person")
    }
    figure = accuracy_by_person(models, {})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    names = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert not any(one.overlaps(other) for one, other in pairwise(names))
    legend, right = axes.get_legend(), axes.get_window_extent().x1
    assert legend.get_window_extent().x1 <= right
    assert not legend.get_window_extent().overlaps(axes.title.get_window_extent())


def test_a_seed_that_lacks_people_or_a_record_that_came_twice_is_refused(
    records: list[FewShotRecord],
) -> None:
    with pytest.raises(ValueError, match="maml with 1 shots and seed 1 lacks the people F001, F002"):
        compared([*records, of_seed(records[0], 1, 0.0)])
    with pytest.raises(ValueError, match="maml with 1 shots and seed 0 holds a person twice"):
        compared([*records, records[0]])


def configured(record: FewShotRecord, seed: int = 0, **config: object) -> FewShotRecord:
    training = {"seed": seed, "size": 64, "checkpoint_every": 100 + seed}
    return replace(record, config={**record.config, "training": training, **config})


def test_tests_that_were_not_made_alike_are_refused(few_shot_record_of: Maker) -> None:
    first = configured(few_shot_record_of(), data=["a", "a"], tested_aus=[1, 4])
    other = configured(few_shot_record_of(learner="baseline"), data=["a", "a"], tested_aus=[4, 1])
    testing = first.config["testing"]
    for changes, told in (
        ({"testing": {**testing, "judged": 2}}, r"testing.judged \(10 there, 2 here\)"),
        ({"data": ["a", "b"]}, r"data"),
        ({"tested_aus": [1]}, r"tested_aus"),
    ):
        for record in (other, configured(first, 1)):
            unlike = replace(record, config={**record.config, **changes})
            with pytest.raises(ValueError, match=f"not tested alike: {told}"):
                compared([first, unlike])
    second = configured(first, 1, data=["a", "a"])
    for unlike, told in (
        (replace(second, iterations=10), r"iterations \(100 there, 10 here\)"),
        (replace(second, trained_aus=(1, 4)), "trained_aus"),
        (configured(second, training={"seed": 1, "size": 32}), r"training.size \(64 there, 32 here\)"),
    ):
        with pytest.raises(ValueError, match=f"maml was not always trained alike: {told}"):
            compared([first, unlike])
    # Learners may be trained in ways of their own, and earlier records tell less.
    longer = replace(configured(other, training={"seed": 0, "size": 32}), iterations=300)
    mixed = compared([first, second, of_seed(few_shot_record_of(), 2, 0.0), longer])
    assert "Iterations of training: 100, 300." in accuracy_table(mixed).note


def test_gain_is_told_with_its_interval(records: list[FewShotRecord]) -> None:
    sentences = gains_in_words(compared(records))
    assert len(sentences) == 2
    assert sentences[0].startswith("1 shot: maml - baseline +0.050, 95% interval over 3 people [+0.050")
    assert sentences[0].endswith(
        "(synthetic), +0.100 without tests that were filled up; printed +0.04, real BP4D"
    )
    assert sentences[1].endswith("; printed +0.12, real BP4D")
    whole = [replace(record, filled=()) for record in records]
    assert gains_in_words(compared(whole))[0].endswith("(synthetic); printed +0.04, real BP4D")
    assert gains_in_words(compared([r for r in records if r.learner == "maml"])) == []


def test_gains_are_claimed_on_the_data_of_the_tables(few_shot_record_of: Maker) -> None:
    assert [(claim.better, claim.worse) for claim in compared([few_shot_record_of()]).claimed] == [
        ("maml", "baseline")
    ]
    strange = few_shot_record_of(trained_on="disfa", tested_on="bp4d", protocol="cross_domain")
    assert compared([strange]).claimed == []


def test_without_a_paper_nothing_is_printed_or_claimed(records: list[FewShotRecord]) -> None:
    alone = FewShotComparison(records)
    assert len(accuracy_table(alone).columns) == 5
    assert len(steps_table(alone).columns) == 5
    assert gains_in_words(alone) == []
    named = [replace(record, paper="maml_au") for record in records]
    assert accuracy_table(FewShotComparison(named)) == accuracy_table(compared(records))
    with pytest.raises(ValueError, match="belong to the paper maml_au, not to mal"):
        FewShotComparison(named, PAPERS["mal"])


def test_learners_come_in_the_order_of_the_paper(few_shot_record_of: Maker) -> None:
    learners = ("meta_sgd", "maml", "anil", "baseline")
    groups = compared([few_shot_record_of(learner=learner) for learner in learners]).groups
    assert list(groups) == [(5, learner) for learner in ("baseline", "maml", "anil", "meta_sgd")]


def test_figures_draw_every_model(records: list[FewShotRecord]) -> None:
    models = {
        name: [r for r in records if r.learner == name and r.shots == 5] for name in ("baseline", "maml")
    }
    colours = compared(records).colours
    by_au, by_person = accuracy_by_au(models, colours), accuracy_by_person(models, colours)
    for figure, groups in (
        (by_au, ["AU1", "AU4", "average"]),
        (by_person, ["F000", "F001", "F002", "average"]),
    ):
        (axes,) = figure.axes
        assert [label.get_text() for label in axes.get_xticklabels()] == groups
        heights = [bar.get_height() for bar in axes.containers[0]]
        assert len(heights) == len(groups)
        drawn = [bars.patches[0].get_facecolor() for bars in axes.containers[::2]]
        assert drawn == [to_rgba(PALETTE[colour]) for colour in ("grey", "teal")]
        assert "synthetic" in axes.get_title("left")
    (axes,) = accuracy_by_steps(compared(records)).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert set(lines) == {"baseline, 1 shot", "maml, 1 shot", "baseline, 5 shot", "maml, 5 shot", "chance"}
    assert lines["maml, 1 shot"].get_color() == lines["maml, 5 shot"].get_color()
    assert list(lines["maml, 5 shot"].get_ydata()) == pytest.approx([0.5, 0.665])
