from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import fx, nn

from metafacs.models.backbones import BACKBONES, build_backbone


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("size", [64, 48])
def test_features_have_the_announced_width(name: str, size: int) -> None:
    backbone = build_backbone(name)
    features = backbone(torch.randn(2, 3, size, size))
    assert features.shape == (2, backbone.feature_width)
    assert features.isfinite().all()


@pytest.mark.parametrize("name", BACKBONES)
def test_is_traceable_and_keeps_every_activation(name: str) -> None:
    backbone = build_backbone(name)
    graph = fx.symbolic_trace(backbone)
    backbone.eval()
    graph.eval()
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(graph(images), backbone(images))
    assert not any(module.inplace for module in backbone.modules() if isinstance(module, nn.ReLU))


def test_small_backbone_tells_where_a_response_is() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("small").eval()
    image = torch.zeros(1, 3, 64, 64)
    image[..., 4:12, 4:12] = 1.0
    assert (backbone(image) - backbone(image.roll((40, 40), (2, 3)))).abs().max() > 1e-3


def test_reads_torchvision_state_and_its_own_from_safetensors(tmp_path: Path) -> None:
    source = torchvision.models.resnet18(num_classes=1000)
    save_file(source.state_dict(), tmp_path / "torchvision.safetensors")
    backbone = build_backbone("resnet18", tmp_path / "torchvision.safetensors")
    torch.testing.assert_close(
        backbone.state_dict()["resnet.layer4.1.conv2.weight"], source.layer4[1].conv2.weight
    )
    save_file(backbone.state_dict(), tmp_path / "own.safetensors")
    again = build_backbone("resnet18", str(tmp_path / "own.safetensors"))
    for mine, theirs in zip(again.state_dict().values(), backbone.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_small_backbone_reads_its_own_state(tmp_path: Path) -> None:
    backbone = build_backbone("small")
    save_file(backbone.state_dict(), tmp_path / "small.safetensors")
    again = build_backbone("small", tmp_path / "small.safetensors")
    torch.testing.assert_close(again.projection[0].weight, backbone.projection[0].weight)


def test_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="choose one of small"):
        build_backbone("resnet50")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no ImageNet weights"):
        build_backbone("small", "imagenet")
    with pytest.raises(FileNotFoundError, match="no weights file"):
        build_backbone("small", tmp_path / "absent.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"not a tensor file")
    with pytest.raises(ValueError, match="not a safetensors file"):
        build_backbone("small", tmp_path / "broken.safetensors")
    save_file(build_backbone("small").state_dict(), tmp_path / "small.safetensors")
    with pytest.raises(ValueError, match="wrong architecture"):
        build_backbone("resnet18", tmp_path / "small.safetensors")
    save_file(build_backbone("resnet18").state_dict(), tmp_path / "r18.safetensors")
    with pytest.raises(ValueError, match=r"lacks .* wrong architecture"):
        build_backbone("resnet34", tmp_path / "r18.safetensors")
    state = build_backbone("small").state_dict()
    state["projection.0.weight"] = torch.zeros(3, 3)
    save_file(state, tmp_path / "shape.safetensors")
    with pytest.raises(ValueError, match="has shape"):
        build_backbone("small", tmp_path / "shape.safetensors")


def test_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.error import URLError

    from metafacs.models import backbones

    def fail(**_: object) -> None:
        raise URLError("no network")

    monkeypatch.setitem(backbones._RESNETS, "resnet18", fail)
    with pytest.raises(ConnectionError, match="give its path as weights"):
        build_backbone("resnet18", "imagenet")
