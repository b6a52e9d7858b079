"""Tasks per second of one MAML meta-gradient: ours against the published algorithm and other libraries.

``learn2learn`` does not build on Python 3.11 and later: its algorithm is written out here (clone the module,
step the clone, call ``backward``). ``higher`` and TorchOpt take part where they are installed. All run in
turn, round after round, so that a busy machine slows all of them alike; figures are medians of per-round
ratios. Before that the gradients of all are compared in float64. Pictures are random numbers: only cost and
agreement are measured.

Example:
    python benchmarks/maml.py --size 64 --tasks 12 --shots 5 --rounds 5
"""

from __future__ import annotations

import argparse
import copy
import importlib
import importlib.util
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from metafacs.batch import Batch
from metafacs.hypergradient.statistics import frozen_running_statistics
from metafacs.methods import FEW_SHOT
from metafacs.methods.few_shot import FewShotLearner
from metafacs.models.backbones import BACKBONES, Backbone

RATE = 0.03
REFERENCE = "learn2learn"


@dataclass
class Setting:
    """A learner and the tasks of one meta-step.

    Attributes:
        learner: Ours; the others use its network.
        batch: Episodes, as the stream gives them.
        half: Pictures per half of an episode.
        steps: Inner steps.
    """

    learner: FewShotLearner
    batch: Batch
    half: int
    steps: int

    def episodes(self) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Return support, its targets, query and its targets of each task, in the usual memory order."""
        images = self.batch.images.contiguous().split(self.half)
        targets = self.batch.require("action_units")[:, 0].split(self.half)
        return list(zip(images[::2], targets[::2], images[1::2], targets[1::2], strict=True))


class Recorder:
    """A stepper that keeps the gradient and changes nothing."""

    def __init__(self) -> None:
        self.found: list[Tensor] = []

    def gradients(self, loss: Tensor, parameters: Sequence[nn.Parameter]) -> tuple[Tensor, ...]:
        """Return the gradient."""
        return torch.autograd.grad(loss, list(parameters))

    def apply(self, gradients: Sequence[Tensor], group: str) -> None:
        """Keep the gradients."""
        self.found = list(gradients)


def make_setting(options: argparse.Namespace, dtype: torch.dtype, order: int) -> Setting:
    torch.manual_seed(0)
    learner = FEW_SHOT["maml"](
        (1,),
        backbone=Backbone(options.backbone),
        shots=options.shots,
        steps=options.steps,  # type: ignore[call-arg]
        second_order=order == 2,
        inner_rate=RATE,
    )
    # From zero, where it starts, the classifier would let hardly any gradient through.
    learner.network.action_units.reset_parameters()
    learner.to(dtype)
    targets = torch.tensor([1.0, 0.0], dtype=dtype).repeat_interleave(options.shots).repeat(2 * options.tasks)
    images = torch.randn(len(targets), 3, options.size, options.size).to(dtype) + targets.view(-1, 1, 1, 1)
    images = images.contiguous(memory_format=torch.channels_last)
    return Setting(learner, Batch(images, action_units=targets[:, None]), 2 * options.shots, options.steps)


def loss_of(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(network(images).action_units[:, 0], targets)


def ours(s: Setting) -> list[Tensor]:
    recorder = Recorder()
    s.learner.update({"episodes": s.batch}, recorder)  # type: ignore[arg-type]
    return recorder.found


def cloned(module: nn.Module) -> nn.Module:
    """Return a copy of a module whose parameters are clones in the graph of the original ones."""
    known = {id(p): p.clone() for p in module.parameters()}
    twin = copy.deepcopy(module, {id(p): p for p in module.parameters()})
    for part in twin.modules():
        for name, parameter in list(part._parameters.items()):
            if parameter is not None:
                del part._parameters[name]
                setattr(part, name, known[id(parameter)])
    return twin


def learn2learn(s: Setting, *, first_order: bool = False) -> list[Tensor]:
    """Do as learn2learn.algorithms.MAML: clone, adapt, backward of the adapted loss."""
    network = s.learner.network.train()
    network.zero_grad()
    names = [name for name, _ in network.named_parameters()]
    with frozen_running_statistics(network):
        for support, known, query, asked in s.episodes():
            clone = cloned(network)
            places = [(clone.get_submodule(n.rpartition(".")[0]), n.rpartition(".")[2]) for n in names]
            for _ in range(s.steps):
                values = [getattr(module, name) for module, name in places]
                slopes = torch.autograd.grad(
                    loss_of(clone, support, known), values, create_graph=not first_order
                )
                for (module, name), value, slope in zip(places, values, slopes, strict=True):
                    setattr(module, name, value - RATE * slope)
            loss_of(clone, query, asked).backward()
    return [p.grad.clone() for p in network.parameters() if p.grad is not None]


def learn2learn_first_order(s: Setting) -> list[Tensor]:
    return learn2learn(s, first_order=True)


def with_higher(s: Setting) -> list[Tensor]:
    higher = importlib.import_module("higher")
    network = s.learner.network.train()
    network.zero_grad()
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
    with frozen_running_statistics(network):
        for support, known, query, asked in s.episodes():
            with higher.innerloop_ctx(network, optimizer, copy_initial_weights=False) as (fast, inner):
                for _ in range(s.steps):
                    inner.step(loss_of(fast, support, known))
                loss_of(fast, query, asked).backward()
    return [p.grad.clone() for p in network.parameters() if p.grad is not None]


def with_torchopt(s: Setting) -> list[Tensor]:
    torchopt = importlib.import_module("torchopt")
    network = s.learner.network.train()
    network.zero_grad()
    parameters = list(network.parameters())
    optimizer = torchopt.MetaSGD(network, lr=RATE)
    with frozen_running_statistics(network):
        for support, known, query, asked in s.episodes():
            before = torchopt.extract_state_dict(network, by="reference")
            state = torchopt.extract_state_dict(optimizer, by="reference")
            for _ in range(s.steps):
                optimizer.step(loss_of(network, support, known))
            loss_of(network, query, asked).backward()
            torchopt.recover_state_dict(network, before)
            torchopt.recover_state_dict(optimizer, state)
    return [p.grad.clone() for p in parameters if p.grad is not None]


class FromMoments(nn.Module):
    """Batch normalisation from mean and variance: through torch's own, nested grad and vmap go wrong."""

    def __init__(self, other: nn.BatchNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = other.weight, other.bias, other.eps

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs with mean 0 and variance 1 per channel, scaled and moved."""
        around = [axis for axis in range(inputs.ndim) if axis != 1]
        variance, mean = torch.var_mean(inputs, around, correction=0, keepdim=True)
        shape = (1, -1, *[1] * (inputs.ndim - 2))
        scale = (variance + self.eps).rsqrt() * self.weight.view(shape)
        return (inputs - mean) * scale + self.bias.view(shape)


def with_vmap(s: Setting) -> list[Tensor]:
    """Batch all tasks with torch.func: one graph, the memory of all tasks at once."""
    network = copy.deepcopy(s.learner.network)
    for name, module in list(network.named_modules()):
        if isinstance(module, _BatchNorm):
            parent, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(parent), leaf, FromMoments(module))  # type: ignore[arg-type]
    parameters = {name: p.detach() for name, p in network.named_parameters()}

    def loss(values: dict[str, Tensor], images: Tensor, targets: Tensor) -> Tensor:
        logits = functional_call(network, values, (images,)).action_units[:, 0]
        return functional.binary_cross_entropy_with_logits(logits, targets)

    def adapted(values: dict[str, Tensor], *episode: Tensor) -> Tensor:
        support, known, query, asked = episode
        for _ in range(s.steps):
            slopes = grad(loss)(values, support, known)
            values = {name: value - RATE * slopes[name] for name, value in values.items()}
        return loss(values, query, asked)

    tasks = [torch.stack(parts) for parts in zip(*s.episodes(), strict=True)]
    found = vmap(grad(adapted), (None, 0, 0, 0, 0))(parameters, *tasks)
    return [value.sum(0) for value in found.values()]


Candidate = Callable[[Setting], list[Tensor]]

CANDIDATES: dict[str, tuple[Candidate, int]] = {
    REFERENCE: (learn2learn, 2),
    "ours": (ours, 2),
    "higher": (with_higher, 2),
    "torchopt": (with_torchopt, 2),
    "vmap": (with_vmap, 2),
    "learn2learn_first_order": (learn2learn_first_order, 1),
    "ours_first_order": (ours, 1),
}
"""Name -> what computes the meta-gradient, and its order."""


def is_installed(name: str) -> bool:
    return name not in ("higher", "torchopt") or importlib.util.find_spec(name) is not None


def flat(gradients: Sequence[Tensor]) -> Tensor:
    return torch.cat([gradient.detach().double().flatten() for gradient in gradients])


def disagreement(options: argparse.Namespace, names: Sequence[str]) -> dict[str, float]:
    """Return the largest relative difference from the algorithm of the same order, in float64."""
    expected = {
        order: flat(learn2learn(make_setting(options, torch.float64, order), first_order=order == 1))
        for order in (1, 2)
    }
    found = {}
    for name in names:
        candidate, order = CANDIDATES[name]
        mine = flat(candidate(make_setting(options, torch.float64, order)))
        found[name] = float((mine - expected[order]).abs().max() / expected[order].abs().max())
    return found


def timed(options: argparse.Namespace, names: Sequence[str]) -> dict[str, list[float]]:
    """Return seconds per round: processor time on one thread, wall-clock time on more."""
    clock = time.process_time if options.threads == 1 else time.perf_counter
    settings = {name: make_setting(options, torch.float32, CANDIDATES[name][1]) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(options.rounds + 1):
        for name in names:
            start = clock()
            CANDIDATES[name][0](settings[name])
            if turn:
                seconds[name].append(clock() - start)
        print(f"round {turn} of {options.rounds}", file=sys.stderr, flush=True)
    return seconds


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backbone", choices=BACKBONES, default="few_shot")
    parser.add_argument("--size", type=int, default=64, help="height and width of the pictures")
    parser.add_argument("--tasks", type=int, default=12, help="tasks per meta-step")
    parser.add_argument("--shots", type=int, default=5, help="pictures of each kind per half of an episode")
    parser.add_argument("--steps", type=int, default=1, help="inner steps")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="comma-separated names of: " + ", ".join(CANDIDATES))
    options = parser.parse_args(arguments)
    unknown = [name for name in filter(None, options.only.split(",")) if name not in CANDIDATES]
    if unknown:
        parser.error(f"--only does not know {', '.join(unknown)}; choose from {', '.join(CANDIDATES)}")
    return options


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    warnings.filterwarnings("ignore", category=FutureWarning)
    torch.set_num_threads(options.threads)
    wanted = list(dict.fromkeys([REFERENCE, *(list(filter(None, options.only.split(","))) or CANDIDATES)]))
    absent = [name for name in wanted if not is_installed(name)]
    names = [name for name in wanted if name not in absent]

    differences = disagreement(argparse.Namespace(**{**vars(options), "tasks": 2}), names)
    seconds = timed(options, names)

    print(
        f"\nMeta-gradient of {options.tasks} tasks, {options.shots} + {options.shots} pictures and as many "
        f"to judge, {options.steps} inner step(s), {options.backbone}, {options.size} px, "
        f"{options.threads} thread(s), {options.rounds} rounds, torch {torch.__version__}"
    )
    print(f"{'':26}{'tasks/s':>10}{'speed':>10}{'difference':>14}")
    rows = {}
    for name in names:
        ratios = [a / b for a, b in zip(seconds[REFERENCE], seconds[name], strict=True)]
        rows[name] = {
            "tasks_per_second": options.tasks / statistics.median(seconds[name]),
            "speed": statistics.median(ratios),
            "difference": differences[name],
        }
        row = rows[name]
        print(f"{name:26}{row['tasks_per_second']:10.2f}{row['speed']:10.2f}{row['difference']:14.1e}")
    for name in absent:
        print(f"{name:26}  not installed")
    print(
        json.dumps(
            {
                "benchmark": "maml",
                **{key: getattr(options, key) for key in ("backbone", "size", "tasks", "shots", "steps")},
                "threads": options.threads,
                "rounds": options.rounds,
                "torch": torch.__version__,
                "not_installed": absent,
                "results": rows,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
