from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.codings.coding import AuSeries, FrameCoding
from metafacs.data.codings.delimited import CodingError
from metafacs.evaluation.agreement_alignment import AlignedPair, align
from metafacs.evaluation.agreement_shift import check_shift, shift_evidence


def runs(seed: int, frames: int = 1500) -> np.ndarray:
    """Return a presence that comes and goes, half a second at a time."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(8, 40, 2 * frames // 16)
    return np.repeat(np.arange(len(lengths)) % 2, lengths)[:frames].astype(float)


def pair(left: np.ndarray, right: np.ndarray, *, every: int = 1, start: int = 0) -> AlignedPair:
    codings = [
        FrameCoding(
            Path("c.csv"), "coding", start + every * np.arange(len(one)), None, {"": {12: AuSeries(one)}}
        )
        for one in (left, right)
    ]
    return align(codings[0], codings[1], video="clip")


@pytest.mark.parametrize("shift", [-4, -1, 1, 3])
def test_a_constant_shift_is_found_and_told_with_its_evidence(shift: int) -> None:
    truth = runs(0)
    evidence = shift_evidence(pair(truth, np.roll(truth, shift), start=100))
    assert evidence is not None
    assert evidence.best == shift
    assert evidence.is_clear
    assert evidence.at(shift)[0] == pytest.approx(1, abs=0.02)
    assert evidence.at(0)[0] < 0.95
    text = evidence.warning("clip")
    assert f"{abs(shift)} frame" in text
    assert ("earlier" if shift > 0 else "later") in text
    assert "Nothing was moved" in text


@pytest.mark.parametrize("errors", [0.0, 0.1, 0.3])
def test_no_shift_is_told_where_there_is_none(errors: float) -> None:
    clear = 0
    for seed in range(20):
        truth = runs(seed)
        wrong = np.random.default_rng(seed + 100).random(len(truth)) < errors
        evidence = shift_evidence(pair(np.where(wrong, 1 - truth, truth), truth))
        assert evidence is not None
        clear += evidence.is_clear
    assert clear == 0


@pytest.mark.parametrize(("shift", "refused"), [(1, True), (-1, True), (3, False)])
def test_a_shift_of_one_frame_is_refused_where_the_first_frame_was_guessed(shift: int, refused: bool) -> None:
    truth = runs(0)
    told = pair(truth, np.roll(truth, shift), start=100)
    evidence = shift_evidence(told)
    assert evidence is not None
    assert check_shift(told, evidence) == [evidence.warning("clip")]
    guessed = replace(told, guessed=(Path("c.csv"),))
    if refused:
        with pytest.raises(CodingError, match=r"c\.csv: nothing tells .*with --first_frame"):
            check_shift(guessed, evidence)
    else:
        assert check_shift(guessed, evidence) == [evidence.warning("clip")]


def test_few_onsets_tell_no_shift() -> None:
    left = np.zeros(200)
    left[50:100] = 1
    evidence = shift_evidence(pair(left, np.roll(left, 2)))
    assert evidence is not None
    assert evidence.best == 2
    assert not evidence.is_clear


def test_shifts_are_multiples_of_the_frames_that_were_taken() -> None:
    truth = runs(1)
    evidence = shift_evidence(pair(truth, np.roll(truth, 1), every=5))
    assert evidence is not None
    assert evidence.best == 5
    assert evidence.shifts.max() == 75


def test_nothing_known_to_both_has_no_evidence() -> None:
    unknown = np.full(10, np.nan)
    assert shift_evidence(pair(unknown, np.ones(10))) is None
