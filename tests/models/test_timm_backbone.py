from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.faces.alignment import AlignmentSpec
from metafacs.hub import HubFile
from metafacs.methods.single_task import SingleTask
from metafacs.models import timm_backbone
from metafacs.models.backbones import Backbone
from metafacs.models.initial_weights import describe_weights
from metafacs.models.model_file import CheckpointError
from metafacs.models.timm_backbone import TimmBackbone, TimmModel
from metafacs.plugins import PluginError

timm = pytest.importorskip("timm", reason="needs the extra timm")

NAME = "timm:test_efficientnet"
"""timm's own network for tests: 99,000 parameters, normalised as ImageNet's pictures are."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def published(classes: int = 7) -> nn.Module:
    torch.manual_seed(1)
    return timm.create_model("test_efficientnet", num_classes=classes).eval()


def expected_features(network: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    """Features of pictures in [0, 1], as timm's own transforms and pooling give them."""
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    features: Any = network
    return features.forward_head(features.forward_features((pictures - mean) / deviation), pre_logits=True)


def test_features_are_timms_pooled_ones_of_pictures_normalised_as_timm_says(tmp_path: Path) -> None:
    network = published(1000)
    save_file(network.state_dict(), tmp_path / "timm.safetensors")
    backbone = Backbone(NAME, str(tmp_path / "timm.safetensors")).build().eval()
    pictures = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        features = backbone(2 * pictures - 1)
        torch.testing.assert_close(features, expected_features(network, pictures), rtol=1e-4, atol=1e-5)
    assert features.shape == (2, backbone.feature_width)
    save_file(backbone.state_dict(), tmp_path / "own.safetensors")
    again = Backbone(NAME, str(tmp_path / "own.safetensors")).build().eval()
    with torch.no_grad():
        assert torch.equal(again(pictures), backbone(pictures))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file(published().state_dict(), tmp_path / "timm.safetensors")
    with pytest.raises(ValueError, match="wrong architecture"):
        Backbone("timm:test_resnet", str(tmp_path / "timm.safetensors")).build()
    with pytest.raises(ValueError, match="use pretrained or a file"):
        Backbone(NAME, "imagenet").build()
    with pytest.raises(ValueError, match="is not of timm"):
        Backbone("small", "pretrained").build()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("timm:hf-hub:user/name", "names no network of timm"),
        ("timm:local-dir:/tmp", "names no network of timm"),
        ("timm:", "names no network of timm"),
        ("timm:resnet18dd", "near are resnet18d"),
        ("timm:resnet18d.nobody", "the tag nobody; it has .*ra2_in1k"),
    ],
)
def test_names_that_timm_does_not_have_are_refused(name: str, told: str) -> None:
    with pytest.raises(PluginError, match=told):
        Backbone(name).build()


def test_published_weights_come_from_the_hub_and_are_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, asked = published(1000), []
    save_file(network.state_dict(), tmp_path / "model.safetensors")

    def fetched(repository: str, file: str) -> HubFile:
        asked.append((repository, file))
        return HubFile(repository, "0" * 40, tmp_path / file)

    monkeypatch.setattr(timm_backbone, "fetch", fetched)
    Backbone(NAME).build()
    assert not asked
    backbone = Backbone(NAME, "pretrained").build().eval()
    pictures = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            backbone(2 * pictures - 1), expected_features(network, pictures), rtol=1e-4, atol=1e-5
        )
    told = describe_weights("pretrained", NAME)
    assert asked[0] == ("timm/test_efficientnet.r160_in1k", "model.safetensors")
    assert (told["timm"], told["licence"]) == (timm.__version__, "apache-2.0")
    assert len(str(told["sha256"])) == 16
    assert describe_weights("none", NAME) == {"choice": "none", "sha256": None, "timm": timm.__version__}


def test_without_a_network_published_weights_end_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetched(repository: str, file: str) -> HubFile:
        raise ConnectionError("no network")

    monkeypatch.setattr(timm_backbone, "fetch", fetched)
    with pytest.raises(ConnectionError, match="is named by its path as weights, and weights=none"):
        Backbone(NAME, "pretrained").build()


@pytest.fixture
def checkpoint() -> Checkpoint:
    options = {"backbone": {"name": NAME, "weights": "none"}}
    method = SingleTask.build((1, 4), options=options)
    known = Description(Framing(32, 32, AlignmentSpec()), more={"initial_weights": {"timm": "0.0.1"}})
    return Checkpoint("single_task", options, method.aus, (), method.state_dict(), known)


def test_a_model_file_rebuilds_its_network_with_its_normalisation(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = {
        name: value + 1 if name.endswith("pixel_shift") else value
        for name, value in checkpoint.weights.items()
    }
    save_checkpoint(tmp_path / "model.safetensors", replace(checkpoint, weights=changed))
    monkeypatch.setattr(timm_backbone, "fetch", None)
    backbone = load_checkpoint(tmp_path / "model.safetensors").build(SingleTask).network.backbone
    assert isinstance(backbone, TimmBackbone)
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    torch.testing.assert_close(backbone.pixel_shift, (0.5 - mean) / deviation + 1)


def test_a_model_of_another_version_says_which_one(checkpoint: Checkpoint) -> None:
    weights = {name: value for name, value in checkpoint.weights.items() if "conv_stem" not in name}
    with pytest.raises(CheckpointError, match=r"do not fit .* install timm==0\.0\.1"):
        replace(checkpoint, weights=weights).build()


def test_without_the_package_the_extra_is_named(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    load: Callable[..., Any] = builtins.__import__

    def absent(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "timm":
            raise ModuleNotFoundError("No module named 'timm'", name="timm")
        return load(name, *arguments, **named)

    monkeypatch.delitem(sys.modules, "timm")
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(PluginError, match=r"pip install 'metafacs\[timm\]'"):
        checkpoint.build()


def test_what_virtual_passes_would_break_is_switched_off_or_refused() -> None:
    network = TimmModel("timm:test_vit")().network
    attentions = [module for module in network.modules() if hasattr(module, "fused_attn")]
    assert attentions
    assert not any(module.fused_attn for module in attentions)
    # Only of this network.
    assert any(getattr(module, "fused_attn", False) for module in timm.create_model("test_vit").modules())

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("running_var", torch.ones(3))

    with pytest.raises(ValueError, match="keeps statistics in Own"):
        TimmBackbone(nn.Sequential(Own()), MEAN, DEVIATION)
