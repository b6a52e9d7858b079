from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score

from metafacs.data.codings.coding import AuSeries, FrameCoding
from metafacs.evaluation.agreement import FEWEST_PEOPLE, MEASURES, score_agreement
from metafacs.evaluation.agreement_alignment import AlignedPerson, align
from metafacs.metrics.intensity import intraclass_correlation

NAN = float("nan")


def person(
    video: str, left: dict[int, AuSeries], right: dict[int, AuSeries], *, subject: str = ""
) -> AlignedPerson:
    frames = np.arange(len(next(iter(left.values())).presence))
    codings = [FrameCoding(Path("c.csv"), "coding", frames, frames / 25, {"": aus}) for aus in (left, right)]
    return align(codings[0], codings[1], video=video, subject=subject or None).people[0]


def drawn(seed: int, errors: float = 0.2, frames: int = 200) -> tuple[AuSeries, AuSeries]:
    """Return a coding with scores and intensities, and the truth."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.integers(0, 2, frames // 10), 10).astype(float)
    said = np.where(rng.random(frames) < errors, 1 - truth, truth)
    level = np.clip(2 * truth + rng.normal(size=frames), 0, 5)
    return AuSeries(said, level, rng.random(frames) / 2 + truth / 3), AuSeries(truth, 3 * truth)


def test_measures_are_those_of_the_frames_of_everybody_together() -> None:
    each = [drawn(seed) for seed in range(3)]
    each[1][0].presence[:20] = NAN
    people = [person(f"v{i}", {12: left}, {12: right}) for i, (left, right) in enumerate(each)]
    found = score_agreement(people)
    left = np.concatenate([one.presence for one, _ in each])
    right = np.concatenate([one.presence for _, one in each])
    known = ~np.isnan(left)
    agreement = found.aus[12]
    assert agreement.frames == known.sum() == 580
    assert agreement.values["kappa"] == pytest.approx(cohen_kappa_score(left[known], right[known]))
    assert agreement.values["f1"] == pytest.approx(f1_score(right[known], left[known]))
    assert agreement.left_present == pytest.approx(left[known].mean())
    assert agreement.right_present == pytest.approx(right[known].mean())
    scores = np.concatenate([one.score for one, _ in each if one.score is not None])
    assert agreement.auc == pytest.approx(roc_auc_score(right, scores))
    levels = [
        np.concatenate([side.intensity for side in sides if side.intensity is not None])
        for sides in zip(*each, strict=True)
    ]
    assert agreement.values["icc"] == pytest.approx(intraclass_correlation(*levels))
    assert agreement.events is not None
    assert agreement.values["event_precision"] == agreement.events[0] / agreement.events[1]
    assert found.means["kappa"] == agreement.values["kappa"]
    assert found.subjects == 3
    assert not found.intervals
    one = found.people[0].aus[12]
    assert one.values["kappa"] == pytest.approx(cohen_kappa_score(each[0][0].presence, each[0][1].presence))


def test_a_case_worked_out_by_hand() -> None:
    left = AuSeries(np.array([1.0, 1, 0, 0, 1, 0, NAN, 1]))
    right = AuSeries(np.array([1.0, 0, 0, 1, 1, 0, 1, NAN]))
    found = score_agreement([person("v", {12: left}, {12: right})]).aus[12]
    assert found.pairs == (2, 1, 1, 2)
    assert found.values["kappa"] == pytest.approx((4 / 6 - 0.5) / 0.5)
    assert found.values["pabak"] == pytest.approx(2 * 4 / 6 - 1)
    assert found.values["f1"] == pytest.approx(4 / 6)
    assert found.values["negative_agreement"] == pytest.approx(4 / 6)


def test_what_has_no_value_is_nan_with_a_reason_and_not_in_the_mean() -> None:
    left, right = drawn(0)
    never = AuSeries(np.zeros(200))
    people = [person("v", {4: left, 12: left, 25: left}, {4: never, 12: right, 25: AuSeries(np.ones(200))})]
    found = score_agreement(people)
    for measure in ("kappa", "f1", "icc", "event_recall", "event_f1"):
        assert math.isnan(found.aus[4].values[measure])
        assert measure in found.aus[4].reasons
    assert found.aus[4].reasons["kappa"] == "the right never says present"
    assert found.aus[4].reasons["auc"] == "the right never says present"
    assert found.aus[4].reasons["icc"] == "no intensities on the right"
    assert found.aus[25].reasons["kappa"] == "the right always says present"
    assert found.aus[25].values["f1"] > 0.5
    assert found.means["kappa"] == found.aus[12].values["kappa"]
    # A detector that says nothing is no better than chance, which is a value.
    silent = score_agreement([person("v", {12: never}, {12: right})]).aus[12]
    assert silent.values["kappa"] == 0
    assert silent.values["f1"] == 0
    assert silent.reasons["event_precision"] == "no event on the left"
    assert silent.reasons["auc"] == "no probabilities on the left"


def test_nothing_known_to_both_has_no_measure() -> None:
    unknown = AuSeries(np.full(200, NAN))
    found = score_agreement([person("v", {12: drawn(0)[0]}, {12: unknown})])
    assert all(math.isnan(value) for value in found.means.values())
    assert set(found.aus[12].reasons.values()) == {"no frame is known to both"}


def test_intervals_are_over_people_and_only_with_enough_of_them() -> None:
    people = [person(f"v{i}", {12: drawn(i, 0.05 * i)[0]}, {12: drawn(i)[1]}) for i in range(8)]
    found = score_agreement(people, repetitions=300)
    low, high = found.aus[12].intervals["kappa"]
    assert low < found.aus[12].values["kappa"] < high
    assert set(found.intervals) == set(MEASURES)
    # One AU: the mean over AUs is that AU, as is its interval.
    assert found.intervals["kappa"] == pytest.approx((low, high))
    assert score_agreement(people, repetitions=300) == found
    same = [
        person(one.video, one.left, one.right, subject="S1" if i < 5 else one.video)
        for i, one in enumerate(people)
    ]  # type: ignore[arg-type]
    fewer = score_agreement(same, repetitions=300)
    assert fewer.subjects == FEWEST_PEOPLE - 1
    assert not fewer.intervals
    assert not fewer.aus[12].intervals
    assert fewer.aus[12].values == found.aus[12].values


def test_an_au_of_few_people_has_no_interval() -> None:
    people = []
    for i in range(6):
        left, right = drawn(i)
        aus = (4, 12) if i < 2 else (12,)
        people.append(person(f"v{i}", dict.fromkeys(aus, left), dict.fromkeys(aus, right)))
    found = score_agreement(people, repetitions=100)
    assert "kappa" in found.aus[12].intervals
    assert not found.aus[4].intervals


def test_people_without_intensities_or_times_give_no_interval_of_these() -> None:
    def told(seed: int) -> AlignedPerson:
        left, right = drawn(seed)
        one = person(f"v{seed}", {12: left}, {12: right})
        if seed < FEWEST_PEOPLE - 1:
            return one
        bare = {12: AuSeries(left.presence)}, {12: AuSeries(right.presence)}
        grid = replace(one.grid, times=None, frame_length=NAN)
        return replace(one, grid=grid, left=bare[0], right=bare[1])

    found = score_agreement([told(seed) for seed in range(FEWEST_PEOPLE + 1)])
    assert found.subjects == FEWEST_PEOPLE + 1
    assert found.aus[12].values["icc"] > 0
    assert set(found.aus[12].intervals) == set(found.intervals)
    assert set(found.intervals) == {"kappa", "pabak", "f1", "negative_agreement"}
