from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.data.store import Store
from metafacs.methods import METHODS
from metafacs.methods.base import SingleLossMethod
from metafacs.methods.multi_task import MultiTask
from metafacs.training.computing import Computing, Precision, check_computing, fabric_on
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def switches() -> tuple[bool, bool, bool]:
    networks = torch.backends.cudnn
    return torch.backends.cuda.matmul.allow_tf32, networks.allow_tf32, networks.benchmark


def test_switches_are_as_asked_inside_and_as_before_outside() -> None:
    before = switches()
    with Computing().settings():
        assert switches() == (False, False, False)
        with Computing(tf32=True, cudnn_benchmark=True).settings():
            assert switches() == (True, True, True)
        assert switches() == (False, False, False)
    assert switches() == before


@pytest.mark.parametrize("method", METHODS)
def test_float16_and_compiling_are_for_gpus_and_single_losses(method: str) -> None:
    kind = METHODS[method]
    asked: list[tuple[Precision, Computing]] = [
        ("16-mixed", Computing()),
        ("32-true", Computing(compile=True)),
    ]
    for precision, computing in asked:
        if issubclass(kind, SingleLossMethod):
            check_computing(method, kind, precision, computing, GPU)
        else:
            with pytest.raises(ValueError, match=f"{method}.* differentiates through"):
                check_computing(method, kind, precision, computing, GPU)
    with pytest.raises(ValueError, match="16-mixed is for GPUs; a processor trains in 32-true"):
        check_computing(method, kind, "16-mixed", Computing(), CPU)
    check_computing(method, kind, "bf16-mixed", Computing(tf32=True, channels_last=True), CPU)


def test_a_finite_difference_is_computed_in_float32() -> None:
    def check(estimator: str, precision: Precision, tf32: bool, device: torch.device) -> None:
        check_computing("mal", METHODS["mal"], precision, Computing(tf32=tf32), device, estimator)

    with pytest.raises(ValueError, match=r"TF32.*--computing\.tf32 false"):
        check("finite_difference", "32-true", True, GPU)
    with pytest.raises(ValueError, match="half precision; train with --precision 32-true"):
        check("finite_difference", "bf16-mixed", False, CPU)
    check("finite_difference", "32-true", True, CPU)
    check("finite_difference", "32-true", False, GPU)
    check("tangent", "bf16-mixed", True, GPU)


def test_threads_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"computing\.threads is 0; give a"):
        Computing(threads=0)
    assert "threads" not in Computing(threads=2).told()
    assert Computing(threads=2).told() == Computing().told()


def test_the_record_says_how_it_was_computed(
    tmp_path: Path, au_store: Store, expression_store: Store
) -> None:
    def run(name: str, computing: Computing) -> Path:
        return train(
            "multi_task",
            au_store.path,
            tmp_path / name,
            expression=expression_store.path,
            options={"backbone": "small"},
            aus=[1, 4],
            iterations=3,
            batch=BatchSizes(4, 4, 4),
            size=32,
            computing=computing,
            progress=False,
        )

    last = Computing(tf32=True, channels_last=True)
    usual, other = (load_checkpoint(run(name, how)) for name, how in (("a", Computing()), ("b", last)))
    assert usual.description.more["computing"] == Computing().told()
    assert other.description.more["computing"] == last.told()
    for name, value in usual.weights.items():
        torch.testing.assert_close(other.weights[name], value, rtol=1e-3, atol=1e-5)
    with pytest.raises(ValueError, match=r"computing\.tf32"):
        run("b", replace(last, tf32=False))


def test_compiling_compiles_the_networks_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[torch.nn.Module] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network: compiled.append(network))
    learner = MultiTask.build((1, 4), ("happy", "sad"), {"backbone": "small"})
    names = list(learner.state_dict())
    Computing(compile=True).prepare(learner)
    assert compiled == list(learner.children())
    assert list(learner.state_dict()) == names


def test_fabric_is_of_one_process_on_the_device() -> None:
    fabric = fabric_on(CPU, "bf16-mixed")
    assert (fabric.device, fabric.world_size) == (CPU, 1)
    assert fabric.strategy.precision.precision == "bf16-mixed"
