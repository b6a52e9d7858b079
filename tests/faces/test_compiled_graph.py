from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone reads)
from torch import Tensor

from metafacs.faces.attention_mesh import load_attention_mesh
from metafacs.faces.compiled_graph import CHUNK
from metafacs.faces.graph_network import GraphNetwork, load_asset


def networks() -> dict[str, GraphNetwork]:
    parts: dict[str, Any] = dict(load_attention_mesh().parts.items())
    return {name: load_asset(name) for name in ("facemesh", "blaze_full", "blaze_back")} | parts


NETWORKS = networks()


def images_for(network: GraphNetwork, count: int) -> Tensor:
    size = network.input_size
    shape = (count, network._input_channels, size, size)
    return torch.rand(shape, generator=torch.Generator().manual_seed(count))


def run(network: GraphNetwork, images: Tensor) -> list[Tensor]:
    with torch.no_grad():
        assert network._can_be_compiled(images)
        outputs: list[Tensor] = network(images)
    return outputs


@pytest.mark.parametrize("name", NETWORKS)
def test_it_gives_what_the_plain_operators_give(name: str) -> None:
    network = NETWORKS[name]
    images = images_for(network, 2)
    # With gradients PyTorch's operators run.
    for fast, plain in zip(run(network, images), network(images), strict=True):
        assert fast.shape == plain.shape
        # Points are pixels; the detectors give logits up to some hundreds.
        torch.testing.assert_close(fast, plain, rtol=2e-6, atol=1e-3 if "blaze" in name else 1e-4)


@pytest.mark.parametrize("name", ["facemesh", "lips"])
def test_an_image_gives_the_same_bits_in_any_company(name: str) -> None:
    images = images_for(NETWORKS[name], CHUNK + 3)
    together = run(NETWORKS[name], images)
    alone = [run(NETWORKS[name], image[None]) for image in images]
    for output, each in zip(together, zip(*alone, strict=True), strict=True):
        assert torch.equal(output, torch.cat(each))


def test_no_map_outlives_its_image() -> None:
    network = NETWORKS["lips"]
    images = images_for(network, 1)
    first = [output.clone() for output in run(network, images)]
    kept = run(network, images)
    run(network, 9 * images_for(network, CHUNK))
    assert all(map(torch.equal, first, kept))
    assert all(map(torch.equal, first, run(network, images)))


def test_a_network_without_images_gives_none() -> None:
    assert [len(output) for output in run(NETWORKS["facemesh"], torch.zeros(0, 3, 192, 192))] == [0, 0]


def test_threads_do_not_meet() -> None:
    network = NETWORKS["lips"]
    images = [images_for(network, count) for count in (1, 2, 3, 4, 5, 6)]
    alone = [run(network, image) for image in images]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda image: run(network, image), images * 5))
    for expected, found in zip(alone * 5, together, strict=True):
        assert all(map(torch.equal, expected, found))


def test_several_threads_give_what_one_gives() -> None:
    network = NETWORKS["lips"]
    images = images_for(network, 3 * CHUNK).requires_grad_()
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = run(network, images)
        torch.set_num_threads(2)
        together = run(network, images)
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, alone, together))
    assert not any(output.requires_grad for output in together)


def test_it_runs_with_and_without_inference_mode_in_any_order() -> None:
    network = copy.deepcopy(NETWORKS["lips"])
    images = images_for(network, 1)
    with torch.inference_mode():
        first = network(images)
    assert all(map(torch.equal, first, run(network, images)))
    with torch.inference_mode():
        assert all(map(torch.equal, first, network(images.clone())))


def test_changed_weights_are_noticed() -> None:
    network = copy.deepcopy(NETWORKS["lips"])
    images = images_for(network, 1)
    before = run(network, images)
    state = {name: 0.5 * weight for name, weight in network.state_dict().items()}
    network.load_state_dict(state)
    after = run(network, images)
    for old, new, plain in zip(before, after, network(images), strict=True):
        assert not torch.equal(old, new)
        torch.testing.assert_close(new, plain, rtol=2e-6, atol=1e-4)
    torch.testing.assert_close(run(NETWORKS["lips"], images), before, rtol=0, atol=0)


def test_other_devices_and_types_keep_the_plain_operators() -> None:
    network = copy.deepcopy(NETWORKS["lips"]).double()
    images = images_for(network, 1).double()
    with torch.no_grad():
        assert not network._can_be_compiled(images)
        assert network(images)[0].dtype == torch.float64
        with torch.autocast("cpu", torch.bfloat16):
            assert not network._can_be_compiled(images.float())


def test_the_loops_can_be_turned_off() -> None:
    network = copy.deepcopy(NETWORKS["lips"])
    network.compiles = False
    with torch.no_grad():
        assert not network._can_be_compiled(images_for(network, 1))
        assert not copy.deepcopy(network).compiles


def test_steps_that_no_loop_does_are_left_to_pytorch() -> None:
    random = torch.Generator().manual_seed(0)

    def convolution(source: int, output: int, name: str, **changes: object) -> dict[str, object]:
        step: dict[str, object] = {"kind": "convolution", "inputs": [source], "output": output}
        step |= {"weight": f"{name}.w", "bias": f"{name}.b", "groups": 1, "stride": [1, 1]}
        return step | {"padding": [1, 1, 1, 1], "activation": "none"} | changes

    steps = [
        convolution(0, 1, "first", activation="relu6"),
        # Two readers, and an odd number of channels.
        convolution(1, 2, "own", groups=5),
        convolution(2, 3, "point", padding=[0, 0, 0, 0]),
        {"kind": "pad_channels", "inputs": [1], "output": 4, "count": 4},
        {"kind": "add", "inputs": [3, 4], "output": 5, "activation": "relu"},
        {"kind": "add", "inputs": [5, 5], "output": 6, "activation": "none"},
        {"kind": "max_pool", "inputs": [6], "output": 7, "kernel": [2, 2], "stride": [2, 2]}
        | {"padding": [0, 0, 0, 0]},
        {"kind": "activation", "inputs": [7], "output": 8, "activation": "relu6"},
    ]
    shapes = {"first": (5, 3, 3, 3), "own": (5, 1, 3, 3), "point": (9, 5, 1, 1)}
    weights = {f"{name}.w": torch.randn(shape, generator=random) for name, shape in shapes.items()}
    weights |= {f"{name}.b": torch.randn(shape[0], generator=random) for name, shape in shapes.items()}
    network = GraphNetwork({"input": 0, "input_size": 6, "outputs": [8, 2], "steps": steps}, weights)
    images = torch.randn(5, 3, 6, 6, generator=random)
    first = F.conv2d(images, weights["first.w"], weights["first.b"], padding=1).clamp(0, 6)
    own = F.conv2d(first, weights["own.w"], weights["own.b"], padding=1, groups=5)
    point = F.conv2d(own, weights["point.w"], weights["point.b"])
    total = 2 * (point + F.pad(first, (0, 0, 0, 0, 0, 4))).relu()
    expected = [F.max_pool2d(total, 2).clamp(0, 6), own]
    for outputs in (run(network, images), network(images)):
        torch.testing.assert_close(outputs, expected, rtol=1e-5, atol=1e-5)
