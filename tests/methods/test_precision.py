"""Every method in mixed precision: the same steps as in float32, from the weights of the moment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest
import torch
from torch import Tensor

from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.methods import METHODS
from metafacs.methods.base import Method, OptimizerSpec
from metafacs.training.stepper import OptimizerStepper

CLOSE = (0.99, 0.05)
"""How near to float32 the direction (cosine) and the size of a group's step are."""

ROUGHER = {
    # A double backward whose two gradients are nearly at right angles, on 24 pictures of noise.
    ("l2t_ww", "meta"): (0.75, 0.4),
    # What is left of the gradients of two losses that pull against each other.
    ("dann", "base"): (0.98, 0.15),
    # A generator behind a generator: tens of convolutions in a row.
    ("adld", "generators"): (0.95, 0.05),
    ("dual_domain", "generators"): (0.95, 0.05),
    ("dual_domain", "task"): (0.95, 0.15),
}

SUMMED_IN_HALF = {"adda", "adld", "dual_domain", "mesh_reader"}
"""Methods that use a layer twice in one graph: a copy that is kept sums its gradients in half precision."""

SMALL_STEPS, LARGE_STEPS = 1e-3, 0.05


def bfloat16(*, cached: bool = True) -> AbstractContextManager:
    return torch.autocast("cpu", torch.bfloat16, cache_enabled=cached)


@pytest.fixture
def streams(name: str, au_store: Store, expression_store: Store, compound_store: Store) -> dict[str, Stream]:
    """The streams of the method under test, more pictures to a batch: rounding averages out."""

    def stream(store: Store, name: str, first: int, last: int) -> Stream:
        rows = np.arange(first, last)
        aus = (1, 4, 12) if store.aus else ()
        return Stream(
            store, rows, aus=aus, name=name, batch_size=24, size=32, seed=0, augmentation=Augmentation()
        )

    return {
        "joint": stream(compound_store, "joint", 0, 30),
        "au": stream(au_store, "au", 0, 64),
        "expression": stream(expression_store, "expression", 0, 56),
        "source": stream(au_store, "source", 0, 64),
        "target": stream(expression_store, "target", 0, 56),
        "validation": stream(compound_store, "validation", 30, 40)
        if "joint" in METHODS[name].streams
        else stream(au_store, "validation", 64, 96),
    }


@pytest.fixture
def moved(
    name: str, streams: dict[str, Stream], build: Callable[[str], Method]
) -> Callable[..., dict[str, Tensor]]:
    """Return a function that takes iterations in a precision and returns how far each group went.

    One iteration in float32 goes before: meta nets start at zero, and ADDA with another stage.
    """

    def run(context: Callable[[], AbstractContextManager], count: int, rate: float) -> dict[str, Tensor]:
        method = build(name).train()
        groups = method.parameter_groups()
        step = OptimizerStepper(groups, {group: OptimizerSpec("sgd", rate, 0.0, 0.0) for group in groups}, 2)
        step.start(1)
        method.observe_labels({n: torch.from_numpy(s.targets()) for n, s in streams.items() if s.aus})

        def update(k: int) -> dict[str, Tensor]:
            torch.manual_seed(k)
            return method.update({stream: streams[stream].batch(k) for stream in method.streams}, step)

        update(0)
        before = {group: [p.detach().clone() for p in parameters] for group, parameters in groups.items()}
        for k in range(1, 1 + count):
            with context():
                curves = update(k)
            assert all(value.dtype == torch.float32 for value in curves.values()), curves
        return {
            group: torch.cat(
                [(p.detach() - q).flatten().double() for p, q in zip(parameters, before[group], strict=True)]
            )
            for group, parameters in groups.items()
        }

    return run


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", METHODS)
def test_steps_in_bfloat16_go_where_those_in_float32_go(
    name: str, moved: Callable[..., dict[str, Tensor]], count: int
) -> None:
    exact = moved(nullcontext, count, SMALL_STEPS)
    rounded = moved(bfloat16, count, SMALL_STEPS)
    for group, step in exact.items():
        cosine, size = ROUGHER.get((name, group), CLOSE)
        if (name, group) == ("adda", "source"):
            assert not step.any()  # its stage is over
            continue
        assert torch.cosine_similarity(step, rounded[group], dim=0) > cosine, group
        assert rounded[group].norm() / step.norm() == pytest.approx(1, abs=size), group


@pytest.mark.parametrize("name", METHODS)
def test_nothing_is_computed_with_weights_from_before_a_step(
    name: str, moved: Callable[..., dict[str, Tensor]]
) -> None:
    kept, fresh = (moved(lambda cached=c: bfloat16(cached=cached), 1, LARGE_STEPS) for c in (True, False))
    for group, step in fresh.items():
        if name in SUMMED_IN_HALF:
            assert (kept[group] - step).norm() <= 0.05 * step.norm(), group
        else:
            assert torch.equal(kept[group], step), group


@pytest.mark.parametrize("name", ["mal", "mml"])
def test_meta_nets_learn_between_two_numbers_of_bfloat16(
    name: str, streams: dict[str, Stream], build
) -> None:
    method = build(name).train()
    step = OptimizerStepper(method.parameter_groups(), method.optimizers(), 3)
    for k in range(3):
        step.start(k)
        with bfloat16():
            method.update({stream: streams[stream].batch(k) for stream in method.streams}, step)
    features = method.network(streams["validation"].batch(0).images).features.detach()
    exact = method.weight_net(features)
    with bfloat16():
        weights = method.weight_net(features.bfloat16())
    assert weights.dtype == torch.float32
    assert bool((weights != 0.5).all())
    assert len(weights[:, 0].unique()) > 1
    torch.testing.assert_close(weights - 0.5, exact - 0.5, rtol=0.02, atol=1e-6)
