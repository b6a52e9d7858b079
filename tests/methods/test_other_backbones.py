"""Every method that reads pictures with a backbone works with FaceMesh's trunk and with networks of timm."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from metafacs.analysis.attention import attention_maps
from metafacs.batch import Batch
from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.faces.alignment import AlignmentSpec
from metafacs.facs import EXPRESSIONS
from metafacs.methods import FEW_SHOT, METHODS
from metafacs.methods.base import Method
from metafacs.models.backbones import Backbone
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12)
WITH_BACKBONE = [name for name, kind in METHODS.items() if "backbone" in inspect.signature(kind).parameters]
LOOK_INSIDE = ("mtan", "l2t_ww")
"""Methods that work on the stages of a network."""

TIMM = "timm:test_efficientnet"
NEEDS_TIMM = pytest.mark.skipif(find_spec("timm") is None, reason="needs the extra timm")
BACKBONES = ["facemesh", pytest.param(TIMM, marks=NEEDS_TIMM)]


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("name", WITH_BACKBONE)
def test_every_group_moves_and_the_model_comes_back(
    name: str,
    backbone: str,
    au_store: Store,
    expression_store: Store,
    compound_store: Store,
    small_options: Callable[[str], dict],
    tmp_path: Path,
) -> None:
    joint = "joint" in METHODS[name].streams
    options = {**small_options(name), "backbone": backbone}
    if backbone == TIMM and name in LOOK_INSIDE:
        with pytest.raises(ValueError, match="does not tell its stages; choose"):
            METHODS[name].build(AUS, EXPRESSIONS, options)
        return
    torch.manual_seed(0)
    method = METHODS[name].build(AUS, COMPOUND_EXPRESSIONS[:2] if joint else EXPRESSIONS, options)
    stores = {"joint": compound_store, "expression": expression_store}
    if joint:
        stores["validation"] = compound_store
    batches, labels = {}, {}
    for role in method.streams:
        store = stores.get(role, au_store)
        stream = Stream(
            store,
            np.arange(24),
            aus=AUS if store.aus else (),
            name=role,
            batch_size=4,
            size=32,
            seed=0,
            augmentation=Augmentation(),
        )
        batches[role] = stream.batch(0)
        if stream.aus:
            labels[role] = torch.from_numpy(stream.targets())
    method.observe_labels(labels)
    groups = method.parameter_groups()
    before = {group: [p.detach().clone() for p in parameters] for group, parameters in groups.items()}
    step = OptimizerStepper(groups, method.optimizers(), 1)
    step.start(0)
    curves = method.train().update(batches, step)
    assert all(torch.isfinite(value) for value in curves.values())
    for group, parameters in groups.items():
        assert any(not torch.equal(p, q) for p, q in zip(parameters, before[group], strict=True)), group
    assert all(torch.isfinite(p).all() for p in method.parameters())

    known = Description(Framing(32, 36, AlignmentSpec()))
    saved = Checkpoint(name, options, method.aus, method.expressions, method.state_dict(), known)
    save_checkpoint(tmp_path / "model.safetensors", saved)
    loaded = load_checkpoint(tmp_path / "model.safetensors").build()
    images = batches[method.streams[0]].images
    with torch.inference_mode():
        for mine, theirs in zip(method.eval().predict(images), loaded.predict(images), strict=True):
            assert mine is None or torch.equal(mine, theirs)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("name", FEW_SHOT)
def test_few_shot_learners_adapt_it(name: str, backbone: str) -> None:
    torch.manual_seed(0)
    learner = FEW_SHOT[name].build(AUS, options={"backbone": backbone, "shots": 1})
    images, targets = torch.randn(4, 3, 32, 32), torch.tensor([1.0, 1.0, 0.0, 0.0])
    first, *_, last = learner.adaptation(images, targets, 2)
    assert any(not torch.equal(first[key], last[key]) for key in first)
    statistics = learner.support_statistics(last, images)
    torch.testing.assert_close(
        learner.logits_by_statistics(last, statistics, images[:1]), learner.logits(last, images)[:1]
    )


@pytest.mark.parametrize("backbone", BACKBONES)
def test_it_can_be_asked_where_it_looks(backbone: str) -> None:
    torch.manual_seed(0)
    method = METHODS["single_task"].build(AUS, (), {"backbone": backbone})
    assert isinstance(method, Method)
    assert method.network.backbone.feature_width == Backbone(backbone).build().feature_width  # type: ignore[union-attr]
    maps = attention_maps(method.eval(), torch.randn(2, 3, 64, 64), 12)
    assert maps.shape == (2, 64, 64)
    assert maps.max() <= 1.0


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", ["single_task", "mal", "mml"])
def test_what_is_frozen_stays_and_the_rest_learns(name: str, whole: bool) -> None:
    torch.manual_seed(0)
    method = METHODS[name].build((1, 12), COMPOUND_EXPRESSIONS[:2], {"backbone": "small"}).train()
    backbone = method.network.backbone
    still = backbone if whole else backbone.stages
    still.requires_grad_(False)
    before = {key: value.detach().clone() for key, value in method.named_parameters()}

    def batch() -> Batch:
        labels = {"action_units": torch.tensor([[1.0, 0]] * 4), "expression": torch.tensor([0, 1, 0, 1])}
        return Batch(torch.randn(4, 3, 32, 32), **labels)

    step = OptimizerStepper(method.parameter_groups(), method.optimizers(), 10)
    step.start(0)
    method.update({stream: batch() for stream in method.streams}, step)
    moved = {key for key, value in method.named_parameters() if not torch.equal(value, before[key])}
    assert not {key for key, value in method.named_parameters() if not value.requires_grad} & moved
    assert "network.action_units.weight" in moved
    assert any(key.startswith("network.backbone") for key in moved) != whole


@pytest.mark.parametrize("name", ["maml", "meta_sgd", "anil"])
def test_few_shot_learners_leave_what_is_frozen(name: str) -> None:
    torch.manual_seed(0)
    learner = FEW_SHOT[name].build((1,), options={"backbone": "small", "shots": 2, "second_order": False})
    learner.network.backbone.requires_grad_(False)
    before = {key: value.clone() for key, value in learner.network.backbone.named_parameters()}
    head = learner.network.action_units.weight.detach().clone()
    step = OptimizerStepper(learner.parameter_groups(), learner.optimizers(), 10)
    step.start(0)
    targets = torch.tensor([1.0, 0.0]).repeat(4)[:, None]
    learner.update({"episodes": Batch(torch.randn(8, 3, 32, 32), action_units=targets)}, step)
    assert all(torch.equal(before[key], value) for key, value in learner.network.backbone.named_parameters())
    assert not torch.equal(learner.network.action_units.weight, head)
