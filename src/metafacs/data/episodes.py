"""Few-shot tasks, one per person and action unit: which there are, and repeatable draws from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from metafacs.data.drawn import Drawn
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.facs import au_column
from metafacs.ranks import ALONE, Rank


@dataclass(frozen=True, eq=False)
class Task:
    """One action unit of one person (section 4.1.3 of MAML-AU).

    Attributes:
        subject: Id of the person.
        au: FACS number.
        positives: Positions of the pictures that show it.
        negatives: Positions of the pictures that do not; a picture with an unknown label is in neither.
    """

    subject: str
    au: int
    positives: np.ndarray
    negatives: np.ndarray


class SkippedTask(NamedTuple):
    """A task that is left out.

    Attributes:
        subject: Id of the person.
        au: FACS number.
        reason: What it lacks.
    """

    subject: str
    au: int
    reason: str


class TaskChoice(NamedTuple):
    """The tasks that can be used, and those that cannot; both in the order they came in."""

    tasks: tuple[Task, ...]
    skipped: tuple[SkippedTask, ...]


class Episode(NamedTuple):
    """One draw from a task.

    Attributes:
        support: Positions of the pictures to adapt on.
        support_targets: 1 present, 0 absent.
        query: Positions of other pictures to judge by.
        query_targets: 1 present, 0 absent.
    """

    support: np.ndarray
    support_targets: np.ndarray
    query: np.ndarray
    query_targets: np.ndarray


def find_tasks(subjects: Sequence[str] | np.ndarray, labels: np.ndarray, aus: Sequence[int]) -> list[Task]:
    """Return a task for every person and AU, however few pictures it has.

    Args:
        subjects: ``picture``, id of the person; the empty string where unknown.
        labels: ``picture x au``, 1 present, 0 absent, NaN unknown.
        aus: FACS numbers of the columns.

    >>> [task.au for task in find_tasks(["F001", "F001"], np.array([[1.0, 0.0], [0.0, np.nan]]), (4, 12))]
    [4, 12]
    """
    people = np.asarray(subjects)
    return [
        Task(
            person,
            au,
            np.flatnonzero((people == person) & (labels[:, column] == 1)),
            np.flatnonzero((people == person) & (labels[:, column] == 0)),
        )
        for person in sorted(set(people.tolist()) - {""})
        for column, au in enumerate(aus)
    ]


def training_tasks(tasks: Sequence[Task], shots: int) -> TaskChoice:
    """Choose the tasks that can be trained on.

    Section 4.1.5 of MAML-AU skips a task that is short of positive pictures. Differs from the paper, which
    says "less than N": an episode holds two disjoint sets of N positive and N negative pictures, so 2 N of
    each are needed.

    Args:
        tasks: From :func:`find_tasks`.
        shots: N.
    """
    needed = 2 * shots

    def lacks(task: Task) -> str | None:
        for rows, verb in ((task.positives, "show"), (task.negatives, "do not show")):
            if len(rows) < needed:
                return f"{len(rows)} pictures {verb} {au_column(task.au)}, {needed} are needed"
        return None

    return _choose(tasks, lacks)


def evaluation_tasks(tasks: Sequence[Task], shots: int, judged: int) -> TaskChoice:
    """Choose the tasks that can be adapted to and judged.

    Section 4.1.5 of MAML-AU replaces missing positive pictures by negative ones. Differs from the paper: a
    task with fewer than two pictures of a kind is left out, because it cannot be both learned and judged
    (all answers "absent" would count as right).

    Args:
        tasks: From :func:`find_tasks`.
        shots: K, positive pictures to adapt on; as many negative ones.
        judged: Positive pictures to judge by; as many negative ones.
    """

    def lacks(task: Task) -> str | None:
        for rows, verb in ((task.positives, "show"), (task.negatives, "do not show")):
            if len(rows) < 2:
                return f"{len(rows)} pictures {verb} {au_column(task.au)}, 2 are needed"
        if _shares(task, shots, judged) is None:
            known = len(task.positives) + len(task.negatives)
            return f"{known} pictures are labelled, {2 * (shots + judged)} are needed"
        return None

    return _choose(tasks, lacks)


def draw_training_episode(task: Task, shots: int, rng: np.random.Generator) -> Episode:
    """Draw N positive and N negative pictures, D[tr], and as many others, D[trv].

    Args:
        task: Chosen by :func:`training_tasks`.
        shots: N.
        rng: Random generator.
    """
    return _draw(task, (shots, shots, shots, shots), rng)


def draw_evaluation_episode(task: Task, shots: int, judged: int, rng: np.random.Generator) -> Episode:
    """Draw pictures to adapt on, D[tea], and others to judge by, D[te].

    Where pictures of one kind are too few for both, both sets are filled up with pictures of the other kind
    (section 4.1.5 of MAML-AU). How they share the few the paper does not say: adaptation gets at most half,
    rounded up.

    Args:
        task: Chosen by :func:`evaluation_tasks`.
        shots: K.
        judged: Pictures of each kind to judge by, 10 in the paper.
        rng: Random generator.
    """
    shares = _shares(task, shots, judged)
    if shares is None:
        raise ValueError(
            f"{au_column(task.au)} of {task.subject} has too few pictures for {shots} shots and {judged} "
            "to judge by; choose with evaluation_tasks"
        )
    return _draw(task, shares, rng)


def is_filled(task: Task, shots: int, judged: int) -> bool:
    """Return whether missing pictures of one kind are replaced by the other kind."""
    return _shares(task, shots, judged) != (shots, shots, judged, judged)


class EpisodeStream(Stream):
    """Endless meta-batches: one training episode per action unit, each of a person drawn anew.

    Batch k is a pure function of ``(seed, k)``. Its pictures come task after task; within a task N positive
    and N negative pictures to adapt on, then N and N others. ``action_units`` has one column, the label of
    the task's AU. Section 4.2.1 of MAML-AU takes as many tasks per step as there are AUs; that it is one of
    each is our reading.

    Args:
        store: The prepared data set.
        rows: Rows to draw from.
        aus: Action units of the tasks.
        shots: N.
        size: Side of the network's input in pixels.
        seed: Seed of people, pictures and augmentation.
        augmentation: Random changes; None gives centre crops.

    Attributes:
        choice: Which tasks are drawn from, and which are left out and why.

    Raises:
        ValueError: If there is no task with enough pictures.
    """

    def __init__(
        self,
        store: Store,
        rows: np.ndarray,
        *,
        aus: tuple[int, ...],
        shots: int,
        size: int,
        seed: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        super().__init__(
            store,
            rows,
            aus=aus,
            name="episodes",
            batch_size=4 * shots * len(aus),
            size=size,
            seed=seed,
            augmentation=augmentation,
        )
        self.shots = shots
        self.choice = training_tasks(find_tasks(store.subjects[self.rows], self.targets(), aus), shots)
        by_au = {au: [task for task in self.choice.tasks if task.au == au] for au in aus}
        self._by_au = [tasks for tasks in by_au.values() if tasks]
        if not self._by_au:
            raise ValueError(
                f"no person in {store.path} has {2 * shots} pictures with and without one of the AUs "
                f"{list(aus)}; lower the shots or prepare more pictures"
            )

    def draw(self, k: int, rank: Rank = ALONE) -> Drawn:
        """Return a process's part of meta-batch number ``k`` (0-based): whole tasks."""
        rng = np.random.default_rng((*self._seed, 1, k))
        episodes = [
            draw_training_episode(tasks[rng.integers(len(tasks))], self.shots, rng) for tasks in self._by_au
        ]
        positions = np.concatenate([part for e in episodes for part in (e.support, e.query)])
        targets = np.concatenate([part for e in episodes for part in (e.support_targets, e.query_targets)])
        part = rank.part_of(len(positions), "tasks", together=4 * self.shots)
        known = torch.from_numpy(targets)[part, None]
        return self._drawn(positions, rng, part).with_known(action_units=known)


def _choose(tasks: Sequence[Task], lacks: Callable[[Task], str | None]) -> TaskChoice:
    reasons = [lacks(task) for task in tasks]
    return TaskChoice(
        tuple(task for task, reason in zip(tasks, reasons, strict=True) if reason is None),
        tuple(
            SkippedTask(task.subject, task.au, reason)
            for task, reason in zip(tasks, reasons, strict=True)
            if reason is not None
        ),
    )


def _shares(task: Task, shots: int, judged: int) -> tuple[int, int, int, int] | None:
    """Return how many positives and negatives to adapt on, then to judge by; None if they do not suffice."""

    def split(count: int) -> tuple[int, int]:
        support = shots if count >= shots + judged else min(shots, (count + 1) // 2)
        return support, min(judged, count - support)

    positive, negative = split(len(task.positives)), split(len(task.negatives))
    # What one kind lacks, the other fills up.
    support = positive[0] + shots - negative[0], negative[0] + shots - positive[0]
    query = positive[1] + judged - negative[1], negative[1] + judged - positive[1]
    if support[0] + query[0] > len(task.positives) or support[1] + query[1] > len(task.negatives):
        return None
    return (*support, *query)


def _draw(task: Task, counts: tuple[int, int, int, int], rng: np.random.Generator) -> Episode:
    positives, negatives = rng.permutation(task.positives), rng.permutation(task.negatives)
    p, n, judged_p, judged_n = counts
    return Episode(
        np.concatenate([positives[:p], negatives[:n]]),
        _targets(p, n),
        np.concatenate([positives[p : p + judged_p], negatives[n : n + judged_n]]),
        _targets(judged_p, judged_n),
    )


def _targets(positives: int, negatives: int) -> np.ndarray:
    return np.repeat(np.array([1.0, 0.0], np.float32), [positives, negatives])
