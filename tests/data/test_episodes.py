"""Which few-shot tasks there are, by the paper's counts; draws are balanced, disjoint and repeatable."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metafacs.data.episodes import (
    EpisodeStream,
    Task,
    draw_evaluation_episode,
    draw_training_episode,
    evaluation_tasks,
    find_tasks,
    is_filled,
    training_tasks,
)
from metafacs.data.facts import BP4D, DISFA
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation

AUS = (1, 4, 12)


def label_table(
    people: int, aus: tuple[int, ...], rare: int, frames: int = 60
) -> tuple[list[str], np.ndarray]:
    """Return ids and labels in which every task has 20 positives but ``rare`` ones, which have 9."""
    labels = np.zeros((people, frames, len(aus)), np.float32)
    labels[:, :20] = 1
    for task in range(rare):
        labels[task % people, 9:20, task // people] = 0
    subjects = [f"S{person:03d}" for person in range(people) for _ in range(frames)]
    return subjects, labels.reshape(-1, len(aus))


@pytest.mark.parametrize(
    ("people", "aus", "rare", "printed"),
    [
        (39, BP4D.evaluated_aus, 2, 468),  # section 4.1.3; 40 people would be left of 41
        (40, BP4D.evaluated_aus, 2, 480),
        (41, BP4D.evaluated_aus, 2, 492),  # cross-data-set: everybody trains
        (26, DISFA.evaluated_aus, 13, 208),
    ],
)
def test_counts_of_tasks_are_those_of_the_paper(
    people: int, aus: tuple[int, ...], rare: int, printed: int
) -> None:
    tasks = find_tasks(*label_table(people, aus, rare), aus)
    choice = training_tasks(tasks, shots=5)
    assert len(tasks) == printed
    assert len(choice.skipped) == rare
    assert len(choice.tasks) == printed - rare
    assert choice.skipped[0].reason == "9 pictures show AU01, 10 are needed"


def test_unknown_labels_belong_to_neither_side() -> None:
    labels = np.array([[1.0], [np.nan], [0.0], [1.0]])
    (task,) = find_tasks(["a", "a", "a", ""], labels, (4,))
    assert (task.subject, task.au) == ("a", 4)
    assert (task.positives.tolist(), task.negatives.tolist()) == ([0], [2])


def task_of(positives: int, negatives: int) -> Task:
    rows = np.random.default_rng(0).permutation(positives + negatives)
    return Task("F001", 12, rows[:positives], rows[positives:])


def test_training_episode_is_balanced_and_disjoint() -> None:
    task = task_of(10, 30)
    episode = draw_training_episode(task, 5, np.random.default_rng(1))
    assert episode.support_targets.tolist() == episode.query_targets.tolist() == [1.0] * 5 + [0.0] * 5
    used = np.concatenate([episode.support, episode.query])
    assert len(set(used.tolist())) == 20
    assert set(episode.support[:5]) | set(episode.query[:5]) == set(task.positives.tolist())
    again = draw_training_episode(task, 5, np.random.default_rng(1))
    assert all(np.array_equal(a, b) for a, b in zip(episode, again, strict=True))


@given(
    positives=st.integers(0, 40),
    negatives=st.integers(0, 40),
    shots=st.integers(1, 6),
    judged=st.integers(1, 12),
)
@settings(max_examples=200, deadline=None)
def test_evaluation_episodes_keep_their_promises(
    positives: int, negatives: int, shots: int, judged: int
) -> None:
    task = task_of(positives, negatives)
    choice = evaluation_tasks([task], shots, judged)
    enough = min(positives, negatives) >= shots + judged
    if not choice.tasks:
        assert not enough
        assert min(positives, negatives) < 2 or positives + negatives < 2 * (shots + judged) or judged < shots
        return
    episode = draw_evaluation_episode(task, shots, judged, np.random.default_rng(2))
    assert (len(episode.support), len(episode.query)) == (2 * shots, 2 * judged)
    assert len(set(np.concatenate([episode.support, episode.query]).tolist())) == 2 * (shots + judged)
    for rows, targets in ((episode.support, episode.support_targets), (episode.query, episode.query_targets)):
        assert set(rows[targets == 1]) <= set(task.positives)
        assert set(rows[targets == 0]) <= set(task.negatives)
        assert 0 < targets.sum() < len(targets)
    assert is_filled(task, shots, judged) == (not enough)
    if enough:
        assert (episode.support_targets.sum(), episode.query_targets.sum()) == (shots, judged)


def test_missing_positives_are_replaced_by_negatives() -> None:
    episode = draw_evaluation_episode(task_of(6, 40), 5, 10, np.random.default_rng(0))
    assert (episode.support_targets.sum(), episode.query_targets.sum()) == (3, 3)


@pytest.mark.parametrize(
    ("positives", "negatives", "reason"),
    [
        (1, 40, "1 pictures show AU12, 2 are needed"),
        (40, 0, "0 pictures do not show AU12, 2 are needed"),
        (8, 12, "20 pictures are labelled, 30 are needed"),
    ],
)
def test_a_task_that_cannot_be_judged_is_left_out(positives: int, negatives: int, reason: str) -> None:
    task = task_of(positives, negatives)
    choice = evaluation_tasks([task], 5, 10)
    assert choice.tasks == ()
    assert choice.skipped == (("F001", 12, reason),)
    with pytest.raises(ValueError, match="AU12 of F001 has too few pictures"):
        draw_evaluation_episode(task_of(8, 12), 5, 10, np.random.default_rng(0))


def episode_stream(
    store: Store, seed: int = 0, rows: np.ndarray | None = None, shots: int = 2
) -> EpisodeStream:
    rows = np.arange(len(store)) if rows is None else rows
    return EpisodeStream(store, rows, aus=AUS, shots=shots, size=32, seed=seed, augmentation=Augmentation())


def test_a_meta_batch_holds_one_balanced_task_of_every_au(au_store: Store) -> None:
    stream = episode_stream(au_store)
    batch = stream.batch(3)
    assert batch.images.shape == (3 * 4 * 2, 3, 32, 32)
    targets = batch.require("action_units")
    assert targets.shape == (24, 1)
    assert targets.view(3, 2, 2, 2).mean(3).tolist() == [[[1.0, 0.0]] * 2] * 3
    for column, (au, part) in enumerate(zip(AUS, range(0, 24, 8), strict=True)):
        rows = batch.index[part : part + 8].numpy()
        assert len(set(rows.tolist())) == 8
        assert len(set(au_store.subjects[rows])) == 1
        truth = au_store.action_units[rows, au_store.aus.index(au)]
        assert np.array_equal(truth, targets[part : part + 8, 0].numpy()), column


def test_meta_batches_depend_on_seed_and_number_alone(au_store: Store) -> None:
    first, again, other = episode_stream(au_store), episode_stream(au_store), episode_stream(au_store, seed=1)
    for k in (4, 0):
        assert torch.equal(first.batch(k).images, again.batch(k).images)
    assert not torch.equal(first.batch(0).index, first.batch(1).index)
    assert not torch.equal(first.batch(0).index, other.batch(0).index)


def test_only_the_given_people_take_part(au_store: Store) -> None:
    held_out = au_store.subjects[0]
    stream = episode_stream(au_store, rows=np.flatnonzero(au_store.subjects != held_out))
    drawn = {person for k in range(20) for person in au_store.subjects[stream.batch(k).index.numpy()]}
    assert drawn == set(au_store.subjects) - {held_out}


def test_more_shots_than_pictures_are_refused(au_store: Store) -> None:
    with pytest.raises(ValueError, match=r"no person .* has 20 pictures with and without"):
        episode_stream(au_store, shots=10)


def test_streams_are_streams(au_store: Store) -> None:
    assert issubclass(EpisodeStream, Stream)
    assert episode_stream(au_store).targets().shape == (len(au_store), 3)
