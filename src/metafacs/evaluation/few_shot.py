"""Few-shot tests of MAML-AU: adapt to a person from a few pictures, judge on others."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from metafacs.data.episodes import Task, draw_evaluation_episode, evaluation_tasks, find_tasks, is_filled
from metafacs.data.streams import Stream
from metafacs.evaluation.predictions import NotFiniteError
from metafacs.methods.few_shot import FewShotLearner
from metafacs.models.devices import device_of
from metafacs.parsing import check_number
from metafacs.training.few_shot import MOST_SHOTS, MOST_STEPS
from metafacs.training.trainer import LARGEST_SEED


@dataclass(frozen=True)
class FewShotTest:
    """How few-shot learners are tested; the defaults are section 4.2.2 and the tables of MAML-AU.

    Attributes:
        shots: Numbers of pictures of each kind to adapt on, K.
        repetitions: Draws per task.
        judged: Pictures of each kind to judge by.
        steps: Numbers of gradient steps after which accuracy is measured, ascending; 5 for the tables, 0 to 5
            for Fig. 14. A number that is not asked for costs no judging, and the others stay the same.
        statistics: What batch normalisation uses while judging: ``transductive``, the balanced set of
            pictures that is judged, or ``support``, the pictures adapted on: each picture is judged alone.
        seed: Seed of the draws; every learner gets the same.
    """

    shots: tuple[int, ...] = (1, 5)
    repetitions: int = 500
    judged: int = 10
    steps: tuple[int, ...] = (5,)
    statistics: Literal["transductive", "support"] = "transductive"
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.shots, (list, tuple)) or not isinstance(self.steps, (list, tuple)):
            raise ValueError("testing.shots and testing.steps are lists of numbers")
        if min(self.shots, default=0) < 1 or self.repetitions < 1 or self.judged < 1:
            raise ValueError("shots, repetitions and judged pictures must be 1 or more")
        limits = {"repetitions": 10**6, "judged": 10**5, "seed": LARGEST_SEED}
        for name, highest in limits.items():
            check_number(f"testing.{name}", getattr(self, name), 0, highest)
        for name, numbers, highest in (("shots", self.shots, MOST_SHOTS), ("steps", self.steps, MOST_STEPS)):
            for number in numbers:
                check_number(f"testing.{name}", number, 0, highest)
        if len(set(self.shots)) < len(self.shots):
            raise ValueError(f"testing.shots names a number twice: {list(self.shots)}")
        if not self.steps or list(self.steps) != sorted(set(self.steps)) or self.steps[0] < 0:
            raise ValueError(f"steps must be ascending numbers from 0, not {list(self.steps)}")


def judge_task(
    learner: FewShotLearner, images: Tensor, task: Task, shots: int, testing: FewShotTest
) -> np.ndarray:
    """Adapt to draws from one task and return the accuracy on other pictures of it.

    The repetitions come one after the other: every one has weights of its own, and batching such networks
    with vmap is half as fast on a CPU (benchmarks/maml.py).

    Args:
        learner: Trained; left as it is.
        images: ``picture x 3 x height x width``, what the task's positions point at.
        task: Chosen by :func:`metafacs.data.episodes.evaluation_tasks`.
        shots: K.
        testing: How to test.

    Returns:
        ``repetition x step``, accuracy in [0, 1].

    Raises:
        NotFiniteError: If an adapted learner tells no number.
    """
    rng = np.random.default_rng((testing.seed, zlib.crc32(task.subject.encode()), task.au, shots))
    device, hits = images.device, []
    for _ in range(testing.repetitions):
        episode = draw_evaluation_episode(task, shots, testing.judged, rng)
        support, query = images[episode.support], images[episode.query]
        known = torch.from_numpy(episode.support_targets).to(device)
        asked = torch.from_numpy(episode.query_targets).to(device)
        column = 0
        for step, adapted in enumerate(learner.adaptation(support, known, testing.steps[-1])):
            if step != testing.steps[column]:
                continue
            with torch.no_grad():
                if testing.statistics == "support":
                    statistics = learner.support_statistics(adapted, support)
                    logits = learner.logits_by_statistics(adapted, statistics, query)
                else:
                    logits = learner.logits(adapted, query)
            # NaN is neither above zero nor below: it would count as absent.
            right = ((logits > 0) == (asked > 0)).float()
            hits.append(torch.where(logits.isfinite(), right, torch.nan).mean())
            column += 1
    # One look at the end: a GPU would have to be waited for at each.
    scores: np.ndarray = torch.stack(hits).double().reshape(testing.repetitions, -1).cpu().numpy()
    if np.isnan(scores).any():
        raise NotFiniteError(
            f"adapted to AU{task.au} of {task.subject} the model tells NaN or infinity: lower its "
            "inner_rate and train it again"
        )
    return scores


def judge_subject(
    learner: FewShotLearner, stream: Stream, shots: int, testing: FewShotTest
) -> tuple[dict[int, np.ndarray], tuple[int, ...], dict[int, str]]:
    """Return accuracies, filled AUs and skipped AUs of one person.

    Args:
        learner: Trained.
        stream: The person's pictures.
        shots: K.
        testing: How to test.

    Returns:
        AU -> ``repetition x step`` accuracies; AUs whose sets were filled up; AU -> why it was left out.
    """
    choice = evaluation_tasks(
        find_tasks(stream.store.subjects[stream.rows], stream.targets(), stream.aus), shots, testing.judged
    )
    images = stream.at(np.arange(len(stream.rows))).images.to(device_of(learner))
    scores = {task.au: judge_task(learner, images, task, shots, testing) for task in choice.tasks}
    filled = tuple(task.au for task in choice.tasks if is_filled(task, shots, testing.judged))
    return scores, filled, {task.au: task.reason for task in choice.skipped}
