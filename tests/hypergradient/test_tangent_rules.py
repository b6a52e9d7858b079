"""Each rule against torch's own forward mode, layer by layer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp

from metafacs.hypergradient.tangent_rules import MODULE_RULES
from metafacs.models.grid_pooling import GridPooling

IMAGES, FLAT = (5, 4, 6, 6), (5, 4)
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "conv": (lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1), IMAGES),
    "conv without bias": (lambda: nn.Conv2d(4, 6, 3, dilation=2, bias=False), IMAGES),
    "grouped conv": (lambda: nn.Conv2d(4, 8, 3, groups=2), IMAGES),
    "reflecting conv": (lambda: nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), IMAGES),
    "batch norm": (lambda: nn.BatchNorm2d(4), IMAGES),
    "batch norm, evaluation": (lambda: nn.BatchNorm2d(4).eval(), IMAGES),
    "batch norm without scale": (lambda: nn.BatchNorm2d(4, affine=False), IMAGES),
    "batch norm without statistics": (lambda: nn.BatchNorm2d(4, track_running_stats=False).eval(), IMAGES),
    "batch norm of vectors": (lambda: nn.BatchNorm1d(4), FLAT),
    "batch norm of sequences": (lambda: nn.BatchNorm1d(6), (5, 6, 3)),
    "linear": (lambda: nn.Linear(4, 3), FLAT),
    "linear without bias": (lambda: nn.Linear(4, 3, bias=False), FLAT),
    "relu": (lambda: nn.ReLU(), IMAGES),
    "prelu": (lambda: nn.PReLU(4), IMAGES),
    "prelu with one slope": (lambda: nn.PReLU(), IMAGES),
    "prelu of vectors": (lambda: nn.PReLU(4), FLAT),
    "zero padding": (lambda: nn.ZeroPad2d((0, 1, 2, 0)), IMAGES),
    "zero padding of channels": (lambda: nn.ZeroPad3d((0, 0, 0, 0, 0, 3)), IMAGES),
    "max pool": (lambda: nn.MaxPool2d(3, 2, 1), IMAGES),
    "max pool, ceiling": (lambda: nn.MaxPool2d(4, 3, ceil_mode=True), IMAGES),
    "average pool": (lambda: nn.AvgPool2d(2), IMAGES),
    "adaptive pool": (lambda: nn.AdaptiveAvgPool2d(4), IMAGES),
    "grid pool": (lambda: GridPooling(4), IMAGES),
    "grid pool of a grid": (lambda: GridPooling(6), IMAGES),
    "flatten": (lambda: nn.Flatten(), IMAGES),
    "identity": (lambda: nn.Identity(), IMAGES),
    "dropout, evaluation": (lambda: nn.Dropout(0.5).eval(), IMAGES),
}


def tangents_of(layer: nn.Module) -> dict[str, Tensor]:
    return {name: torch.randn_like(p) for name, p in layer.named_parameters()}


@pytest.mark.parametrize("moving", ["inputs and parameters", "parameters", "inputs"])
@pytest.mark.parametrize("name", LAYERS)
def test_rule_equals_forward_mode(name: str, moving: str) -> None:
    torch.manual_seed(0)
    build, shape = LAYERS[name]
    layer = build().double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    inputs, tangent = torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64)
    directions = tangents_of(layer)
    if moving == "parameters":
        tangent = torch.zeros_like(tangent)
    if moving == "inputs":
        directions = {key: torch.zeros_like(value) for key, value in directions.items()}
    buffers = {key: value.clone() for key, value in layer.named_buffers() if value.is_floating_point()}

    output, push = MODULE_RULES[type(layer)](layer, inputs)
    by_parameter = {p: directions[key] for key, p in layer.named_parameters() if moving != "inputs"}
    with torch.no_grad():
        mine = push(by_parameter.get, None if moving == "parameters" else tangent)

    layer.track_running_stats = False if layer.training else getattr(layer, "track_running_stats", False)  # type: ignore[assignment]
    parameters = {key: p.detach() for key, p in layer.named_parameters()}
    expected, reference = jvp(
        lambda p, x: functional_call(layer, {**p, **buffers}, (x,)),
        (parameters, inputs),
        (directions, tangent),
    )
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(torch.zeros_like(reference) if mine is None else mine, reference)


def test_max_pool_keeps_the_order_of_memory() -> None:
    torch.manual_seed(0)
    inputs, tangent = torch.randn(2, *IMAGES)
    usual = MODULE_RULES[nn.MaxPool2d](nn.MaxPool2d(2), inputs)[1](lambda _: None, tangent)
    last = torch.channels_last
    _, push = MODULE_RULES[nn.MaxPool2d](nn.MaxPool2d(2), inputs.to(memory_format=last))
    for given in (tangent, tangent.to(memory_format=last)):
        found = push(lambda _: None, given)
        assert torch.equal(found, usual)
        assert found.is_contiguous(memory_format=last)


def test_batch_norm_moves_its_statistics_as_the_module_does() -> None:
    for momentum in (0.1, None):
        mine, theirs = nn.BatchNorm2d(4, momentum=momentum), nn.BatchNorm2d(4, momentum=momentum)
        for seed in range(3):
            inputs = torch.randn(IMAGES, generator=torch.Generator().manual_seed(seed))
            MODULE_RULES[nn.BatchNorm2d](mine, inputs)
            theirs(inputs)
        for a, b in zip(mine.buffers(), theirs.buffers(), strict=True):
            torch.testing.assert_close(a, b)


def test_batch_norm_refuses_one_value_per_channel() -> None:
    with pytest.raises(ValueError, match="larger batch"):
        MODULE_RULES[nn.BatchNorm1d](nn.BatchNorm1d(4), torch.randn(1, 4))


def test_dropout_drops_the_same_elements() -> None:
    torch.manual_seed(0)
    inputs = torch.ones(1000)
    output, push = MODULE_RULES[nn.Dropout](nn.Dropout(0.3), inputs)
    torch.testing.assert_close(push(lambda _: None, 2 * inputs), 2 * output)
    assert 0.6 < (output > 0).float().mean() < 0.8


def test_nothing_moves_nothing() -> None:
    for name, (build, shape) in LAYERS.items():
        layer = build()
        _, push = MODULE_RULES[type(layer)](layer, torch.randn(shape))
        assert push(lambda _: None, None) is None, name
