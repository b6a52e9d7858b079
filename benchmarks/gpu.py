"""What a GPU is worth: iterations per second at the paper's size, memory, who waits, and the same results.

**Agreement.** Every method and few-shot learner is trained for three iterations on tiny synthetic twins, on
the processor and on the GPU, from the same weights and batches, in float32. Told is how far the weights end
apart, in parts of the way that they went. Adam makes full steps of gradients that are nothing but rounding,
so that some per cent are no fault; above ``LIMIT`` the benchmark fails.

**Speed.** ``single_task``, ``multi_task`` and ``mal`` with the paper's batch of 64 + 64 + 256 rendered faces,
in float32, with TF32 and in bfloat16: iterations per second with batches that are loaded as in training, and
with one batch over and over. Where the first is much slower, the GPU waits for the loader. Peak memory is
that of the tensors.

Everything takes some minutes on one GPU. With ``--device cpu`` the processor without oneDNN stands in for
the GPU, which tells how far rounding alone leads.

Example:
    python benchmarks/gpu.py
    python benchmarks/gpu.py --parts speed --backbone resnet18 --precisions bfloat16
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from inspect import signature
from itertools import repeat
from pathlib import Path
from typing import Any

import torch

from loading import open_streams, write_store
from metafacs.batch import Batch
from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.data.prepare import prepare
from metafacs.data.splits import choose_split
from metafacs.data.store import Store
from metafacs.data.twins.rendering import render_twin
from metafacs.methods import FEW_SHOT, METHODS, find_learner
from metafacs.models.backbones import Backbone
from metafacs.models.devices import check_device
from metafacs.training.computing import Computing, fabric_on
from metafacs.training.few_shot import FewShotTraining, train_few_shot
from metafacs.training.loading import load_batches, usual_threads
from metafacs.training.run import train
from metafacs.training.stepper import OptimizerStepper
from metafacs.training.trainer import MODEL_FILE
from metafacs.training.training_data import BatchSizes

ITERATIONS = 3
LIMIT = 0.2
"""How far weights may end apart, in parts of the way that they went."""

SMALL: dict[str, object] = {"backbone": "small", "width": 4, "point_noise": 0.0, "feature_noise": 0.0}
"""Options that make methods small, and what they learn no matter of chance."""

AGREEING = (*METHODS, *FEW_SHOT)
TIMED = ("single_task", "multi_task", "mal")
PRECISIONS = ("float32", "tf32", "bfloat16")


def make_stores(folder: Path) -> dict[str, Path]:
    """Render tiny twins and cut their faces out."""
    stores = {}
    for role, dataset in (("au", "bp4d"), ("expression", "raf_db"), ("joint", "raf_ce")):
        render_twin(dataset, folder / dataset, preset="tiny", seed=0, progress=False)
        stores[role] = folder / f"{role}_store"
        prepare(dataset, folder / dataset, stores[role], size=36, progress=False)
    return stores


def options_of(name: str, teacher: Path) -> dict[str, object]:
    """Return options that make a method small, and those that it cannot do without."""
    known = signature(METHODS[name]).parameters
    needed = {"teacher": str(teacher), "teacher_backbone": "small", "matching_steps": 1}
    return {name: value for name, value in {**SMALL, **needed}.items() if name in known}


def trained(name: str, device: str, stores: dict[str, Path], out: Path) -> Path:
    """Train a method or few-shot learner for a few iterations."""
    store = Store(stores["joint" if "joint" in find_learner(name).streams else "au"])
    aus = store.aus[:3]
    if name in FEW_SHOT:
        plan = FewShotTraining(size=32, shots=2, backbone=Backbone("small"))
        everybody = choose_split(store, "everybody")
        return train_few_shot(
            name, store, aus, everybody, plan, out, iterations=ITERATIONS, device=device, progress=False
        )
    teacher = out.parent / "single_task_expression-cpu" / MODEL_FILE
    return train(
        name,
        store.path,
        out,
        aus=list(aus),
        expression=stores["expression"],
        target=stores["expression"],
        split="everybody",
        options=options_of(name, teacher),
        iterations=ITERATIONS,
        size=32,
        batch=BatchSizes(8),
        reserve=0.2,
        accelerator=device,
        progress=False,
    )


def apart(one: Path, other: Path) -> float:
    """Return how far two models' parameters lie apart, in parts of the way of the first from its start."""
    first, second = load_checkpoint(one), load_checkpoint(other)
    torch.manual_seed(first.description.seed)
    start = find_learner(first.method).build(first.aus, first.expressions, first.options)
    way, distance = 0.0, 0.0
    for name, value in start.named_parameters():
        way += float((first.weights[name] - value.detach()).double().square().sum())
        distance += float((first.weights[name] - second.weights[name]).double().square().sum())
    if not way:
        raise SystemExit(f"{first.method} has learned nothing in {ITERATIONS} iterations")
    return (distance / way) ** 0.5


def agreement(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Train every method on both devices; return how far apart they end."""
    stores = make_stores(folder)
    found = {}
    # First the teacher of others.
    for name in sorted(options.methods, key="single_task_expression".__ne__):
        reference = trained(name, "cpu", stores, folder / f"{name}-cpu")
        with ExitStack() as stack:
            if options.device.type == "cpu":
                stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
            other = trained(name, str(options.device), stores, folder / f"{name}-other")
        found[name] = apart(reference, other)
        print(f"{name:26}{found[name]:10.5f}", flush=True)
    return found


@contextmanager
def real_batches(streams: dict[str, Any], count: int, device: torch.device) -> Iterator[Iterator[Any]]:
    """Load batches as training does."""
    with load_batches(streams, range(count), device, threads=usual_threads(device)) as batches:
        yield batches


@contextmanager
def same_batch(streams: dict[str, Any], count: int, device: torch.device) -> Iterator[Iterator[Any]]:
    """Load one batch, and give it again and again."""
    with load_batches(streams, range(1), device) as batches:
        only = next(iter(batches))
    yield repeat(only, count)


def iterations_per_second(
    name: str,
    precision: str,
    streams: dict[str, Any],
    source: Callable[..., Any],
    options: argparse.Namespace,
) -> float:
    """Return how many iterations of a method a second has; the first ones are not counted."""
    device, warm = options.device, 3
    torch.manual_seed(0)
    backbone = {"name": options.backbone, "weights": "none"}
    method = METHODS[name].build((1,), ("neutral",), {"backbone": backbone}).train().to(device)
    step = OptimizerStepper(
        method.parameter_groups(), method.optimizers(), 1, looks_at_once=device.type == "cpu"
    )
    fabric = fabric_on(device, "bf16-mixed" if precision == "bfloat16" else "32-true")
    own = {stream: streams[stream] for stream in method.streams}
    began = 0.0
    with (
        Computing(tf32=precision == "tf32").settings(),
        source(own, warm + options.iterations, device) as batches,
    ):
        for k, batch in enumerate(batches):
            if k == warm:
                wait_for(device)
                began = time.perf_counter()
            step.start(0)
            with fabric.autocast():
                method.update(labelled(batch), step)
        wait_for(device)
    return options.iterations / (time.perf_counter() - began)


def labelled(batches: dict[str, Batch]) -> dict[str, Batch]:
    """Return batches in which every picture has an expression, the only one there is."""
    return {
        name: batch if batch.expression is None else replace(batch, expression=batch.expression.clamp(min=0))
        for name, batch in batches.items()
    }


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def speed(options: argparse.Namespace, folder: Path) -> dict[str, dict[str, float]]:
    """Return iterations per second and peak memory of each method and precision."""
    folder.mkdir()
    write_store(folder, options.pictures, noise=4.0)
    streams = open_streams(folder)
    found: dict[str, dict[str, float]] = {}
    print(f"{'':26}{'loaded /s':>11}{'one batch /s':>14}{'waits':>8}{'peak MiB':>10}")
    for name in options.timed:
        for precision in options.precisions:
            if options.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(options.device)
            loaded, alone = (
                iterations_per_second(name, precision, streams, source, options)
                for source in (real_batches, same_batch)
            )
            row = {"loaded": loaded, "alone": alone, "waits": max(0.0, 1 - loaded / alone)}
            if options.device.type == "cuda":
                row["peak_mib"] = torch.cuda.max_memory_allocated(options.device) / 2**20
            found[f"{name} {precision}"] = row
            print(
                f"{name + ', ' + precision:26}{loaded:11.3f}{alone:14.3f}{row['waits']:8.0%}"
                f"{row.get('peak_mib', float('nan')):10.0f}",
                flush=True,
            )
    return found


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--parts", nargs="+", choices=["agreement", "speed"], default=["agreement", "speed"])
    parser.add_argument("--methods", nargs="+", choices=AGREEING, default=AGREEING, help="of the agreement")
    parser.add_argument("--timed", nargs="+", choices=TIMED, default=TIMED, help="of the speed")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--backbone", default="resnet34")
    parser.add_argument("--iterations", type=int, default=15, help="of each timing")
    parser.add_argument("--pictures", type=int, default=1024, help="in the store")
    options = parser.parse_args(words)
    options.device = check_device(options.device)
    told: dict[str, Any] = {"benchmark": "gpu", "device": str(options.device), "torch": torch.__version__}
    if options.device.type == "cuda":
        told["name"] = torch.cuda.get_device_name(options.device)
    with tempfile.TemporaryDirectory() as temporary:
        if "agreement" in options.parts:
            told["apart"] = agreement(options, Path(temporary))
        if "speed" in options.parts:
            told["speed"] = speed(options, Path(temporary, "faces"))
    print(json.dumps(told))
    if far := [name for name, distance in told.get("apart", {}).items() if not distance <= LIMIT]:
        sys.exit(f"{', '.join(far)} learn something else on {options.device} than on the processor")


if __name__ == "__main__":
    main(sys.argv[1:])
