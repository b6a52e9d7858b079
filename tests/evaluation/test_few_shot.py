from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from metafacs.data.episodes import Task
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.evaluation.few_shot import FewShotTest, judge_subject, judge_task
from metafacs.evaluation.predictions import NotFiniteError
from metafacs.methods import FEW_SHOT
from metafacs.methods.few_shot import FewShotLearner


@pytest.fixture
def learner() -> FewShotLearner:
    torch.manual_seed(0)
    return FEW_SHOT["maml"]((1, 4))


def pictures(bright: int, dark: int) -> tuple[Tensor, Task]:
    """Return pictures of which the bright ones are positive; none is told apart before adaptation."""
    torch.manual_seed(1)
    images = torch.randn(bright + dark, 3, 32, 32) * 0.3
    images[:bright, :, 8:16] += 1.5
    return images, Task("F001", 1, np.arange(bright), np.arange(bright, bright + dark))


TESTING = FewShotTest((5,), repetitions=2, judged=4, steps=(0, 1, 3))


def test_adaptation_learns_what_tells_the_pictures_apart(learner: FewShotLearner) -> None:
    scores = judge_task(learner, *pictures(12, 12), 5, TESTING)
    assert scores.shape == (2, 3)
    assert scores[:, -1].mean() > 0.85
    assert scores[:, -1].mean() > scores[:, 0].mean()
    assert set((scores * 8).ravel().tolist()) <= set(range(9))


def test_a_learner_that_tells_no_number_is_not_judged(
    learner: FewShotLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = learner.logits
    monkeypatch.setattr(learner, "logits", lambda weights, images: told(weights, images) * float("nan"))
    with pytest.raises(NotFiniteError, match="AU1 of F001"):
        judge_task(learner, *pictures(12, 12), 5, TESTING)


def test_draws_are_the_same_for_every_learner_and_call(
    learner: FewShotLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, task = pictures(12, 12)
    seen: list[list[Tensor]] = [[], []]
    for number, name in enumerate(("maml", "anil")):
        other = FEW_SHOT[name]((1, 4))
        adaptation = other.adaptation

        def note(support, targets, steps, number=number, adaptation=adaptation):
            seen[number].append(support)
            return adaptation(support, targets, steps)

        monkeypatch.setattr(other, "adaptation", note)
        judge_task(other, images, task, 5, TESTING)
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))
    assert not torch.equal(seen[0][0], seen[0][1])


@pytest.mark.parametrize("name", FEW_SHOT)
def test_only_the_steps_asked_for_are_judged_and_their_scores_are_those_among_all(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    learner, (images, task) = FEW_SHOT[name]((1, 4)), pictures(12, 12)
    among = replace(TESTING, steps=(0, 1, 2, 3, 4, 5))
    every = judge_task(learner, images, task, 5, among)
    assert not (every[:, 0] == every[:, 5]).all()
    logits, judged = learner.logits, []

    def counting(parameters: dict[str, Tensor], given: Tensor) -> Tensor:
        judged.append(not torch.is_grad_enabled())
        return logits(parameters, given)

    monkeypatch.setattr(learner, "logits", counting)
    for steps in ((5,), (1, 5), (3,)):
        judged.clear()
        found = judge_task(learner, images, task, 5, replace(TESTING, steps=steps))
        assert np.array_equal(found, every[:, list(steps)])
        assert sum(judged) == len(steps) * TESTING.repetitions


def test_the_tables_ask_for_five_steps() -> None:
    assert FewShotTest().steps == (5,)


def test_support_statistics_judge_each_picture_alone(learner: FewShotLearner) -> None:
    images, task = pictures(12, 12)
    alone = judge_task(learner, images, task, 5, replace(TESTING, statistics="support"))
    assert alone[:, -1].mean() > 0.85


def test_a_person_without_a_task_is_told(learner: FewShotLearner, au_store: Store) -> None:
    rows = np.flatnonzero(au_store.subjects == au_store.subjects[0])
    stream = Stream(au_store, rows, aus=(1, 4, 12), name="person", batch_size=8, size=32, seed=0)
    scores, filled, skipped = judge_subject(learner, stream, 1, FewShotTest((1,), 2, 2, (0, 1)))
    assert set(scores) | set(skipped) == {1, 4, 12}
    assert set(filled) <= set(scores)
    _, _, all_skipped = judge_subject(learner, stream, 5, FewShotTest((5,), 2, 10, (0, 1)))
    assert set(all_skipped) == {1, 4, 12}
    assert "30 are needed" in all_skipped[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shots": (0,)}, "1 or more"),
        ({"repetitions": 0}, "1 or more"),
        ({"steps": (1, 0)}, "ascending"),
        ({"steps": ()}, "ascending"),
    ],
)
def test_impossible_tests_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FewShotTest(**changes)  # type: ignore[arg-type]
