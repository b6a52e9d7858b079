"""Fitting to a person on painted pictures: what helps is kept, what does not is left, by cross-validation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from metafacs.checkpoints.checkpoint import Checkpoint, CheckpointError, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.faces.alignment import AlignmentSpec
from metafacs.inference.loading import detector_of, load_detector
from metafacs.methods import FEW_SHOT
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import SMALL
from metafacs.personalisation import whole_network
from metafacs.personalisation.person import PersonError, load_person, save_person
from metafacs.personalisation.personalise import assign_folds, personalise

KNOWN = Description(Framing(32, 36, AlignmentSpec()), synthetic=True)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    method = SingleTask((1, 4), backbone=SMALL)
    return Checkpoint("single_task", {"backbone": "small"}, (1, 4), (), method.state_dict(), KNOWN)


@pytest.fixture(scope="module")
def learner() -> Checkpoint:
    torch.manual_seed(0)
    options = {"backbone": "few_shot", "inner_rate": 0.1}
    weights = FEW_SHOT["maml"].build((1, 4), options=options).state_dict()  # type: ignore[arg-type]
    return Checkpoint("maml", options, (1, 4), (), weights, KNOWN)


@pytest.fixture(scope="module")
def pictures(au_store: Store) -> tuple[Tensor, NDArray[np.float32]]:
    """Return two people's painted pictures and their labels of AUs 1, 4 and 12."""
    rows = np.arange(32)
    stream = Stream(au_store, rows, aus=(1, 4, 12), name="p", batch_size=8, size=32, seed=0)
    return stream.at(rows).images, stream.targets()


def test_what_helps_is_kept_and_detects_better(
    checkpoint: Checkpoint, pictures: tuple[Tensor, NDArray[np.float32]]
) -> None:
    images, labels = pictures
    person = personalise(checkpoint, images[:24], labels[:24], (1, 4, 12))
    assert person.aus == (1, 4, 12)
    by_au = {outcome.au: outcome for outcome in person.outcomes}
    assert by_au[12].reason == "new"
    assert by_au[12].balanced[0] is None
    for au in (1, 4):
        before, after = by_au[au].balanced
        assert before is not None
        assert after is not None
        assert after > max(before, 0.8)
    detector = detector_of(checkpoint, "m", person=person)
    assert detector.aus == (1, 4, 12)
    assert detector.thresholds[12] == 0.5
    with torch.no_grad():
        unseen = detector.predictor(images[24:]).probabilities.numpy()
    known = ~np.isnan(labels[24:])
    assert ((unseen >= 0.5) == (labels[24:] == 1))[known].mean() > 0.85


def test_labels_that_say_nothing_keep_the_general_detector(
    checkpoint: Checkpoint, pictures: tuple[Tensor, NDArray[np.float32]]
) -> None:
    images, _ = pictures
    with torch.no_grad():
        own = checkpoint.build().predict(images[:12]).probabilities[:, :1].numpy()
    right = np.where(own >= np.median(own), 1, 0).astype(np.float32)
    fitted = personalise(checkpoint, images[:12], right, (1,), thresholds={1: float(np.median(own))})
    (outcome,) = fitted.outcomes
    assert outcome.balanced[0] == 1.0
    assert not outcome.kept
    assert outcome.reason == "did not help: the general detector stays"
    assert fitted.aus == ()
    assert fitted.tensors == {}


def test_neutral_frames_calibrate_an_au_that_gives_false_alarms(
    checkpoint: Checkpoint, pictures: tuple[Tensor, NDArray[np.float32]]
) -> None:
    images, _ = pictures
    with torch.no_grad():
        own = checkpoint.build().predict(images[:10]).probabilities
    alarming, quiet = int(own[:, 1].mean() > own[:, 0].mean()), 0
    quiet = 1 - alarming
    cut = {checkpoint.aus[alarming]: 0.5, checkpoint.aus[quiet]: 1.0}
    changed = {**checkpoint.weights}
    bias = changed["network.action_units.bias"].clone()
    bias[alarming] += 0.2 - torch.logit(own[:, alarming]).min()
    alarmed = Checkpoint(
        checkpoint.method,
        checkpoint.options,
        (1, 4),
        (),
        {**changed, "network.action_units.bias": bias},
        KNOWN,
    )
    neutral = np.zeros((10, 2), np.float32)
    person = personalise(alarmed, images[:10], neutral, (1, 4), thresholds=cut)
    assert person.aus == (checkpoint.aus[alarming],)
    outcome = person.outcomes[alarming]
    assert outcome.reason == "calibrated"
    assert (outcome.positives, outcome.negatives) == (0, 10)
    assert outcome.accuracy[0] == 0.0
    weight = person.tensors[f"AU{outcome.au}.weight"]
    torch.testing.assert_close(weight, changed["network.action_units.weight"][alarming])
    assert person.tensors[f"AU{outcome.au}.bias"] < bias[alarming]


def test_too_few_labels_are_told(
    checkpoint: Checkpoint, pictures: tuple[Tensor, NDArray[np.float32]]
) -> None:
    labels = np.array([[1, 1, 0], [0, 1, 0], [np.nan, 1, 0]], np.float32)
    person = personalise(checkpoint, pictures[0][:3], labels, (1, 4, 9))
    assert [outcome.kept for outcome in person.outcomes] == [False] * 3
    assert all("too few labels" in outcome.reason for outcome in person.outcomes)


def test_pictures_of_one_moment_count_as_one(
    checkpoint: Checkpoint, pictures: tuple[Tensor, NDArray[np.float32]]
) -> None:
    images, labels = pictures
    rows = np.argsort(labels[:24, 2], kind="stable")[:20]
    given = labels[rows][:, 2:]
    one_moment = np.where(given[:, 0] == 0, 100, np.arange(len(rows)))
    (outcome,) = personalise(checkpoint, images[rows], given, (12,), groups=one_moment).outcomes
    assert not outcome.kept
    assert outcome.negatives == (given == 0).sum() >= 2
    assert "too few labels" in outcome.reason
    (outcome,) = personalise(checkpoint, images[rows], given, (12,)).outcomes
    assert outcome.kept


def test_what_could_not_be_learned_in_a_check_counts_as_wrong(
    checkpoint: Checkpoint, pictures: tuple[Tensor, NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = pictures
    given = labels[:12, 2:]
    together = np.where(given[:, 0] == 0, 0, 1)  # All without the AU in one fold: none to learn from.
    module = "metafacs.personalisation.personalise.assign_folds"
    monkeypatch.setattr(module, lambda table, groups: together)
    (outcome,) = personalise(checkpoint, images[:12], given, (12,)).outcomes
    assert outcome.balanced[1] is not None
    assert outcome.balanced[1] <= 0.5
    assert not outcome.kept


def test_all_weights_can_be_fitted(
    checkpoint: Checkpoint,
    pictures: tuple[Tensor, NDArray[np.float32]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(whole_network, "STEPS", 6)
    images, labels = pictures
    person = personalise(checkpoint, images[:20], labels[:20, :1], (1,), kind="full")
    assert person.aus == (1,)
    save_person(tmp_path / "full.safetensors", person)
    assert (tmp_path / "full.safetensors").stat().st_size > 4e6
    detector = detector_of(checkpoint, "m", person=load_person(tmp_path / "full.safetensors", checkpoint))
    with torch.no_grad():
        found = detector.predictor(images).probabilities
        own = checkpoint.build().predict(images).probabilities
    assert torch.equal(found[:, 1], own[:, 1])
    assert not torch.allclose(found[:, 0], own[:, 0])
    known = ~np.isnan(labels[20:, 0])
    right = (found[20:, 0].numpy() >= 0.5) == (labels[20:, 0] == 1)
    assert right[known].mean() > 0.8


def test_a_few_shot_learner_becomes_a_detector_of_single_frames(
    learner: Checkpoint, pictures: tuple[Tensor, NDArray[np.float32]], tmp_path: Path
) -> None:
    images, labels = pictures
    with pytest.raises(CheckpointError, match="few-shot learner"):
        detector_of(learner, "m")
    person = personalise(learner, images[:10], labels[:10, 2:], (12,), kind="meta_learned")
    assert person.aus == (12,)
    save_person(tmp_path / "me.safetensors", person)
    detector = detector_of(learner, "m", person=load_person(tmp_path / "me.safetensors", learner))
    assert detector.aus == person.aus
    with torch.no_grad():
        together = detector.predictor(images[24:]).probabilities
        alone = torch.cat([detector.predictor(one).probabilities for one in images[24:].split(1)])
    torch.testing.assert_close(together, alone)


def test_a_persons_file_is_small_and_belongs_to_one_model(
    checkpoint: Checkpoint, pictures: tuple[Tensor, NDArray[np.float32]], tmp_path: Path
) -> None:
    images, labels = pictures
    person = personalise(checkpoint, images[:24], labels[:24], (1, 4, 12))
    path, model = tmp_path / "me.safetensors", tmp_path / "model.safetensors"
    save_person(path, person)
    assert path.stat().st_size < 8e3
    loaded = load_person(path, checkpoint)
    assert (loaded.aus, loaded.outcomes, loaded.synthetic) == (person.aus, person.outcomes, True)
    save_checkpoint(model, checkpoint)
    detector = load_detector(model, person=path)
    assert detector.description["person"] == str(path)
    with torch.no_grad():
        expected = detector_of(checkpoint, "m", person=person).predictor(images).probabilities
        torch.testing.assert_close(detector.predictor(images).probabilities, expected)
    weights = {**checkpoint.weights, "network.action_units.bias": torch.ones(2)}
    other = Checkpoint(checkpoint.method, checkpoint.options, (1, 4), (), weights, KNOWN)
    with pytest.raises(PersonError, match=r"another model .* give the model it was made with"):
        load_person(path, other)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: path.write_bytes(path.read_bytes()[:40]), "truncated"),
        (lambda path: save_file(load_file(path), path), "no person's file"),
        (
            lambda path: save_file(
                load_file(path), path, {"metafacs": json.dumps({"format": "metafacs-person-0"})}
            ),
            "metafacs-person-0",
        ),
    ],
)
def test_files_that_are_no_persons_are_refused(
    checkpoint: Checkpoint,
    pictures: tuple[Tensor, NDArray[np.float32]],
    tmp_path: Path,
    spoil: Callable[[Path], object],
    message: str,
) -> None:
    path = tmp_path / "me.safetensors"
    images, labels = pictures
    save_person(path, personalise(checkpoint, images[:24], labels[:24, :1], (1,)))
    spoil(path)
    with pytest.raises(PersonError, match=message):
        load_person(path, checkpoint)


@given(
    labels=st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, float("nan")])] * 3), min_size=1, max_size=30),
    data=st.data(),
)
@settings(max_examples=100, deadline=None)
def test_folds_keep_groups_whole_and_spread_labels(
    labels: list[tuple[float, ...]], data: st.DataObject
) -> None:
    table = np.array(labels, np.float32)
    groups = np.array(data.draw(st.lists(st.integers(0, 8), min_size=len(labels), max_size=len(labels))))
    folds = assign_folds(table, groups)
    assert set(folds) == set(range(min(5, len(set(groups.tolist())))))
    for group in set(groups.tolist()):
        assert len(set(folds[groups == group])) == 1
    alone = assign_folds(table, np.arange(len(table)))
    for column in range(3):
        for kind in (0, 1):
            having = np.bincount(alone[table[:, column] == kind], minlength=min(5, len(table)))
            if having.sum() >= 2 and len(table) > 1:
                assert (having > 0).sum() >= 2
