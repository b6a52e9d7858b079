from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from metafacs.evaluation.records import Record
from metafacs.reports.claims import Claim
from metafacs.reports.curve_claims import course, faster_fall, rising_weight
from metafacs.reports.papers.claimed import Course, FasterFall, RisingWeight

MakeRecord = Callable[..., Record]
FALL = FasterFall("mal", "loss_expression", "loss_action_units")


def rising(runs: list[Record]) -> Claim:
    claimed = RisingWeight("mal", "weight_expression", "expression pictures", "0.5 is an equal share")
    return rising_weight(claimed, "mal", runs)


def test_weight_curve_is_answered_from_its_ends(record_of: MakeRecord) -> None:
    rising_run = record_of("mal")
    assert rising([rising_run]).answer == "yes"
    level = replace(
        rising_run,
        history=rising_run.history | {"weight_expression": [0.5] * len(rising_run.history["iteration"])},
    )
    assert rising([level]).answer == "no"
    hardly = np.linspace(0.5, 0.5005, len(rising_run.history["iteration"])).tolist()
    hardly_rising = replace(rising_run, history=rising_run.history | {"weight_expression": hardly})
    assert rising([hardly_rising]).answer == "no"
    assert rising([rising_run, level]).answer == "no"
    assert rising([rising_run]).statement == (
        "mal raises the average weight of expression pictures during training"
    )


@pytest.mark.parametrize(
    ("curve", "answer"),
    [
        (0.49 + 0.02 * (1 - np.exp(-np.linspace(0, 4, 100))), "yes"),  # rises and levels off
        (0.5 + 0.03 * np.sin(np.linspace(0, 13, 100)) + np.linspace(0, 0.002, 100), "no"),  # swings
        (np.array([0.5]), "no"),
        (np.array([0.4, 0.5]), "no"),  # its two ends are the same two points
        (np.array([0.4, 0.4, 0.5, 0.5]), "yes"),
    ],
)
def test_a_swing_is_no_rise(record_of: MakeRecord, curve: np.ndarray, answer: str) -> None:
    history = {"iteration": np.arange(len(curve)).tolist(), "weight_expression": curve.tolist()}
    assert rising([replace(record_of("mal"), history=history)]).answer == answer


def falling(record: Record, expression: float, action_units: float, noise: float = 0.0) -> Record:
    """Return a record whose losses lose the given shares of their starts, on different scales."""
    rng = np.random.default_rng(0)
    curve = np.r_[np.zeros(10), np.linspace(0, 1, 80), np.ones(10)]
    history = {
        "iteration": np.arange(100.0).tolist(),
        "loss_expression": (2 * (1 - expression * curve) + noise * rng.normal(size=100)).tolist(),
        "loss_action_units": (7 * (1 - action_units * curve)).tolist(),
    }
    return replace(record, history=history)


def test_losses_are_compared_relative_to_their_starts(record_of: MakeRecord) -> None:
    clear = falling(record_of(), 0.8, 0.4)
    claim = faster_fall(FALL, "mal", [clear])
    assert claim.answer == "yes"
    assert claim.statement == "in mal the loss of expression falls faster than that of action units"
    assert "half-way they have lost 40% and 20%" in claim.detail
    assert "at the end 80% and 40%; beyond fluctuation in 1 of 1 run, the opposite in 0" in claim.detail
    slower = faster_fall(FALL, "mal", [falling(record_of(), 0.4, 0.8)])
    assert slower.answer == "no"
    assert "in 0 of 1 run, the opposite in 1" in slower.detail


@pytest.mark.parametrize(("expression", "noise"), [(0.42, 0.0), (0.5, 0.3), (0.4, 0.0)])
def test_a_lead_within_the_fluctuation_is_none(
    record_of: MakeRecord, expression: float, noise: float
) -> None:
    blurred = falling(record_of(), expression, 0.4, noise)
    claim = faster_fall(FALL, "mal", [falling(record_of(), 0.8, 0.4), blurred])
    assert claim.answer == "no"
    assert "beyond fluctuation in 1 of 2 runs" in claim.detail


@pytest.mark.parametrize(
    ("curve", "seen"),
    [
        (np.r_[np.linspace(0.5, 0.7, 40), np.linspace(0.7, 0.3, 30), np.linspace(0.3, 0.6, 30)], "yes"),
        (np.linspace(0.5, 0.9, 100), "it rises in 1"),
        (np.full(100, 0.5), "it stays in 1"),
        (np.array([0.5]), "it stays in 1"),
        (np.r_[np.linspace(0.5, 0.2, 50), np.linspace(0.2, 1, 50)], "it falls and then rises in 1"),
        # Turns that are smaller than the fluctuation at the end are none.
        (0.5 + 0.02 * np.sin(np.linspace(0, 300, 100)) + np.linspace(0, 0.3, 100), "it rises in 1"),
    ],
)
def test_the_course_of_a_weight_is_told_by_its_turns(
    record_of: MakeRecord, curve: np.ndarray, seen: str
) -> None:
    claimed = Course("mml", "weight_expression", "the AU loss", ("rises", "falls", "rises"))
    history = {"iteration": np.arange(float(len(curve))).tolist(), "weight_expression": curve.tolist()}
    claim = course(claimed, "mml", [replace(record_of("mal"), history=history)])
    assert claim.answer == ("yes" if seen == "yes" else "no")
    assert seen == "yes" or seen in claim.detail
    assert claim.statement == (
        "in mml the average weight of the AU loss rises and then falls and then rises during training"
    )


def test_a_course_has_to_be_that_of_every_run(record_of: MakeRecord) -> None:
    claimed = Course("mml", "weight_expression", "the AU loss", ("rises",))
    runs = [record_of("mal"), replace(record_of("mal", seed=1))]
    assert course(claimed, "mml", runs).answer == "yes"
    level = {**runs[1].history, "weight_expression": [0.5] * len(runs[1].history["iteration"])}
    claim = course(claimed, "mml", [runs[0], replace(runs[1], history=level)])
    assert (claim.answer, claim.detail[:45]) == ("no", "so in 1 of 2 runs: it rises in 1, stays in 1;")
