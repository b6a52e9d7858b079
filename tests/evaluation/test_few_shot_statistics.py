from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.few_shot_statistics import (
    accuracy_spreads,
    average_accuracy,
    paired_gain,
    person_averages,
    reported_step,
)

Maker = Callable[..., FewShotRecord]


def test_means_are_over_people_then_over_aus(few_shot_record_of: Maker) -> None:
    records = [
        few_shot_record_of(subject="a", accuracy={1: (0.5, 0.6), 4: (0.5, 0.8)}),
        few_shot_record_of(subject="b", accuracy={1: (0.5, 0.8)}),
    ]
    spreads = accuracy_spreads(records, 1)
    assert spreads[1].mean == pytest.approx(0.7)
    assert spreads[1].std == pytest.approx(np.std([0.6, 0.8], ddof=1))
    assert (spreads[4].mean, spreads[4].count) == (0.8, 1)
    assert average_accuracy(records, 1).mean == pytest.approx((0.7 + 0.8) / 2)
    assert person_averages(records, 1) == pytest.approx({"a": 0.7, "b": 0.8})


def test_the_printed_step_is_reported_where_it_was_measured(few_shot_record_of: Maker) -> None:
    five = {1: (0.5, 0.6, 0.7), 4: (0.5, 0.6, 0.7)}
    assert reported_step([few_shot_record_of()]) == 1
    assert reported_step([few_shot_record_of(steps=(0, 5, 20), accuracy=five)]) == 5


def test_gain_is_paired_by_person(few_shot_record_of: Maker) -> None:
    hard = np.linspace(0.5, 0.8, 8)
    ours = [few_shot_record_of(subject=f"p{i}", accuracy={1: (0.5, h + 0.05)}) for i, h in enumerate(hard)]
    theirs = [few_shot_record_of(subject=f"p{i}", accuracy={1: (0.5, h)}) for i, h in enumerate(hard)]
    gain = paired_gain(ours, theirs[::-1], 1)
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.05, 0.05, 0.05))
    assert gain.subjects == 8
    with pytest.raises(ValueError, match="same people"):
        paired_gain(ours[1:], theirs, 1)
