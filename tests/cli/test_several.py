from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.cli import main, several
from metafacs.data.store import Store

DYING = """
import os, signal
from pathlib import Path
from metafacs.methods.base import OptimizerSpec, Prediction, SingleLossMethod
from metafacs.losses.action_units import action_unit_loss
from metafacs.models.backbones import SMALL
from metafacs.models.networks import BaseNet

class Dying(SingleLossMethod):
    \"\"\"Gets signals once, in the second process.

    Args:
        aus: FACS numbers.
    \"\"\"

    streams = ("au",)

    def __init__(self, aus):
        super().__init__(aus)
        self.network = BaseNet(SMALL.build(), len(aus))

    def optimizers(self):
        return {"base": OptimizerSpec()}

    def losses(self, batches):
        batch = batches["au"]
        return {"loss": action_unit_loss(self.network(batch.images).action_units, batch.action_units).mean()}

    def update(self, batches, step):
        if os.environ.get("RANK") == "1" and step.progress == 0.625 and not Path("dead").exists():
            Path("dead").touch()
            for name in os.environ["FATAL"].split():
                os.kill(os.getpid(), signal.Signals[name])
        return super().update(batches, step)

    def predict(self, images):
        return Prediction.of(self.network(images))
"""


def training(store: Store, folder: Path, checkpoint_every: int) -> list[str]:
    """Return the words of a training of eight iterations, whose method is in the folder."""
    (folder / "dying.py").write_text(DYING, encoding="utf-8")
    words = ["train", "--method", "dying:Dying", "--action_units", str(store.path), "--iterations", "8"]
    words += ["--aus", "[1, 4, 12]", "--batch.au", "8", "--size", "32"]
    return [*words, "--checkpoint_every", str(checkpoint_every)]


def begun_twice(words: list[str], fatal: str, restarts: int) -> subprocess.CompletedProcess[str]:
    """Run a command in two processes, of which the second gets signals once."""
    launch = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    return subprocess.run(
        [sys.executable, "-m", *launch, "--max_restarts", str(restarts), "-m", "metafacs", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "FATAL": fatal},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_killed_process_ends_all_with_its_name_and_a_restart_learns_the_same(
    tmp_path: Path, au_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = training(au_store, tmp_path, checkpoint_every=3)
    done = begun_twice([*words, "--out", "two"], "SIGKILL", restarts=1)
    assert done.returncode == 0, done.stderr
    assert "metafacs train process 0 of 2: process 1 of 2, counted from 0, has ended" in done.stderr
    assert "going on from iteration 3" in done.stdout
    assert done.stdout.count("model: ") == 1
    assert main([*words, "--out", "one"]) == 0
    one, two = (load_checkpoint(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, value in one.weights.items():
        torch.testing.assert_close(two.weights[name], value, rtol=1e-4, atol=1e-6, msg=name)
    assert two.history["loss"] == pytest.approx(one.history["loss"], rel=1e-4)
    assert two.description.more["together"]["processes"] == 2
    assert {path.name for path in Path("two").iterdir()} <= {"model.safetensors", ".metafacs.lock"}


def test_a_process_that_is_told_to_stop_ends_all_at_once_with_a_checkpoint(
    tmp_path: Path, au_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No point of a curve is in sight, and torchrun would not wait for one. Slurm and torchrun tell it each.
    monkeypatch.chdir(tmp_path)
    words = training(au_store, tmp_path, checkpoint_every=100)
    done = begun_twice([*words, "--out", "two"], "SIGTERM SIGTERM", restarts=0)
    assert done.returncode != 0
    assert "stopped at iteration 6; the same command goes on from here" in done.stderr
    assert load_checkpoint(tmp_path / "two" / "checkpoint.safetensors").iteration == 6


def test_other_commands_are_refused_in_several_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main(["methods"])
    assert "only 'train' runs in the processes of torchrun, not 'methods'" in capsys.readouterr().err


def test_devices_start_one_process_each_with_the_same_words(
    au_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", "--method", "single_task", "--action_units", str(au_store.path), "--devices", "2"]
    words += ["--out", str(tmp_path / "run")]
    started: list[list[str]] = []

    def execute(program: str, arguments: list[str]) -> None:
        started.append(arguments)
        raise SystemExit(0)

    monkeypatch.setattr(sys, "argv", ["metafacs", *words])
    monkeypatch.setattr(several.os, "execv", execute)
    with pytest.raises(SystemExit):
        main(words)
    (arguments,) = started
    assert "--nproc_per_node=2" in arguments
    assert arguments[-len(words) - 2 :] == ["-m", "metafacs", *words]
    assert not (tmp_path / "run").exists()
