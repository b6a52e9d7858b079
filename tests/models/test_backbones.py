from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import fx, nn
from torchvision.transforms import Normalize

from metafacs.hypergradient.recording import traced
from metafacs.models.backbones import BACKBONES, Backbone
from metafacs.plugins import PluginError


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("size", [64, 48])
def test_features_have_the_announced_width(name: str, size: int) -> None:
    backbone = Backbone(name).build()
    features = backbone(torch.randn(2, 3, size, size))
    assert features.shape == (2, backbone.feature_width)
    assert features.isfinite().all()


@pytest.mark.parametrize("name", BACKBONES)
def test_is_traceable_and_keeps_every_activation(name: str) -> None:
    backbone = Backbone(name).build()
    graph = fx.GraphModule(backbone, traced(backbone))
    backbone.eval()
    graph.eval()
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(graph(images), backbone(images))
    assert not any(module.inplace for module in backbone.modules() if isinstance(module, nn.ReLU))


def test_small_backbone_tells_where_a_response_is() -> None:
    torch.manual_seed(0)
    backbone = Backbone("small").build().eval()
    image = torch.zeros(1, 3, 64, 64)
    image[..., 4:12, 4:12] = 1.0
    assert (backbone(image) - backbone(image.roll((40, 40), (2, 3)))).abs().max() > 1e-3


def test_reads_torchvision_state_and_its_own_from_safetensors(tmp_path: Path) -> None:
    source = torchvision.models.resnet18(num_classes=1000)
    save_file(source.state_dict(), tmp_path / "torchvision.safetensors")
    backbone = Backbone("resnet18", str(tmp_path / "torchvision.safetensors")).build()
    torch.testing.assert_close(
        backbone.state_dict()["resnet.layer4.1.conv2.weight"], source.layer4[1].conv2.weight
    )
    save_file(backbone.state_dict(), tmp_path / "own.safetensors")
    again = Backbone("resnet18", str(tmp_path / "own.safetensors")).build()
    for mine, theirs in zip(again.state_dict().values(), backbone.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs)


def published(state: dict[str, torch.Tensor]) -> torchvision.models.ResNet:
    net = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [2, 2, 2, 2])
    net.load_state_dict(state, strict=False)
    return net


def test_pictures_are_normalised_as_the_weights_know_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    pictures = torch.rand(2, 3, 32, 32)
    source = torchvision.models.resnet18().eval()
    source.fc = nn.Identity()
    theirs = source(Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))(pictures))
    state = {name: value.clone() for name, value in source.state_dict().items()}
    monkeypatch.setattr(torchvision.models, "resnet18", lambda weights: published(state))
    ours = Backbone("resnet18", "imagenet").build().eval()
    torch.testing.assert_close(ours(2 * pictures - 1), theirs, rtol=1e-4, atol=1e-4)
    monkeypatch.undo()
    # Weights of faces, such as CASIA-WebFace's, have another classifier.
    for classes in (1000, 10_575):
        save_file({**state, "fc.weight": torch.zeros(classes, 512)}, tmp_path / "weights.safetensors")
        read = Backbone("resnet18", str(tmp_path / "weights.safetensors")).build().eval()
        expected = theirs if classes == 1000 else source(2 * pictures - 1)
        torch.testing.assert_close(read(2 * pictures - 1), expected, rtol=1e-4, atol=1e-4)


def test_small_backbone_reads_its_own_state(tmp_path: Path) -> None:
    backbone = Backbone("small").build()
    save_file(backbone.state_dict(), tmp_path / "small.safetensors")
    again = Backbone("small", str(tmp_path / "small.safetensors")).build()
    torch.testing.assert_close(again.projection[0].weight, backbone.projection[0].weight)


def test_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="choose one of small"):
        Backbone("resnet101").build()
    with pytest.raises(ValueError, match="no ImageNet weights"):
        Backbone("small", "imagenet").build()
    with pytest.raises(FileNotFoundError, match="no weights file"):
        Backbone("small", str(tmp_path / "absent.safetensors")).build()
    (tmp_path / "broken.safetensors").write_bytes(b"not a tensor file")
    with pytest.raises(ValueError, match="not a safetensors file"):
        Backbone("small", str(tmp_path / "broken.safetensors")).build()
    save_file(Backbone("small").build().state_dict(), tmp_path / "small.safetensors")
    with pytest.raises(ValueError, match="wrong architecture"):
        Backbone("resnet18", str(tmp_path / "small.safetensors")).build()
    save_file(Backbone("resnet18").build().state_dict(), tmp_path / "r18.safetensors")
    with pytest.raises(ValueError, match=r"lacks .* wrong architecture"):
        Backbone("resnet34", str(tmp_path / "r18.safetensors")).build()
    state = Backbone("small").build().state_dict()
    state["projection.0.weight"] = torch.zeros(3, 3)
    save_file(state, tmp_path / "shape.safetensors")
    with pytest.raises(ValueError, match="has shape"):
        Backbone("small", str(tmp_path / "shape.safetensors")).build()


def test_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(torchvision.models, "resnet18", fail)
    with pytest.raises(ConnectionError, match="give its path as weights"):
        Backbone("resnet18", "imagenet").build()


def test_a_backbone_of_ones_own_is_named_by_its_module(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own_backbones.py").write_text(
        "from torch import nn\n\n\nclass Flat(nn.Flatten):\n    feature_width = 3 * 8 * 8\n\n\n"
        "class Silent(nn.Flatten):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert Backbone("own_backbones:Flat").build()(torch.zeros(2, 3, 8, 8)).shape == (2, 192)
    with pytest.raises(PluginError, match="feature_width"):
        Backbone("own_backbones:Silent").build()
    for name in ("os:system", "os:sep"):
        with pytest.raises(PluginError, match="is no backbone: give a class or a function that needs no arg"):
            Backbone(name).build()
    with pytest.raises(PluginError, match="own_backbones has no Round"):
        Backbone("own_backbones:Round").build()


def test_short_and_older_forms_are_read() -> None:
    assert Backbone.of("small") == Backbone("small", "none")
    assert Backbone.of({"name": "small", "weights": "faces"}) == Backbone("small", "faces")
    assert Backbone.of({"weights": "x.safetensors"}, Backbone("small")) == Backbone("small", "x.safetensors")
