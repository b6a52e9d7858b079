from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metafacs.data.datasets.reading import DatasetError, Reading, Sample
from metafacs.data.datasets.soundness import check_reading

POINTS = np.ones((49, 2), np.float32)


def reading_of(*samples: Sample, **changes: Any) -> Reading:
    return replace(Reading("mine", Path("."), (1, 12), ("calm", "cross"), list(samples)), **changes)


def sample_of(key: str = "p0", **changes: Any) -> Sample:
    return Sample(key, Path(f"{key}.jpg"), **changes)


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"action_units": {1: 1.0, 12: 0.0}, "intensities": {1: 5.0, 12: 0.5}},
        {"action_units": {1: True, 12: np.float32(0)}, "intensities": {1: np.int64(3)}},
        {"action_units": {1: nan}, "intensities": {12: nan}},
        {"expression": 0},
        {"expression": np.int64(1), "votes": (0.335, 0.67)},
        {"votes": np.array([0.25, 0.75])},
        {"landmarks": POINTS},
        {"landmarks": np.zeros((66, 2)), "pose": (0.1, -0.2, 3.1)},
        {"landmarks": np.zeros((68, 2))},
    ],
)
def test_what_a_store_can_hold_is_let_be(labels: dict[str, Any]) -> None:
    check_reading(reading_of(sample_of("a", **labels), sample_of("b", **labels)))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"action_units": {1: -1.0}}, r"AU1 is -1\.0, not 1 \(present\) or 0 \(absent\)"),
        ({"action_units": {1: 0.0, 12: 3.0}}, r"AU12 is 3\.0"),
        ({"action_units": {1: 0.5}}, r"AU1 is 0\.5"),
        ({"action_units": {1: "1"}}, "AU1 is 1, not"),
        ({"action_units": {1: None}}, "AU1 is None"),
        ({"action_units": {1: np.ones(2)}}, r"AU1 is \[1\. 1\.\]"),
        ({"action_units": {2: 1.0}}, r"action unit 2 is none of the reading's aus, \[1, 12\]"),
        ({"action_units": {"1": 1.0}}, "action unit 1 is none"),
        ({"intensities": {12: 6.0}}, r"the intensity of AU12 is 6\.0, not 0 to 5"),
        ({"intensities": {12: -9}}, "the intensity of AU12 is -9"),
        ({"intensities": {12: inf}}, "the intensity of AU12 is inf"),
        ({"intensities": {4: 1.0}}, "intensity of action unit 4 is none"),
        ({"expression": 2}, "expression 2 is not one of 0 to 1; None is an unknown one"),
        ({"expression": -1}, "expression -1 is not"),
        ({"expression": 200}, "expression 200 is not"),
        ({"expression": "calm"}, "expression calm is not"),
        ({"votes": (0.3, 0.3, 0.4)}, "3 votes for the reading's 2 expressions"),
        ({"votes": (0.5, 0.4)}, r"votes \(0\.5, 0\.4\) are not shares that sum to 1"),
        ({"votes": (-0.5, 1.5)}, ".* are not shares"),
        ({"votes": (nan, 1.0)}, ".* are not shares"),
        ({"landmarks": np.ones((51, 2))}, r"landmarks are \(51, 2\), not an array of 49, 66 or 68 points"),
        ({"landmarks": [[1.0, 2.0]] * 49}, "landmarks are list, not"),
        ({"landmarks": np.where(np.arange(98).reshape(49, 2) == 7, nan, POINTS)}, "landmarks hold nan"),
        ({"pose": (0.1, 0.2)}, r"pose \(0\.1, 0\.2\) is not three angles in radians"),
        ({"pose": (0.1, nan, 0.2)}, ".* is not three angles"),
        ({"pose": (12.0, 0.0, -30.0)}, ".* is not three angles in radians"),
    ],
)  # fmt: skip
def test_a_label_that_is_none_is_refused_with_key_and_value(labels: dict[str, Any], said: str) -> None:
    with pytest.raises(DatasetError, match=f"^mine, sample 'p0': {said}"):
        check_reading(reading_of(sample_of("fine"), sample_of(**labels)))


def test_labels_of_what_the_reading_does_not_name_are_refused() -> None:
    with pytest.raises(DatasetError, match="'p0': expression 0 is not known: the reading names no expres"):
        check_reading(reading_of(sample_of(expression=0), expressions=()))
    with pytest.raises(DatasetError, match=r"'p0': action unit 1 is none of the reading's aus, \[\]"):
        check_reading(reading_of(sample_of(action_units={1: 1.0}), aus=()))


@pytest.mark.parametrize(("aus", "said"), [((3,), "AU3 is not a FACS action unit"), ((1, 1), "repeated")])
def test_action_units_are_known_and_named_once(aus: tuple[int, ...], said: str) -> None:
    with pytest.raises(DatasetError, match=f"mine, aus of the reading: .*{said}"):
        check_reading(reading_of(sample_of(), aus=aus))


@pytest.mark.parametrize("keys", [("x", "x"), ("x\x1b", "x\\x1b")])
def test_two_samples_of_one_key_are_refused(keys: tuple[str, str]) -> None:
    samples = [Sample(key, Path(f"{number}.jpg")) for number, key in enumerate(keys)]
    with pytest.raises(DatasetError, match=r"mine: two samples have the key 'x.*', 0\.jpg and 1\.jpg"):
        check_reading(reading_of(*samples))
