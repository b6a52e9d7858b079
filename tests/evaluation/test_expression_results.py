from __future__ import annotations

import math
from dataclasses import replace

import pytest

from metafacs.evaluation.expression_results import ExpressionIntervals, ExpressionResult

RESULT = ExpressionResult(
    ("happily sad", "sadly angry", "sadly fearful"),
    ((3, 1, 0), (2, 2, 0), (0, 0, 0)),
    "11100110",
    ExpressionIntervals((0.2, 0.9), (0.3, float("nan")), 0.95, 200, "pictures"),
)


def test_scores_follow_from_the_confusion_matrix() -> None:
    assert RESULT.accuracy == 5 / 8
    assert RESULT.recalls["happily sad"] == 0.75
    assert RESULT.recalls["sadly angry"] == 0.5
    assert math.isnan(RESULT.recalls["sadly fearful"])
    assert RESULT.mean_recall == 0.625
    assert RESULT.pictures == {"happily sad": 4, "sadly angry": 4, "sadly fearful": 0}


def test_file_names_every_score() -> None:
    content = RESULT.to_json()
    assert list(content) == [
        *("names", "accuracy", "mean_recall", "recalls", "pictures", "confusion", "recognised", "intervals")
    ]
    assert set(content["intervals"]) == {"accuracy", "mean_recall", "level", "bootstrap", "over"}


@pytest.mark.parametrize(
    ("names", "confusion", "recognised", "message"),
    [
        ((), (), "", "different names"),
        (("a", "a"), ((1, 0), (0, 1)), "11", "different names"),
        (("a", "b"), ((1, 0),), "1", "must be 2 x 2"),
        (("a", "b"), ((1, 0), (1,)), "10", "must be 2 x 2"),
        (("a",), ((-1,),), "", "negative"),
        (("a", "b"), ((1, 0), (1, 0)), "11", "not those of the confusion matrix"),
        (("a", "b"), ((1, 0), (1, 0)), "1", "not those of the confusion matrix"),
    ],
)
def test_contradictions_are_refused(
    names: tuple[str, ...], confusion: tuple[tuple[int, ...], ...], recognised: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ExpressionResult(names, confusion, recognised)


@pytest.mark.parametrize(
    ("people", "message"),
    [
        ({"a": (6, 8)}, "not those recognised"),
        ({"a": (5, 4), "b": (0, 4)}, "as many recognised at most"),
        ({"a": (5, 8), "b": (0, 0)}, "1 or more pictures"),
    ],
)
def test_people_hold_the_pictures_of_the_test(people: dict[str, tuple[int, int]], message: str) -> None:
    assert replace(RESULT, by_subject={"a": (2, 3), "b": (3, 5)}).to_json()["by_subject"]["b"] == [3, 5]
    with pytest.raises(ValueError, match=message):
        replace(RESULT, by_subject=people)
