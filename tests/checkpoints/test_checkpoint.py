from __future__ import annotations

import os
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
from metafacs.tensor_files import load_tensors, save_tensors


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
        device_random_states={"cuda": torch.arange(16, dtype=torch.uint8)},
        loss_scale=(2.0**15, 7),
    )


def test_everything_comes_back(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "checkpoint.safetensors"
    save_checkpoint(path, checkpoint)
    loaded = load_checkpoint(path)
    for name in ("method", "options", "aus", "expressions", "description", "iteration", "history", "seconds"):
        assert getattr(loaded, name) == getattr(checkpoint, name), name
    assert torch.equal(loaded.random_state, checkpoint.random_state)
    assert list(loaded.device_random_states) == ["cuda"]
    assert loaded.device_random_states["cuda"].tolist() == list(range(16))
    assert loaded.loss_scale == (2.0**15, 7)
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
    assert (loaded.device_random_states, loaded.loss_scale) == ({}, None)
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


def _spoil(weights: dict[str, torch.Tensor], kind: str) -> dict[str, torch.Tensor]:
    name = "network.action_units.bias"
    rest = {key: value for key, value in weights.items() if key != name}
    return {
        "missing": rest,
        "too many": {**weights, "network.tail": torch.ones(1)},
        "shape": {**weights, name: torch.ones(3)},
        "kind": {**weights, name: weights[name].long()},
    }[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "it has no network.action_units.bias"),
        ("too many", "it holds, and the method does not have, network.tail"),
        ("shape", r"it holds \[3\] instead of \[2\] values in network.action_units.bias"),
        ("kind", "it holds numbers of another kind in network.action_units.bias"),
    ],
)
def test_a_weight_that_does_not_fit_is_named(
    checkpoint: Checkpoint, tmp_path: Path, kind: str, message: str
) -> None:
    checkpoint.weights = _spoil(checkpoint.weights, kind)
    save_checkpoint(tmp_path / "m.safetensors", checkpoint)
    with pytest.raises(
        CheckpointError, match=rf"weights of \S+m\.safetensors do not fit .*: {message}; copy"
    ):
        load_checkpoint(tmp_path / "m.safetensors").build()


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("single_task", {"backbone": 7}, "cannot be built: single_task does not take"),
        ("single_task", {"colour": 1}, "has no option colour"),
        ("single_task", {"backbone": "evil"}, "unknown backbone 'evil'"),
        ("mesh_reader", {"width": 10**9}, "cannot be built.* width of MeshReader is 1000000000"),
        ("mesh_reader", {"width": -1}, "cannot be built"),
        ("os:system", {}, "os:system is no method"),
    ],
)
def test_a_header_of_another_model_is_refused_without_its_memory(
    checkpoint: Checkpoint, tmp_path: Path, method: str, options: dict[str, object], message: str
) -> None:
    checkpoint.method, checkpoint.options = method, options
    save_checkpoint(tmp_path / "m.safetensors", checkpoint)
    with pytest.raises(ValueError, match=rf"m\.safetensors.*{message}"):
        load_checkpoint(tmp_path / "m.safetensors").build()


def test_a_damaged_page_is_seen(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, checkpoint)
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    whole = bytearray(path.read_bytes())
    whole[-9000:-4904] = bytes(4096)
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged.*; copy or train it again"):
        load_checkpoint(path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_weights_that_are_not_finite_are_not_saved(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.weights["network.action_units.bias"] = torch.tensor([0.0, float("inf")])
    with pytest.raises(ValueError, match=r"method\.network\.action_units\.bias holds NaN or infinity"):
        save_checkpoint(tmp_path / "m.safetensors", checkpoint)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("state", [{1: {"exp_avg": torch.ones(3)}}, {0: {"exp_avg": torch.ones(2)}}])
def test_what_an_optimiser_remembers_of_another_network_is_refused(
    state: dict[int, dict[str, torch.Tensor]],
) -> None:
    optimizer = torch.optim.Adam([nn.Parameter(torch.ones(3))])
    with pytest.raises(CheckpointError, match=r"parameter \d, exp_avg, is of another network"):
        restore_optimizer(optimizer, state)


@pytest.mark.parametrize(
    ("name", "value"),
    [("optimizer.base.x.step", torch.ones(1)), ("random.state", torch.ones(3)), ("extra", torch.ones(1))],
)
def test_tensors_under_names_that_say_nothing_are_refused(
    checkpoint: Checkpoint, tmp_path: Path, name: str, value: torch.Tensor
) -> None:
    save_checkpoint(tmp_path / "m", checkpoint)
    header, tensors = load_tensors(tmp_path / "m", ValueError, "")
    save_tensors(tmp_path / "m", {**tensors, name: value}, header or {})
    with pytest.raises(CheckpointError, match=r"m holds .*; copy or train it again"):
        load_checkpoint(tmp_path / "m")
