from __future__ import annotations

import pytest
import torch
from torch import nn

from metafacs.models.landmark_branch import FeatureExtractor, LandmarkBranches


def shapes_through(network: nn.Module, run) -> list[tuple[str, tuple[int, ...]]]:
    found: list[tuple[str, tuple[int, ...]]] = []

    def note(module: nn.Module, _: object, output: torch.Tensor) -> None:
        if isinstance(module, nn.Linear):
            found.append(("linear", (module.in_features, module.out_features)))
        elif isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            found.append(("convolution", tuple(output.shape[1:])))

    for module in network.modules():
        module.register_forward_hook(note)
    run()
    return found


def test_at_176_px_the_layers_are_those_of_the_paper() -> None:
    extractor, branches = FeatureExtractor(32).eval(), LandmarkBranches(32, ["source"], 49).eval()
    with torch.inference_mode():
        features = extractor(torch.randn(1, 3, 176, 176))
        assert features.shape == (1, 64, 44, 44)
        assert features.abs().max() <= 1
        found = shapes_through(branches, lambda: branches({"source": features}, 176))
    assert found == [
        *[("convolution", (96, 44, 44))] * 2,
        *[("convolution", (128, 22, 22))] * 2,
        *[("convolution", (160, 11, 11))] * 2,
        *[("linear", (160, 10)), ("linear", (10, 160))] * 2,
        ("linear", (4000, 512)),
        ("linear", (512, 98)),
    ]


@pytest.mark.parametrize("side", [32, 64, 100])
def test_smaller_pictures_keep_at_least_five_cells_where_they_have_them(side: int) -> None:
    extractor, branches = FeatureExtractor(4).eval(), LandmarkBranches(4, ["target"], 49).eval()
    with torch.inference_mode():
        features = extractor(torch.randn(2, 3, side, side))
        assert features.shape == (2, 8, side // 4, side // 4)
        found = shapes_through(branches, lambda: branches({"target": features}, side))
    assert min(shape[1] for kind, shape in found if kind == "convolution") >= 5


def test_landmarks_are_pixels_from_the_centre_of_the_picture() -> None:
    branches = LandmarkBranches(4, ["source"], 49).eval()
    head = branches.ends["source"][-1]
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    with torch.no_grad():
        head.bias[:2] = torch.tensor([1.0, -1.0])
    points = branches({"source": torch.randn(1, 8, 16, 16)}, 64)["source"][0]
    assert points[0].tolist() == [63.0, 0.0]
    assert points[1].tolist() == [31.5, 31.5]


def test_the_middle_is_shared_and_seen_once() -> None:
    branches = LandmarkBranches(4, ["source", "target"], 49).train()
    features = {"source": torch.randn(3, 8, 8, 8), "target": torch.randn(2, 8, 8, 8)}
    predicted = branches(features, 32)
    assert {domain: tuple(points.shape) for domain, points in predicted.items()} == {
        "source": (3, 49, 2),
        "target": (2, 49, 2),
    }
    counts = {name: int(b) for name, b in branches.named_buffers() if name.endswith("num_batches_tracked")}
    assert set(counts.values()) == {1}
    middle = list(branches.middle.parameters())
    for domain in features:
        gradients = torch.autograd.grad(predicted[domain].sum(), middle, retain_graph=True)
        assert all(torch.isfinite(g).all() for g in gradients)
        assert sum(float(g.abs().sum()) for g in gradients) > 0


@pytest.mark.parametrize("shape", [(16, 16), (32, 36), (34, 34)])
def test_pictures_that_do_not_fit_are_named(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        FeatureExtractor(4)(torch.zeros(1, 3, *shape))
