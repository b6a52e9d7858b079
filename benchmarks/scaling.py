"""What several processes, or GPUs, that share every batch gain: measured for two, simulated for up to 64.

Measured are one iteration of training on random numbers by one process with the whole batch and by two with
half of it each (gloo, one thread each), the exchange of the gradients, and the loading of a batch. One
process and two take turns, round after round; figures are medians. On a machine that has other work, wall
time tells of that work: the ratio of processor seconds, of one process to the busier one of two, tells what
two free cores would gain.

The simulation reads these times, or others that are given, and plays iterations of 1 to 64 processes: each
loads ahead in the background, computes on its part of the batch, waits for the slowest and exchanges
gradients. It is a simulation: no such cluster was measured.

Counted are the floating-point operations of one iteration of the papers' configurations, from which follows
how long a run takes on a device of a given speed: reckoned, not measured.

Example:
    OMP_NUM_THREADS=1 python benchmarks/scaling.py measure --size 112 --batch 64 --rounds 5
    OMP_NUM_THREADS=1 python benchmarks/scaling.py measure --store stores/bp4d --methods mal
    python benchmarks/scaling.py simulate --iteration 0.40 --fixed 0.02 --loading 0.42 --parameters 21.3e6 \
        --bandwidth 20e9 --latency 30e-6 --pictures 384
    OMP_NUM_THREADS=1 python benchmarks/scaling.py count --rate 20
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed, multiprocessing
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from metafacs.batch import Batch
from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.transforms import Augmentation
from metafacs.methods import METHODS
from metafacs.models.synchronised import synchronise
from metafacs.processes import keep_freed_memory
from metafacs.ranks import mean_of_gradients, own_rank
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
NAMES = ("fear", "anger", "joy")
PROCESSES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Paper:
    """One run of a paper's comparison, as its file in ``configs/`` describes it.

    Attributes:
        method: Name of the method.
        options: Of the method.
        size: Height and width of the pictures.
        batch: Stream -> pictures.
        iterations: Of the run.
    """

    method: str
    options: dict[str, object]
    size: int
    batch: dict[str, int]
    iterations: int


_RESNET34: dict[str, object] = {"backbone": "resnet34"}
_FACES = {"au": 64, "expression": 64, "validation": 256}
_COMPOUND = {"joint": 16, "validation": 16}
_PAIRS = {"source": 16, "target": 16}
PAPERS = {
    "mal_bp4d, STL": Paper("single_task", _RESNET34, 224, _FACES, 46_000),
    "mal_bp4d, MTL": Paper("multi_task", _RESNET34, 224, _FACES, 46_000),
    "mal_bp4d, MAL": Paper("mal", _RESNET34, 224, _FACES, 46_000),
    "mml_raf_ce, MML": Paper("mml", _RESNET34, 112, _COMPOUND, 6_800),
    "dual_domain_bp4d": Paper("dual_domain", {"width": 32}, 176, _PAIRS, 75_600),
}
SHARE = 8
"""Part of a paper's batch whose operations are counted; they grow with it."""


def random_batch(count: int, size: int) -> Batch:
    """Return pictures and labels that are random numbers."""
    images = torch.randn(count, 3, size, size).contiguous(memory_format=torch.channels_last)
    return Batch(
        images,
        action_units=(torch.rand(count, len(AUS)) < 0.3).float(),
        expression=torch.randint(0, len(NAMES), (count,)),
        landmarks=torch.rand(count, 68, 2) * size,
    )


class Operations(TorchDispatchMode):
    """Counts multiplications and additions, backwards and along tangents too.

    Attributes:
        total: Of all layers since it was entered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if cost := flop_registry.get(func._overloadpacket):
            self.total += cost(*args, **(kwargs or {}), out_val=result)
        return result


def operations(paper: Paper) -> float:
    """Return the floating-point operations of one iteration."""
    torch.manual_seed(0)
    kind = METHODS[paper.method]
    names = COMPOUND_EXPRESSIONS if "joint" in kind.streams else NAMES
    method = kind.build(AUS, names, paper.options).train()
    step = OptimizerStepper(method.parameter_groups(), method.optimizers(), 1)
    step.start(0)
    batches = {name: random_batch(paper.batch[name] // SHARE, paper.size) for name in method.streams}
    with Operations() as counted:
        method.update(batches, step)
    return float(SHARE * counted.total)


def count(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Print and return what the papers' runs take on a device of a given speed."""
    print(f"reckoned at {options.rate:g} TFLOP per second, computing alone")
    print(f"{'run':20}{'iterations':>11}{'TFLOP / iteration':>19}{'s / iteration':>15}{'hours':>8}")
    rows = {}
    for name, paper in PAPERS.items():
        work = operations(paper) / 1e12
        seconds = work / options.rate
        hours = seconds * paper.iterations / 3600
        rows[name] = {"tflop": work, "seconds": seconds, "hours": hours}
        print(f"{name:20}{paper.iterations:11,}{work:19.3f}{seconds:15.3f}{hours:8.2f}")
    return rows


def measure_here(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return seconds of this process per iteration, wall and processor, and those of an exchange."""
    torch.set_num_threads(1)
    keep_freed_memory()
    rank, found = own_rank(), {}
    for name in options.methods:
        torch.manual_seed(0)
        method = METHODS[name].build(AUS, NAMES, {"backbone": options.backbone}).train()
        if rank.count > 1:
            synchronise(method)
        counts = {"validation": options.validation}
        batches = {
            stream: random_batch(counts.get(stream, options.batch) // rank.count, options.size)
            for stream in method.streams
        }
        step = OptimizerStepper(method.parameter_groups(), method.optimizers(), 1)
        step.start(0)
        method.update(batches, step)
        wall, busy = time.perf_counter(), time.process_time()
        for _ in range(options.iterations):
            method.update(batches, step)
        wall, busy = time.perf_counter() - wall, time.process_time() - busy
        gradients = [torch.zeros_like(parameter) for parameter in method.parameters()]
        began = time.perf_counter()
        for _ in range(options.iterations):
            mean_of_gradients(gradients)
        found[name] = {
            "seconds": wall / options.iterations,
            "processor_seconds": busy / options.iterations,
            "exchange_seconds": (time.perf_counter() - began) / options.iterations,
            "parameters": float(sum(gradient.numel() for gradient in gradients)),
            "pictures": float(sum(map(len, batches.values())) * rank.count),
        }
    return found


def measure_as(number: int, processes: int, folder: str, options: argparse.Namespace) -> None:
    """Measure as one of several processes and write what was found."""
    if processes > 1:
        distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=number, world_size=processes)
    Path(folder, f"{number}.json").write_text(json.dumps(measure_here(options)), encoding="utf-8")
    if processes > 1:
        distributed.destroy_process_group()


def measure_together(processes: int, options: argparse.Namespace) -> list[dict[str, dict[str, float]]]:
    """Return what fresh processes measure, each of itself."""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(measure_as, (processes, folder, options), nprocs=processes)
        return [json.loads(Path(folder, f"{i}.json").read_text("utf-8")) for i in range(processes)]


def loading_seconds(store: Path, size: int, count: int, batches: int) -> float:
    """Return how long one thread loads and augments a batch of a prepared store, pictures decoded anew."""
    opened = Store(store)
    seconds = 0.0
    for k in range(batches):
        # A new stream keeps no pictures.
        stream = Stream(
            opened,
            np.arange(len(opened)),
            aus=(),
            name="au",
            batch_size=count,
            size=size,
            seed=0,
            augmentation=Augmentation(),
        )
        began = time.perf_counter()
        stream.batch(k)
        seconds += time.perf_counter() - began
    return seconds / batches


@dataclass(frozen=True)
class Cluster:
    """What a simulation knows of the work and of the machines; times in seconds.

    Attributes:
        iteration: Of one process with the whole batch.
        fixed: Part of it that does not shrink with the batch.
        loading: Of the whole batch, by the threads of one process.
        parameters: Numbers of four bytes that are exchanged in an iteration.
        exchanges: Small exchanges in an iteration, such as those of batch statistics.
        bandwidth: Bytes per second between neighbours.
        latency: Of one message.
        jitter: Standard deviation of the logarithm of each process's times.
        ahead: Batches that are loaded ahead.
        pictures: Of one iteration, over all processes.
    """

    iteration: float
    fixed: float
    loading: float
    parameters: float
    exchanges: int
    bandwidth: float
    latency: float
    jitter: float
    ahead: int
    pictures: float

    def exchange(self, processes: int) -> float:
        """Return the time of all exchanges of an iteration: gradients in a ring, small ones in a tree."""
        if processes == 1:
            return 0.0
        turns, height = 2 * (processes - 1), math.ceil(math.log2(processes))
        gradients = turns * (4 * self.parameters / processes / self.bandwidth + self.latency)
        return gradients + self.exchanges * 2 * height * self.latency


def simulate(cluster: Cluster, processes: int, iterations: int = 400, seed: int = 0) -> float:
    """Return simulated seconds per iteration of several processes with a part of the batch each."""
    rng = np.random.default_rng(seed)
    jitter = np.exp(cluster.jitter * rng.standard_normal((2, iterations, processes)))
    computing = (cluster.fixed + (cluster.iteration - cluster.fixed) / processes) * jitter[0]
    loading = cluster.loading / processes * jitter[1]
    loaded, begun = np.zeros(processes), np.zeros((iterations, processes))
    ends, end = [], 0.0
    for k in range(iterations):
        # A loader waits until there is room for one more batch.
        room = begun[k - cluster.ahead] if k >= cluster.ahead else 0.0
        loaded = np.maximum(loaded, room) + loading[k]
        begun[k] = np.maximum(end, loaded)
        end = float((begun[k] + computing[k]).max()) + cluster.exchange(processes)
        ends.append(end)
    # The first half fills what is loaded ahead.
    return (ends[-1] - ends[iterations // 2]) / (iterations - 1 - iterations // 2)


def print_simulation(cluster: Cluster) -> list[dict[str, float]]:
    """Print a simulated table, and return its rows."""
    print("simulated, not measured: " + ", ".join(f"{k} {v:g}" for k, v in asdict(cluster).items()))
    print(f"{'processes':>9}{'s / iteration':>15}{'pictures / s':>14}{'of ideal':>10}  bound by")
    rows, alone = [], simulate(cluster, 1)
    for processes in PROCESSES:
        seconds = simulate(cluster, processes)
        parts = {
            "computing": cluster.fixed + (cluster.iteration - cluster.fixed) / processes,
            "loading": cluster.loading / processes,
            "exchange": cluster.exchange(processes),
        }
        row = {
            "processes": processes,
            "seconds": seconds,
            "pictures_per_second": cluster.pictures / seconds,
            "of_ideal": alone / seconds / processes,
        }
        rows.append(row)
        print(
            f"{processes:9}{seconds:15.4f}{row['pictures_per_second']:14.0f}{row['of_ideal']:10.0%}  "
            f"{max(parts, key=parts.__getitem__)}"
        )
    return rows


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Measure one process against two, in turns, and the loading; print both."""
    rounds = [[measure_together(n, options) for n in (1, 2)] for _ in range(options.rounds)]
    print(
        f"\nOne iteration, {options.backbone}, {options.size} px, {options.batch} pictures of every stream, "
        f"{options.validation} of validation, one thread a process, torch {torch.__version__}"
    )
    print(
        f"{'':16}{'one: s':>10}{'two: s':>10}{'gain':>7}{'processor s: one':>18}{'two':>8}{'gain':>7}"
        f"{'exchange ms':>13}"
    )
    rows: dict[str, object] = {}
    for name in options.methods:
        ones = [alone[0][name] for alone, _ in rounds]
        # Of two processes the slower counts.
        twos = [{k: max(each[name][k] for each in both) for k in both[0][name]} for _, both in rounds]
        row = {f"one_{k}": statistics.median(one[k] for one in ones) for k in ones[0]}
        row |= {f"two_{k}": statistics.median(two[k] for two in twos) for k in twos[0]}
        for kind in ("seconds", "processor_seconds"):
            row[f"gain_{kind}"] = statistics.median(
                one[kind] / two[kind] for one, two in zip(ones, twos, strict=True)
            )
        rows[name] = row
        print(
            f"{name:16}{row['one_seconds']:10.3f}{row['two_seconds']:10.3f}{row['gain_seconds']:7.2f}"
            f"{row['one_processor_seconds']:18.3f}{row['two_processor_seconds']:8.3f}"
            f"{row['gain_processor_seconds']:7.2f}{1000 * row['two_exchange_seconds']:13.2f}"
        )
    if options.store:
        seconds = loading_seconds(options.store, options.size, options.batch, options.iterations)
        rows["loading_seconds"] = seconds
        print(f"loading {options.batch} pictures of {options.store.name}: {seconds:.3f} s in one thread")
    return rows


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    own = kinds.add_parser("measure", help="one process against two on this machine")
    own.add_argument("--methods", type=lambda text: text.split(","), default=["multi_task", "mal"])
    own.add_argument("--backbone", default="small")
    own.add_argument("--size", type=int, default=112, help="height and width of the pictures")
    own.add_argument("--batch", type=int, default=64, help="pictures of every stream, over all processes")
    own.add_argument("--validation", type=int, default=64, help="pictures of the stream of that name")
    own.add_argument("--iterations", type=int, default=5, help="per process and round")
    own.add_argument("--rounds", type=int, default=3)
    own.add_argument("--store", type=Path, help="prepared store, to measure the loading too")
    play = kinds.add_parser("simulate", help="up to 64 processes from times that are given")
    play.add_argument("--iteration", type=float, required=True, help="s of one process with the whole batch")
    play.add_argument("--fixed", type=float, default=0.0, help="s of it that do not shrink with the batch")
    play.add_argument("--loading", type=float, default=0.0, help="s to load the whole batch")
    play.add_argument("--parameters", type=float, default=0.0, help="numbers exchanged in an iteration")
    play.add_argument("--exchanges", type=int, default=0, help="small exchanges in an iteration")
    play.add_argument("--bandwidth", type=float, default=20e9, help="bytes per second between neighbours")
    play.add_argument("--latency", type=float, default=30e-6, help="s of one message")
    play.add_argument("--jitter", type=float, default=0.05, help="spread of each process's times")
    play.add_argument("--ahead", type=int, default=2, help="batches that are loaded ahead")
    play.add_argument("--pictures", type=float, default=384, help="of one iteration, over all processes")
    reckon = kinds.add_parser("count", help="operations of the papers' runs, and what they take")
    reckon.add_argument("--rate", type=float, default=20.0, help="10^12 operations that a device does per s")
    options = parser.parse_args(list(arguments))
    given = vars(options)
    kind = given.pop("kind")
    results: object
    if kind == "simulate":
        results = print_simulation(Cluster(**given))
    else:
        results = measure(options) if kind == "measure" else count(options)
    print(json.dumps({"benchmark": "scaling", "kind": kind, "results": results}))


if __name__ == "__main__":
    main(sys.argv[1:])
