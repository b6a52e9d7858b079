"""Time and memory of one MAL iteration for every way to the meta gradient.

One iteration is meta-train, meta-test and base-learning on the same batches. Plain multi-task training is the
floor; double backward as it is usually written, in float32, is the reference; `higher` and TorchOpt take part
where they are installed. All run in turn, round after round, so that a busy machine slows all of them alike;
figures are medians of per-round ratios. Peak memory is that of the tensors, measured in one fresh process
each, above what the process holds before. Pictures and labels are random numbers: only cost and agreement are
measured.

Example:
    python benchmarks/hypergradient.py --backbone resnet18 --size 64 --batch 64,64,256 --rounds 5
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from metafacs.hypergradient import ESTIMATORS
from metafacs.hypergradient.problem import BilevelProblem
from metafacs.hypergradient.statistics import frozen_running_statistics
from metafacs.hypergradient.updates import PlainSGD
from metafacs.losses.action_units import action_unit_loss
from metafacs.losses.expression import expression_loss
from metafacs.models.backbones import BACKBONES, Backbone
from metafacs.models.networks import BaseNet, Outputs
from metafacs.models.weight_net import WeightNet

LEARNING_RATE = 0.001
FLOOR, REFERENCE = "multi_task", "textbook_double_backward"


@dataclass
class Setting:
    """Networks and data of one iteration."""

    problem: BilevelProblem
    network: BaseNet
    weight_net: WeightNet
    autocast: Callable[[], Any]

    @property
    def theta(self) -> list[nn.Parameter]:
        """Parameters of the base net."""
        return list(self.network.parameters())


def make_setting(
    options: argparse.Namespace, name: str, size: int | None = None, batch: tuple[int, int, int] | None = None
) -> Setting:
    """Return what the iteration ``name`` works on, always the same; the reference works in float32."""
    torch.manual_seed(0)
    size = size or options.size
    narrow = options.precision == "bfloat16" and name != REFERENCE
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    network = BaseNet(Backbone(options.backbone).build(), 12, 7).to(memory_format=layout)
    weight_net = WeightNet(network.action_units.in_features)
    au, expression, validation = batch or options.batch
    images = torch.randn(au + expression, 3, size, size).contiguous(memory_format=layout)
    validation_images = torch.randn(validation, 3, size, size).contiguous(memory_format=layout)
    targets = (torch.rand(au, 12) < 0.3).float()
    classes = torch.randint(0, 7, (expression,))
    validation_targets = (torch.rand(validation, 12) < 0.3).float()

    def losses(outputs: Outputs) -> Tensor:
        assert outputs.expressions is not None
        first = action_unit_loss(outputs.action_units[:au], targets)
        return torch.cat([first, expression_loss(outputs.expressions[au:], classes)])

    def weights(outputs: Outputs) -> Tensor:
        raw = weight_net(outputs.features.detach()).squeeze(1)
        return raw / raw.sum()

    problem = BilevelProblem(
        network=network,
        images=images,
        losses=losses,
        weights=weights,
        meta_parameters=list(weight_net.parameters()),
        validation_images=validation_images,
        validation_loss=lambda o: action_unit_loss(o.action_units, validation_targets).mean(),
        update=PlainSGD(LEARNING_RATE),
    )

    def autocast() -> Any:
        return torch.autocast("cpu", torch.bfloat16) if narrow else nullcontext()

    return Setting(problem, network, weight_net, autocast)


@torch.no_grad()
def descend(parameters: Sequence[Tensor], gradients: tuple[Tensor, ...]) -> None:
    torch._foreach_add_(list(parameters), list(gradients), alpha=-LEARNING_RATE)


def base_learning(s: Setting, outputs: Outputs, losses: Tensor) -> None:
    with torch.no_grad():
        weights = s.problem.weights(outputs)
    descend(s.theta, torch.autograd.grad((weights * losses).sum(), s.theta))


Gradients = tuple[Tensor, ...]
Iteration = Callable[[Setting], Gradients]


def multi_task(s: Setting) -> Gradients:
    with s.autocast():
        loss = s.problem.losses(s.network(s.problem.images)).mean()
    descend(s.theta, torch.autograd.grad(loss, s.theta))
    return ()


def finish(s: Setting, gradients: Gradients) -> Gradients:
    """Step psi, then base-learning on a forward pass of its own, as published code does."""
    descend(s.problem.meta_parameters, gradients)
    with s.autocast():
        outputs = s.network(s.problem.images)
        losses = s.problem.losses(outputs)
    base_learning(s, outputs, losses)
    return gradients


def textbook_double_backward(s: Setting) -> Gradients:
    """Run the three stages of Algorithm 1 literally, each with its own forward pass."""
    p = s.problem
    with s.autocast(), frozen_running_statistics(s.network):
        outputs = s.network(p.images)
        loss = (p.weights(outputs) * p.losses(outputs)).sum()
        inner = torch.autograd.grad(loss, s.theta, create_graph=True)
        names = [name for name, _ in s.network.named_parameters()]
        displaced = [t - LEARNING_RATE * g for t, g in zip(s.theta, inner, strict=True)]
        moved = functional_call(s.network, dict(zip(names, displaced, strict=True)), (p.validation_images,))
        gradients = torch.autograd.grad(p.validation_loss(moved), list(p.meta_parameters))
    del outputs, loss, inner, displaced, moved
    return finish(s, gradients)


def with_higher(s: Setting) -> Gradients:
    higher = importlib.import_module("higher")
    p = s.problem
    optimizer = torch.optim.SGD(s.network.parameters(), lr=LEARNING_RATE)
    with (
        s.autocast(),
        frozen_running_statistics(s.network),
        higher.innerloop_ctx(s.network, optimizer, copy_initial_weights=False) as (fast, inner),
    ):
        outputs = fast(p.images)
        inner.step((p.weights(outputs) * p.losses(outputs)).sum())
        gradients = torch.autograd.grad(p.validation_loss(fast(p.validation_images)), list(p.meta_parameters))
    del outputs, fast, inner
    return finish(s, gradients)


def with_torchopt(s: Setting) -> Gradients:
    torchopt = importlib.import_module("torchopt")
    p = s.problem
    optimizer = torchopt.MetaSGD(s.network, lr=LEARNING_RATE)
    before = torchopt.extract_state_dict(s.network, by="reference")
    with s.autocast(), frozen_running_statistics(s.network):
        outputs = s.network(p.images)
        optimizer.step((p.weights(outputs) * p.losses(outputs)).sum())
        gradients = torch.autograd.grad(
            p.validation_loss(s.network(p.validation_images)), list(p.meta_parameters)
        )
    torchopt.recover_state_dict(s.network, before)
    del outputs, optimizer, before
    return finish(s, gradients)


def with_estimator(name: str) -> Iteration:
    def iteration(s: Setting) -> Gradients:
        with s.autocast():
            meta = ESTIMATORS[name](s.problem)
        descend(s.problem.meta_parameters, meta.gradients)
        base_learning(s, meta.outputs, meta.losses)
        return meta.gradients

    return iteration


ITERATIONS: dict[str, Iteration] = {
    FLOOR: multi_task,
    REFERENCE: textbook_double_backward,
    "higher": with_higher,
    "torchopt": with_torchopt,
    **{name: with_estimator(name) for name in ESTIMATORS},
}


def is_installed(name: str) -> bool:
    return name not in ("higher", "torchopt") or importlib.util.find_spec(name) is not None


def timed(options: argparse.Namespace, names: list[str]) -> dict[str, list[float]]:
    """Return seconds per round: processor time on one thread, wall-clock time on more."""
    clock = time.process_time if options.threads == 1 else time.perf_counter
    settings = {name: make_setting(options, name) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(options.rounds + 1):
        for name in names:
            start = clock()
            ITERATIONS[name](settings[name])
            if turn:
                seconds[name].append(clock() - start)
        print(
            f"round {turn} of {options.rounds}" + ("" if turn else " (warm-up)"), file=sys.stderr, flush=True
        )
    return seconds


def flat(gradients: Gradients) -> Tensor:
    return torch.cat([g.double().flatten() for g in gradients])


def agreement(options: argparse.Namespace, names: list[str]) -> dict[str, float]:
    """Return the cosine of each meta gradient with float32 double backward from the same start."""
    gradients = {name: flat(ITERATIONS[name](make_setting(options, name))) for name in names if name != FLOOR}
    reference = gradients[REFERENCE]
    return {n: torch.cosine_similarity(mine, reference, dim=0).item() for n, mine in gradients.items()}


def peak_memory(options: argparse.Namespace, name: str) -> float:
    """Return the peak in MiB of one iteration in a fresh process, above what it held before."""
    command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], "--memory-of", name]
    # Every tensor is given back when it is let go of: else the peak is that of holes between them as well.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"measuring the memory of {name} failed:\n{done.stderr}")
    return float(done.stdout.split()[-1])


def resident_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def print_own_peak(options: argparse.Namespace) -> None:
    """Run one iteration and print its peak above the base; warmed up on the smallest batch before."""
    ITERATIONS[options.memory_of](make_setting(options, options.memory_of, 64, (2, 2, 4)))
    setting = make_setting(options, options.memory_of)
    base = resident_bytes("VmRSS")
    # Forget the peak of imports and warm-up; where the kernel forbids it, that peak is a lower bound.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    ITERATIONS[options.memory_of](setting)
    print((resident_bytes("VmHWM") - base) / 2**20)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backbone", choices=BACKBONES, default="resnet18")
    parser.add_argument("--size", type=int, default=64, help="height and width of the pictures")
    parser.add_argument("--batch", default="64,64,256", help="AU, expression and validation pictures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument(
        "--only", default="", help="comma-separated names; default all of: " + ", ".join(ITERATIONS)
    )
    parser.add_argument("--no-memory", action="store_true", help="skip the memory measurement")
    parser.add_argument("--memory-of", choices=ITERATIONS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        au, expression, validation = (int(part) for part in options.batch.split(","))
    except ValueError:
        parser.error(f"--batch takes three numbers such as 64,64,256, not {options.batch!r}")
    options.batch = (au, expression, validation)
    unknown = [name for name in filter(None, options.only.split(",")) if name not in ITERATIONS]
    if unknown:
        parser.error(f"--only does not know {', '.join(unknown)}; choose from {', '.join(ITERATIONS)}")
    return options


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    warnings.filterwarnings("ignore", category=FutureWarning)
    torch.set_num_threads(options.threads)
    if options.memory_of:
        print_own_peak(options)
        return
    known = [name for name in ITERATIONS if options.precision == "float32" or name != "finite_difference"]
    wanted = list(filter(None, options.only.split(","))) or known
    wanted = list(dict.fromkeys([FLOOR, REFERENCE, *wanted]))
    absent = [name for name in wanted if not is_installed(name)]
    names = [name for name in wanted if name not in absent]

    cosines = agreement(options, names)
    seconds = timed(options, names)
    memory = {} if options.no_memory else {name: peak_memory(options, name) for name in names}

    layout = ", channels last" if options.channels_last else ""
    print(
        f"\nOne MAL iteration, {options.backbone}, {options.size} px, batch {options.batch}, "
        f"{options.precision}{layout}, {options.threads} thread(s), {options.rounds} rounds, "
        f"torch {torch.__version__}"
    )
    print(
        f"{'':26}{'seconds':>9}{'/floor':>8}{'/textbook':>11}{'peak MiB':>10}{'/textbook':>11}{'cosine':>12}"
    )
    rows: dict[str, dict[str, float]] = {}
    for name in names:
        row = {
            "seconds": statistics.median(seconds[name]),
            "time_to_floor": median_ratio(seconds[name], seconds[FLOOR]),
            "time_to_textbook": median_ratio(seconds[name], seconds[REFERENCE]),
        }
        text = f"{name:26}{row['seconds']:9.3f}{row['time_to_floor']:8.2f}{row['time_to_textbook']:11.3f}"
        if memory:
            row["peak_mib"] = memory[name]
            row["memory_to_textbook"] = memory[name] / memory[REFERENCE]
            text += f"{row['peak_mib']:10.0f}{row['memory_to_textbook']:11.3f}"
        if name in cosines:
            row["cosine"] = cosines[name]
            text += f"{cosines[name]:12.7f}" if memory else f"{cosines[name]:33.7f}"
        rows[name] = row
        print(text)
    for name in absent:
        print(f"{name:26}  not installed")
    print(
        json.dumps(
            {
                "benchmark": "hypergradient",
                "backbone": options.backbone,
                "size": options.size,
                "batch": options.batch,
                "precision": options.precision,
                "channels_last": options.channels_last,
                "threads": options.threads,
                "rounds": options.rounds,
                "torch": torch.__version__,
                "not_installed": absent,
                "results": {name: {k: round(v, 6) for k, v in row.items()} for name, row in rows.items()},
            }
        )
    )


def median_ratio(mine: list[float], others: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(mine, others, strict=True))


if __name__ == "__main__":
    main(sys.argv[1:])
