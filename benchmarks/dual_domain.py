"""Time and memory of one training iteration of the dual-domain method, by part.

Every part is run forwards and backwards on its own, then the whole iteration. Each is also run as it is
usually written: with torch's PReLU (ours is a leaky ReLU on CPUs), and AU branches with a fourth convolution
whose map is averaged afterwards (ours get the average from sums over the convolution's input). All run in
turn, round after round, so that a busy machine slows all of them alike; figures are processor seconds on one
thread, medians over the rounds. Memory is what a part keeps for its backward pass, without the parameters.
Pictures and labels are random numbers: only cost is measured.

Example:
    python benchmarks/dual_domain.py --size 64 --pairs 8 --rounds 7
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from metafacs.batch import Batch
from metafacs.methods.adversarial_separation import discriminator_losses
from metafacs.methods.dual_domain import DualDomain
from metafacs.models.domain_separation import Rounds
from metafacs.models.prelu import SharedPReLU
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
USUAL = "usual "


def make_batches(pairs: int, size: int, aus: int) -> dict[str, Batch]:
    def batch(labels: Tensor | None) -> Batch:
        images = torch.randn(pairs, 3, size, size).contiguous(memory_format=torch.channels_last)
        return Batch(images, action_units=labels, landmarks=torch.rand(pairs, 68, 2) * size)

    return {"source": batch((torch.rand(pairs, aus) < 0.3).float()), "target": batch(None)}


def as_usually_written(method: DualDomain) -> DualDomain:
    """Give the method torch's PReLU, and AU branches whose fourth convolution is computed as a map."""
    for branch in method.joint_network.detector.branches.values():
        assert isinstance(branch, nn.Sequential)
        assert isinstance(branch[-1], nn.Linear)
        channels = branch[-1].in_features
        usual = nn.Conv2d(channels, channels, 3, padding=1)
        usual.load_state_dict(branch[-2].state_dict())
        branch[-2] = nn.Sequential(usual, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for module in list(method.modules()):
        for name, child in module.named_children():
            if isinstance(child, SharedPReLU):
                setattr(module, name, nn.PReLU())
    return method


def make_parts(method: DualDomain, batches: dict[str, Batch]) -> dict[str, Callable[[], None]]:
    source, target = batches.values()
    network, size = method.joint_network, source.images.shape[-1]
    result = method.run(source, target)
    rounds = Rounds(*(tensor.detach() for tensor in result.rounds))
    inputs = rounds.features.clone().requires_grad_()
    step = OptimizerStepper(method.parameter_groups(), method.optimizers(), 1)
    step.start(0)

    def backward(*outputs: Tensor) -> None:
        torch.autograd.backward([output.sum() for output in outputs])

    def play() -> None:
        losses = discriminator_losses(network.discriminators, rounds, result.cells)
        backward(*losses.values())

    return {
        "feature extractors": lambda: backward(network.extract(source.images, target.images)),
        "landmark branches": lambda: backward(*network.landmarks_of(inputs, size).values()),
        "rounds": lambda: backward(*network.separation(inputs)[1:]),
        "AU branches": lambda: backward(network.detector(inputs)),
        "discriminators": play,
        "iteration": lambda: void(method.update(batches, step)),
    }


def void(_: object) -> None:
    """Forget a result."""


def timed(parts: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Return processor seconds per round, the warm-up left out."""
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for turn in range(rounds + 1):
        for name, run in parts.items():
            start = time.process_time()
            run()
            if turn:
                seconds[name].append(time.process_time() - start)
        print(f"round {turn} of {rounds}" + ("" if turn else " (warm-up)"), file=sys.stderr, flush=True)
    return seconds


def kept_bytes(run: Callable[[], None]) -> int:
    """Return the bytes that are kept for the backward passes of one run, each storage counted once."""
    sizes: dict[int, int] = {}
    kept = []

    def pack(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            sizes[storage.data_ptr()] = storage.nbytes()
            # A freed storage could give its address to the next one.
            kept.append(storage)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return sum(sizes.values())


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size", type=int, default=64, help="height and width of the pictures; 176 in the paper"
    )
    parser.add_argument("--pairs", type=int, default=8, help="pairs of pictures per batch; 16 in ADLD")
    parser.add_argument("--aus", type=int, default=6, choices=range(1, len(AUS) + 1), metavar="1..12")
    parser.add_argument("--width", type=int, default=32, help="channels of the first module; 32 in the paper")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)

    torch.manual_seed(0)
    aus = AUS[: options.aus]
    batches = make_batches(options.pairs, options.size, len(aus))
    ours = make_parts(DualDomain(aus, width=options.width).train(), batches)
    usual = make_parts(as_usually_written(DualDomain(aus, width=options.width)).train(), batches)
    both = {**ours, **{USUAL + name: run for name, run in usual.items()}}
    seconds = timed(both, options.rounds)
    memory = {name: kept_bytes(run) / 2**20 for name, run in both.items()}
    print(
        f"\nDual-domain iteration, {options.pairs} pairs of {options.size} px, {options.aus} AUs, width "
        f"{options.width}, {options.rounds} rounds, torch {torch.__version__}"
    )
    print(f"{'':20}{'as usually written':^22}{'ours':^33}{'ours / usual':^22}")
    heads = ("seconds", "kept MiB", "seconds", "/iteration", "kept MiB", "time", "memory")
    print(f"{'':20}" + "".join(f"{head:>11}" for head in heads))
    rows = {}
    for name in ours:
        before = USUAL + name
        row = {
            "usual_seconds": statistics.median(seconds[before]),
            "usual_kept_mib": memory[before],
            "seconds": statistics.median(seconds[name]),
            "to_iteration": median_ratio(seconds[name], seconds["iteration"]),
            "kept_mib": memory[name],
            "time_to_usual": median_ratio(seconds[name], seconds[before]),
            "memory_to_usual": memory[name] / memory[before],
        }
        rows[name] = row
        print(
            f"{name:20}{row['usual_seconds']:11.3f}{row['usual_kept_mib']:11.1f}{row['seconds']:11.3f}"
            f"{row['to_iteration']:11.3f}{row['kept_mib']:11.1f}{row['time_to_usual']:11.3f}"
            f"{row['memory_to_usual']:11.3f}"
        )
    print(
        json.dumps(
            {
                "benchmark": "dual_domain",
                **vars(options),
                "torch": torch.__version__,
                "results": {name: {k: round(v, 6) for k, v in row.items()} for name, row in rows.items()},
            }
        )
    )


def median_ratio(mine: list[float], others: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(mine, others, strict=True))


if __name__ == "__main__":
    main(sys.argv[1:])
