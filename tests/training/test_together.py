"""Two processes with half a batch each learn what one process learns with the whole batch."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, multiprocessing, nn

from metafacs.batch import Batch
from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.data.store import Store
from metafacs.data.streams import BatchStream, Stream
from metafacs.data.transforms import Augmentation
from metafacs.facs import EXPRESSIONS
from metafacs.methods import FEW_SHOT, METHODS, find_learner
from metafacs.methods.base import DivergedError
from metafacs.models.synchronised import synchronise
from metafacs.ranks import Rank, mean_over_ranks, own_rank
from metafacs.training import together
from metafacs.training.few_shot import STREAMS
from metafacs.training.stepper import OptimizerStepper
from metafacs.training.together import UnwrappedStrategy, refuse_not_finite, refuse_wrapped, seed_of

ITERATIONS = 3
OPTIONS: dict[str, dict[str, Any]] = {
    # Noise is drawn by each process for its own pictures.
    "mesh_reader": {"point_noise": 0.0, "feature_noise": 0.0},
    "dynamic_weight_average": {"epoch": 1},
    **{name: {"shots": 2} for name in FEW_SHOT},
}
VARIANTS: dict[str, dict[str, Any]] = {
    f"mal {name}": {"estimator": name} for name in ("double_backward", "forward_mode")
}
VARIANTS["mal judged twice"] = {"meta_batches": 2}
"""Methods once more, with other options."""

CASES = (*METHODS, *FEW_SHOT, *VARIANTS)


def streams_of(name: str, stores: dict[str, Store]) -> dict[str, BatchStream]:
    def stream(store: Store, name: str, rows: range, count: int = 8) -> Stream:
        aus = (1, 4, 12) if store.aus else ()
        return Stream(
            store,
            np.array(rows),
            aus=aus,
            name=name,
            batch_size=count,
            size=32,
            seed=0,
            augmentation=Augmentation(brightness=8.0),
        )

    if name in FEW_SHOT:
        (read,) = FEW_SHOT[name].streams
        rows = np.arange(96)
        return {read: STREAMS[read](stores["au"], rows, aus=(1, 4), shots=2, size=32, seed=0)}
    if "joint" in METHODS[name].streams:
        joint = stores["compound"]
        return {
            "joint": stream(joint, "joint", range(30)),
            "validation": stream(joint, "validation", range(30, 40)),
        }
    return {
        "au": stream(stores["au"], "au", range(64)),
        "validation": stream(stores["au"], "validation", range(64, 96), 12),
        "expression": stream(stores["expression"], "expression", range(56), 6),
        "source": stream(stores["au"], "source", range(64)),
        "target": stream(stores["expression"], "target", range(56)),
    }


def in_float64(batch: Batch) -> Batch:
    wide = {
        f.name: value.double()
        for f in fields(batch)
        if isinstance(value := getattr(batch, f.name), Tensor) and value.is_floating_point()
    }
    return replace(batch, **wide)


def learned(case: str, stores: dict[str, Store], options: dict[str, Any]) -> dict[str, Tensor]:
    """Train a method for a few iterations in float64; return its state and its last curves."""
    name = case.partition(" ")[0]
    kind = find_learner(name)
    torch.manual_seed(0)
    expressions = COMPOUND_EXPRESSIONS[:2] if "joint" in kind.streams else EXPRESSIONS
    learner = kind.build((1, 4, 12), expressions, options).double()
    for module in learner.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    rank = own_rank()
    if rank.count > 1 and not kind.normalises_apart:
        synchronise(learner)
    streams = streams_of(name, stores)
    learner.train()
    learner.observe_labels({n: torch.from_numpy(s.targets()) for n, s in streams.items() if s.aus})
    step = OptimizerStepper(learner.parameter_groups(), learner.optimizers(), ITERATIONS)
    for k in range(ITERATIONS):
        step.start(k)
        batches = {n: in_float64(streams[n].batch(k, rank)) for n in learner.streams}
        curves = learner.update(batches, step)
    told = {f"curve {n}": mean_over_ranks(value) for n, value in curves.items()}
    return {n: value.clone() for n, value in {**learner.state_dict(), **told}.items()}


def learn_half(number: int, folder: Path, paths: dict[str, Path], options: dict[str, dict[str, Any]]) -> None:
    """Learn every case as one of two processes, and write what became of it."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=number, world_size=2)
    stores = {name: Store(path) for name, path in paths.items()}
    for case in CASES:
        try:
            result = learned(case, stores, options[case])
        except Exception as error:
            raise AssertionError(f"{case}, process {number}") from error
        save_file({n: value.contiguous() for n, value in result.items()}, folder / f"{case} {number}")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def options(small_options: Callable[[str], dict]) -> dict[str, dict[str, Any]]:
    small = {name: small_options(name) for name in METHODS}
    small |= {name: {"backbone": "small"} for name in FEW_SHOT}
    own = {name: {**small[name], **OPTIONS.get(name, {})} for name in small}
    return {**own, **{case: {**own[case.partition(" ")[0]], **more} for case, more in VARIANTS.items()}}


@pytest.fixture(scope="module")
def stores(au_store: Store, expression_store: Store, compound_store: Store) -> dict[str, Store]:
    return {"au": au_store, "expression": expression_store, "compound": compound_store}


@pytest.fixture(scope="module")
def halves(
    tmp_path_factory: pytest.TempPathFactory, stores: dict[str, Store], options: dict[str, dict[str, Any]]
) -> Path:
    """What two processes have learned with half a batch each: one pair for all methods."""
    folder = tmp_path_factory.mktemp("halves")
    paths = {name: store.path for name, store in stores.items()}
    multiprocessing.spawn(learn_half, (folder, paths, options), nprocs=2)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_two_processes_with_half_a_batch_learn_what_one_learns_with_the_whole(
    case: str, halves: Path, stores: dict[str, Store], options: dict[str, dict[str, Any]]
) -> None:
    whole = learned(case, stores, options[case])
    for number in range(2):
        half = load_file(halves / f"{case} {number}")
        assert half.keys() == whole.keys()
        for name, value in whole.items():
            torch.testing.assert_close(half[name], value, rtol=1e-9, atol=1e-9, msg=f"{case} {number} {name}")


SOURCES = Path(together.__file__).parents[1]


def test_the_package_wraps_no_module() -> None:
    """A gradient of a gradient through DistributedDataParallel is silently wrong."""
    wrappers = {"DistributedDataParallel", "setup_module"}
    for path in SOURCES.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "lightning_fabric" not in text and not any(name in text for name in wrappers):
            continue
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        called = {getattr(call.func, "attr", getattr(call.func, "id", "")) for call in calls}
        # Fabric's own way to wrap is called setup.
        assert not called & {*wrappers, "setup"}, path


def test_a_wrapped_method_is_refused(tmp_path: Path) -> None:
    network = nn.Linear(1, 1)
    with pytest.raises(TypeError, match="leave the method bare"):
        UnwrappedStrategy().setup_module(network)
    distributed.init_process_group("gloo", f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        with pytest.raises(TypeError, match="through DistributedDataParallel is silently wrong"):
            refuse_wrapped(nn.Sequential(nn.parallel.DistributedDataParallel(network)))
    finally:
        distributed.destroy_process_group()
    refuse_wrapped(nn.Sequential(network))


def test_all_processes_end_if_one_has_learned_what_is_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    monkeypatch.setattr(together, "anybody", lambda flag, _: told.append(flag) or True)
    for value, message in ((0.0, "what another process learned holds NaN"), (torch.inf, "weight holds NaN")):
        with pytest.raises(DivergedError, match=message):
            refuse_not_finite({"weight": torch.tensor([value])}, Rank(0, 2), torch.device("cpu"))
    assert told == [False, True]


def test_random_numbers_of_layers_depend_on_seed_process_and_iteration() -> None:
    one = seed_of(1, Rank(0, 2), 5)
    assert one == seed_of(1, Rank(0, 4), 5)
    assert len({one, seed_of(2, Rank(0, 2), 5), seed_of(1, Rank(1, 2), 5), seed_of(1, Rank(0, 2), 6)}) == 4
