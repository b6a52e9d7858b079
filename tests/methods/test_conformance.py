"""What every entry of METHODS must do; a new method is picked up by its line in the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.faces.alignment import AlignmentSpec
from metafacs.methods import METHODS
from metafacs.methods.base import Method
from metafacs.personalisation.feature_reader import FeatureReader, find_outputs
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12)


Build = Callable[[str], Method]


@pytest.fixture
def streams(name: str, au_store: Store, expression_store: Store, compound_store: Store) -> dict[str, Stream]:
    """The streams of the method under test: of one store with both labels, or of one per label."""

    def stream(store: Store, name: str, rows: range) -> Stream:
        aus = AUS if store.aus else ()
        return Stream(
            store,
            np.array(rows),
            aus=aus,
            name=name,
            batch_size=8,
            size=32,
            seed=0,
            augmentation=Augmentation(),
        )

    if "joint" in METHODS[name].streams:
        return {
            "joint": stream(compound_store, "joint", range(30)),
            "validation": stream(compound_store, "validation", range(30, 40)),
        }
    return {
        "au": stream(au_store, "au", range(64)),
        "validation": stream(au_store, "validation", range(64, 96)),
        "expression": stream(expression_store, "expression", range(56)),
        "source": stream(au_store, "source", range(64)),
        "target": stream(expression_store, "target", range(56)),
    }


def iterate(method: Method, streams: dict[str, Stream], count: int) -> list[dict[str, torch.Tensor]]:
    step = OptimizerStepper(method.parameter_groups(), method.optimizers(), count)
    method.train()
    method.observe_labels({n: torch.from_numpy(s.targets()) for n, s in streams.items() if s.aus})
    curves = []
    for k in range(count):
        step.start(k)
        curves.append(method.update({name: streams[name].batch(k) for name in method.streams}, step))
    return curves


@pytest.mark.parametrize("name", METHODS)
def test_every_group_moves_and_every_curve_is_finite(
    name: str, streams: dict[str, Stream], build: Build
) -> None:
    method = build(name)
    groups = method.parameter_groups()
    grouped = [p for group in groups.values() for p in group]
    assert {id(p) for p in grouped} == {id(p) for p in method.parameters()}
    assert len(grouped) == len({id(p) for p in grouped})
    before = {group: [p.detach().clone() for p in parameters] for group, parameters in groups.items()}
    for curves in iterate(method, streams, 2):
        assert curves
        assert all(
            value.ndim == 0 and torch.isfinite(value) and not value.requires_grad for value in curves.values()
        )
    told = method.diagnostics(32)
    assert {one.curve for one in told} <= curves.keys()
    assert all(one.title and 0 < one.until <= 1 for one in told)
    for group, parameters in groups.items():
        assert any(not torch.equal(p, q) for p, q in zip(parameters, before[group], strict=True)), group
    assert all(torch.isfinite(p).all() for p in method.parameters())


@pytest.mark.parametrize("name", METHODS)
def test_running_statistics_move_at_most_once_per_iteration(
    name: str, streams: dict[str, Stream], build: Build
) -> None:
    method = build(name)
    iterate(method, streams, 3)
    counts = {int(b) for n, b in method.named_buffers() if n.endswith("num_batches_tracked")}
    # Networks that one stage of training holds still move less often.
    assert max(counts) == 3


@pytest.mark.parametrize("name", METHODS)
def test_predictions_are_probabilities(name: str, streams: dict[str, Stream], build: Build) -> None:
    method = build(name).eval()
    with torch.inference_mode():
        images = streams[method.streams[0]].batch(0).images
        probabilities, expressions, intensities, pose = method.predict(images)
        alone = method.predict(images[:1]).probabilities
    assert probabilities.shape == (8, len(method.aus))
    assert bool(((probabilities >= 0) & (probabilities <= 1)).all())
    assert torch.allclose(probabilities[:1], alone, atol=1e-6)
    assert method.aus or method.expressions
    assert (expressions is None) == (method.expressions == ())
    if expressions is not None:
        assert expressions.shape == (8, len(method.expressions))
        assert torch.allclose(expressions.sum(1), torch.ones(8))
    assert (intensities is not None, pose is not None) == (method.gives_intensities, method.gives_pose)
    if intensities is not None:
        assert intensities.shape == probabilities.shape
        assert bool(((intensities >= 0) & (intensities <= 5)).all())
    if pose is not None:
        assert pose.shape == (8, 3)
        assert bool(pose.isfinite().all())


@pytest.mark.parametrize("name", METHODS)
def test_same_seed_same_weights(name: str, streams: dict[str, Stream], build: Build) -> None:
    first, second = build(name), build(name)
    for method in (first, second):
        torch.manual_seed(1)
        iterate(method, streams, 2)
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key]), key


@pytest.mark.parametrize("name", METHODS)
def test_checkpoint_brings_the_same_predictions_back(
    name: str,
    streams: dict[str, Stream],
    build: Build,
    small_options: Callable[[str], dict],
    tmp_path: Path,
) -> None:
    method = build(name)
    iterate(method, streams, 1)
    known = Description(Framing(32, 36, AlignmentSpec()))
    saved = Checkpoint(name, small_options(name), method.aus, method.expressions, method.state_dict(), known)
    save_checkpoint(tmp_path / "model.safetensors", saved)
    loaded = load_checkpoint(tmp_path / "model.safetensors").build()
    images = streams[method.streams[0]].batch(5).images
    method.eval()
    for mine, theirs in zip(method.predict(images), loaded.predict(images), strict=True):
        assert mine is None or torch.equal(mine, theirs)


@pytest.mark.parametrize("name", METHODS)
def test_its_last_layer_is_found_so_that_it_can_be_fitted_to_a_person(name: str, build: Build) -> None:
    method = build(name).eval()
    if not method.aus:
        pytest.skip("detects no action units")
    reader = FeatureReader(method, find_outputs(method, 32))
    with torch.no_grad():
        said, inputs = reader.read(torch.randn(3, 3, 32, 32))
    for column, au in enumerate(AUS):
        weight, bias = reader.weights(au)
        own = (reader.features(inputs, au) @ weight + bias).sigmoid()
        torch.testing.assert_close(own, said.probabilities[:, column])


@pytest.mark.parametrize("name", METHODS)
def test_papers_optimizers_name_the_groups(name: str, build: Build) -> None:
    method = build(name)
    assert set(method.optimizers()) == set(method.parameter_groups())
