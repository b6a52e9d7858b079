"""Training of the dual-domain method: its two stages, and what a collapse leaves behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.faces.alignment import AlignmentSpec
from metafacs.methods import METHODS
from metafacs.methods.base import DivergedError, OptimizerSpec
from metafacs.methods.dual_domain import DualDomain
from metafacs.training.run import train
from metafacs.training.trainer import CHECKPOINT_FILE, Trainer, TrainingPlan
from metafacs.training.training_data import BatchSizes
from metafacs.training.transfer import transfer

AUS = (1, 4, 12)
SIDE = 32
KNOWN = Description(Framing(32, 36, AlignmentSpec()))


def stream(store: Store, name: str, aus: tuple[int, ...]) -> Stream:
    return Stream(store, np.arange(48), aus=aus, name=name, batch_size=4, size=SIDE, seed=0)


def trainer(out: Path, au: Store, faces: Store, options: dict[str, object], **plan: int) -> Trainer:
    streams = {"source": stream(au, "source", AUS), "target": stream(faces, "target", ())}
    torch.manual_seed(0)
    method = DualDomain(AUS, **options)  # type: ignore[arg-type]
    return Trainer("dual_domain", method, options, streams, TrainingPlan(**plan), out, KNOWN)  # type: ignore[arg-type]


def test_joint_stage_starts_from_the_landmark_stage(
    tmp_path: Path, au_store: Store, expression_store: Store
) -> None:
    settings: dict = {
        "action_units": au_store.path,
        "target": expression_store.path,
        "aus": list(AUS),
        "size": SIDE,
        "batch": BatchSizes(4, 4, 4),
        "reserve": 0.2,
        "progress": False,
    }
    stage = {"width": 4, "stage": "landmarks"}
    path = train("dual_domain", options=stage, out=tmp_path / "first", iterations=2, **settings)
    landmarks = load_checkpoint(path)
    assert set(landmarks.history) == {"iteration", "loss_landmarks"}
    assert {name.split(".")[1] for name in landmarks.weights} == {"extractors", "branches"}
    with pytest.raises(ValueError, match="stage 'joint'"):
        landmarks.build().predict(torch.zeros(1, 3, SIDE, SIDE))

    # Nothing moves at a rate of zero: the joint model still is what it started from.
    still = {name: OptimizerSpec("sgd", 0.0) for name in DualDomain(AUS, width=4).parameter_groups()}
    path = train(
        "dual_domain",
        options={"width": 4},
        out=tmp_path / "second",
        initialise=path,
        iterations=1,
        optimizers=still,
        **settings,
    )
    joint = load_checkpoint(path)
    for name, value in landmarks.weights.items():
        moves = "running" in name or "num_batches" in name
        assert moves or torch.equal(joint.weights[name], value), name
    told = joint.description.initialised_from
    assert set(told["loaded"]) == {"network.extractors", "network.branches"}  # type: ignore[index]
    assert "network.detector" in told["fresh"]  # type: ignore[index]
    assert joint.build().predict(torch.zeros(1, 3, SIDE, SIDE)).probabilities.shape == (1, 3)


def test_collapse_keeps_the_last_checkpoint(tmp_path: Path, au_store: Store, expression_store: Store) -> None:
    run = trainer(tmp_path, au_store, expression_store, {"width": 4}, iterations=6, checkpoint_every=1)
    update = run.method.update

    def collapse_later(*arguments: object) -> dict[str, Tensor]:
        if run.iteration == 2:
            run.method.watch.levels.zero_()  # type: ignore[union-attr, operator]
            run.method.watch.seen.fill_(10_000)  # type: ignore[union-attr, operator]
        return update(*arguments)  # type: ignore[arg-type]

    run.method.update = collapse_later  # type: ignore[method-assign, assignment]
    with pytest.raises(
        DivergedError, match=r"game of the domains is lost.* at iteration 2; the last checkpoint"
    ):
        run.run(progress=False)
    kept = load_checkpoint(tmp_path / CHECKPOINT_FILE)
    assert kept.iteration == 2
    assert all(torch.isfinite(value).all() for value in kept.weights.values())


@pytest.mark.parametrize(
    ("method", "options", "taken"),
    [
        ("source_only", {}, {"network.extractors"}),
        ("dann", {}, {"network.extractors"}),
        ("adda", {}, {"network.extractors"}),
        ("adld", {}, {"network.extractors"}),
        ("dual_domain", {"landmark_branches": "target"}, {"network.extractors", "network.branches"}),
    ],
)
def test_every_method_of_the_comparison_starts_from_one_landmark_stage(
    tmp_path: Path,
    au_store: Store,
    expression_store: Store,
    method: str,
    options: dict[str, object],
    taken: set[str],
) -> None:
    torch.manual_seed(0)
    run = trainer(tmp_path, au_store, expression_store, {"width": 4, "stage": "landmarks"}, iterations=1)
    path = run.run(progress=False)
    learner = METHODS[method].build(AUS, (), {"width": 4, **options})
    done = transfer(learner, path)
    assert set(done.loaded) == taken
    begun = load_checkpoint(path).weights
    own = learner.state_dict()
    shared = [name for name in own if name in begun]
    assert shared
    assert all(torch.equal(own[name], begun[name]) for name in shared)
    if options:
        assert not [name for name in own if "ends.source" in name]
        assert "network.branches.ends.source" in done.unused
