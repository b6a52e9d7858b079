from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from metafacs.checkpoints.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    optimizer_state,
    restore_optimizer,
    save_checkpoint,
)
from metafacs.checkpoints.description import Description, Framing
from metafacs.faces.alignment import AlignmentSpec
from metafacs.methods.few_shot import FewShotLearner
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import SMALL
from metafacs.plugins import PluginError


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    method = SingleTask((1, 12), backbone=SMALL)
    return Checkpoint(
        "single_task",
        {"backbone": "small", "reduction": "sum"},
        (1, 12),
        (),
        method.state_dict(),
        Description(Framing(64, 72, AlignmentSpec()), synthetic=True),
        iteration=7,
        history={"iteration": [7.0], "loss_action_units": [0.5]},
        seconds=1.5,
        random_state=torch.get_rng_state(),
    )


def test_everything_comes_back(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "checkpoint.safetensors"
    save_checkpoint(path, checkpoint)
    loaded = load_checkpoint(path)
    for name in ("method", "options", "aus", "expressions", "description", "iteration", "history", "seconds"):
        assert getattr(loaded, name) == getattr(checkpoint, name), name
    assert torch.equal(loaded.random_state, checkpoint.random_state)
    assert all(torch.equal(loaded.weights[k], v) for k, v in checkpoint.weights.items())
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_optimizer_state_survives_the_file(kind, checkpoint: Checkpoint, tmp_path: Path) -> None:
    parameter = nn.Parameter(torch.ones(3))
    options = {"lr": 0.1, "momentum": 0.9} if kind is torch.optim.SGD else {"lr": 0.1}
    optimizer = kind([parameter], **options)
    parameter.grad = torch.tensor([1.0, 2.0, 3.0])
    optimizer.step()
    checkpoint.optimizers = {"base": optimizer_state(optimizer)}
    save_checkpoint(tmp_path / "c.safetensors", checkpoint)
    copy = nn.Parameter(parameter.detach().clone())
    restored = kind([copy], **options)
    restore_optimizer(restored, load_checkpoint(tmp_path / "c.safetensors").optimizers["base"])
    for p, o in ((parameter, optimizer), (copy, restored)):
        p.grad = torch.tensor([0.5, 0.5, 0.5])
        o.step()
    assert torch.equal(parameter, copy)


def test_finished_model_carries_no_training_state(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.safetensors", checkpoint.finished())
    loaded = load_checkpoint(tmp_path / "model.safetensors")
    assert loaded.random_state is None
    assert loaded.optimizers == {}


def test_truncated_file_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, checkpoint)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="truncated"):
        load_checkpoint(path)


def test_foreign_and_missing_files_are_refused(tmp_path: Path) -> None:
    save_file({"x": torch.ones(1)}, str(tmp_path / "foreign.safetensors"))
    with pytest.raises(CheckpointError, match="not a metafacs checkpoint"):
        load_checkpoint(tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="does not exist"):
        load_checkpoint(tmp_path / "none.safetensors")


def test_wrong_weights_are_refused(checkpoint: Checkpoint) -> None:
    checkpoint.options = {**checkpoint.options, "backbone": "resnet18"}
    with pytest.raises(CheckpointError, match="do not fit"):
        checkpoint.build()
    checkpoint.method = "magic"
    with pytest.raises(PluginError, match="unknown method 'magic'; choose one of"):
        checkpoint.build()


def test_a_model_of_an_earlier_version_is_built(checkpoint: Checkpoint) -> None:
    checkpoint.options = {"backbone": "small", "weights": "faces", "reduction": "sum"}
    method = checkpoint.build()
    assert all(torch.equal(value, checkpoint.weights[name]) for name, value in method.state_dict().items())


def test_what_it_has_to_be_is_checked(checkpoint: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="trained with 'single_task', which is no FewShotLearner"):
        checkpoint.build(FewShotLearner)
