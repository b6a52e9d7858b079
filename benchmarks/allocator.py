"""What it saves to keep freed memory between iterations, see :func:`metafacs.processes.keep_freed_memory`.

Trains a few methods on random numbers, in a fresh process for each setting, one after the other, round after
round; figures are processor seconds per iteration on one thread, medians over the rounds, and the memory that
the process held at its highest. Both settings compute the same.

Example:
    python benchmarks/allocator.py --size 64 --batch 32 --rounds 3
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from metafacs.batch import Batch
from metafacs.methods import METHODS
from metafacs.processes import keep_freed_memory
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
OPTIONS: dict[str, dict[str, object]] = {
    "multi_task": {"backbone": "small"},
    "mal": {"backbone": "small", "estimator": "tangent_reusing_graph"},
    "dual_domain": {"width": 8},
}
SETTINGS = ("given back", "kept")


def make_iteration(name: str, size: int, count: int) -> Callable[[], object]:
    """Return a function that trains a method for one iteration."""
    torch.manual_seed(0)
    method = METHODS[name].build(AUS, ("fear", "anger"), OPTIONS[name]).train()

    def batch() -> Batch:
        images = torch.randn(count, 3, size, size).contiguous(memory_format=torch.channels_last)
        return Batch(
            images,
            action_units=(torch.rand(count, len(AUS)) < 0.3).float(),
            expression=torch.randint(0, 2, (count,)),
            landmarks=torch.rand(count, 68, 2) * size,
        )

    batches = {stream: batch() for stream in method.streams}
    step = OptimizerStepper(method.parameter_groups(), method.optimizers(), 1)
    step.start(0)
    return lambda: method.update(batches, step)


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Return seconds per iteration and peak memory of this process."""
    torch.set_num_threads(1)
    if options.setting == SETTINGS[1]:
        keep_freed_memory()
    run = make_iteration(options.method, options.size, options.batch)
    run()
    start = time.process_time()
    for _ in range(options.iterations):
        run()
    seconds = (time.process_time() - start) / options.iterations
    return {"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measured_elsewhere(options: argparse.Namespace, method: str, setting: str) -> dict[str, float]:
    """Return the same of a fresh process."""
    words = [sys.executable, str(Path(__file__).resolve()), "--method", method, "--setting", setting]
    for name in ("size", "batch", "iterations"):
        words += [f"--{name}", str(getattr(options, name))]
    found = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    values: dict[str, float] = json.loads(found.stdout)
    return values


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=64, help="height and width of the pictures")
    parser.add_argument("--batch", type=int, default=32, help="pictures of every stream")
    parser.add_argument("--iterations", type=int, default=10, help="iterations per process")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--method", choices=OPTIONS, default=None, help="measure this one in this process")
    parser.add_argument("--setting", choices=SETTINGS, default=SETTINGS[1], help="with --method")
    options = parser.parse_args(arguments)
    if options.method:
        print(json.dumps(measure(options)))
        return

    found: dict[str, dict[str, list[dict[str, float]]]] = {
        method: {setting: [] for setting in SETTINGS} for method in OPTIONS
    }
    for turn in range(options.rounds):
        for method, by_setting in found.items():
            for setting, figures in by_setting.items():
                figures.append(measured_elsewhere(options, method, setting))
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr, flush=True)

    print(
        f"\nOne iteration, {options.size} px, {options.batch} pictures per stream, torch {torch.__version__}"
    )
    print(f"{'freed memory is':20}{'given back':>12}{'kept':>9}{'kept / given back':>19}{'peak MiB':>16}")
    rows = {}
    for method, by_setting in found.items():
        before, after = (by_setting[setting] for setting in SETTINGS)
        row = {
            "given_back_seconds": statistics.median(f["seconds"] for f in before),
            "kept_seconds": statistics.median(f["seconds"] for f in after),
            "ratio": statistics.median(
                a["seconds"] / b["seconds"] for a, b in zip(after, before, strict=True)
            ),
            "given_back_mib": statistics.median(f["mib"] for f in before),
            "kept_mib": statistics.median(f["mib"] for f in after),
        }
        rows[method] = row
        print(
            f"{method:20}{row['given_back_seconds']:12.3f}{row['kept_seconds']:9.3f}{row['ratio']:19.3f}"
            f"{row['given_back_mib']:9.0f}{row['kept_mib']:7.0f}"
        )
    print(
        json.dumps(
            {
                "benchmark": "allocator",
                **{name: getattr(options, name) for name in ("size", "batch", "iterations", "rounds")},
                "torch": torch.__version__,
                "results": {name: {k: round(v, 6) for k, v in row.items()} for name, row in rows.items()},
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
