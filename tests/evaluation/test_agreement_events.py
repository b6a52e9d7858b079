from __future__ import annotations

import numpy as np
import pytest

from metafacs.evaluation.agreement_events import EventRules, pair_events
from metafacs.evaluation.agreement_placing import Grid, frame_grid

NAN = float("nan")


def series(text: str) -> np.ndarray:
    """Return presence from a line of 1, 0 and ? for unknown."""
    return np.array([{"1": 1.0, "0": 0.0, "?": NAN}[mark] for mark in text])


def grid(frames: int, *, every: int = 1, rate: float = 10) -> Grid:
    return frame_grid(np.arange(frames) * every, np.arange(frames) * every / rate, None)


def test_events_are_paired_and_their_onsets_compared() -> None:
    left, right = series("0110000001100"), series("0011100000000")
    found = pair_events(left, right, grid(13), EventRules(tolerance=0.2))
    assert found is not None
    assert (found.matched, found.left, found.right) == (1, 2, 1)
    assert found.onset_differences == pytest.approx([-0.1])


def test_events_far_apart_are_one_if_they_overlap_enough() -> None:
    left, right = series("0111111111100"), series("0000011111100")
    apart = pair_events(left, right, grid(13), EventRules(tolerance=0.1, overlap=0.7))
    one = pair_events(left, right, grid(13), EventRules(tolerance=0.1, overlap=0.6))
    assert apart is not None
    assert one is not None
    assert (apart.matched, one.matched) == (0, 1)


def test_what_one_side_does_not_know_ends_events_and_hides_onsets() -> None:
    left, right = series("0011??1100"), series("0?11111100")
    found = pair_events(left, right, grid(10), EventRules())
    assert found is not None
    # Right and left are known from frame 2 on, where both are cut, and from frame 6 on.
    assert (found.matched, found.left, found.right) == (2, 2, 2)
    assert len(found.onset_differences) == 0


def test_rarely_taken_frames_are_no_gaps() -> None:
    found = pair_events(series("0110"), series("0110"), grid(4, every=5), EventRules())
    assert found is not None
    assert (found.matched, found.left) == (1, 1)
    assert found.onset_differences == pytest.approx([0])


def test_without_times_there_are_no_events() -> None:
    assert pair_events(series("01"), series("01"), frame_grid(np.arange(2), None, None), EventRules()) is None
    nothing = pair_events(series("??"), series("01"), grid(2), EventRules())
    assert nothing is not None
    assert nothing.left == nothing.right == 0


@pytest.mark.parametrize("rules", [{"tolerance": -1}, {"tolerance": NAN}, {"overlap": 0}, {"overlap": 1.1}])
def test_impossible_rules_are_refused(rules: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"the (tolerance|overlap)"):
        EventRules(**rules)
