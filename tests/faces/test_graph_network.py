from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from metafacs.faces.graph_network import GraphNetwork, load_asset, load_graph_network
from metafacs.tensor_files import save_tensors

# Values of each output at five places and its mean, by the NHWC interpreter of the unconverted graphs, which
# agrees with LiteRT.
REFERENCES: dict[str, list[tuple[tuple[int, ...], list[int], list[float], float]]] = {
    "blaze_full": [
        (
            (1, 2304, 16),
            [0, 5266, 12288, 18432, 36863],
            [-3.06436, 21.98032, -2.43449, -2.79105, -4.68739],
            1.66455,
        ),
        (
            (1, 2304, 1),
            [0, 329, 768, 1152, 2303],
            [-6.33346, -2.18208, -5.05592, -4.12198, -7.68439],
            -4.12569,
        ),
    ],
    "blaze_back": [
        (
            (1, 896, 16),
            [0, 2048, 4778, 7168, 14335],
            [-3.03939, -5.37322, -10.31569, -2.42896, -13.68706],
            3.93235,
        ),
        (
            (1, 896, 1),
            [0, 128, 298, 448, 895],
            [-22.47139, -3.42554, -36.40348, -3.38462, -18.36437],
            -86.67775,
        ),
    ],
    "facemesh": [
        (
            (1, 1404, 1, 1),
            [0, 200, 468, 702, 1403],
            [100.5209, -30.41087, 48.90346, 31.97385, 3.92425],
            68.35522,
        ),
        ((1, 1, 1, 1), [0], [-7.94803], -7.94803),
    ],
}


def pattern(size: int) -> Tensor:
    """Return the picture the references were computed on."""
    axis = torch.arange(size, dtype=torch.float64)
    y, x, c = torch.meshgrid(axis, axis, torch.arange(3, dtype=torch.float64), indexing="ij")
    waves = 0.5 + 0.5 * torch.sin(0.05 * x * (c + 1) + 0.03 * y) * torch.cos(0.02 * y - 0.01 * c * x)
    return waves.permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("name", REFERENCES)
def test_a_converted_network_gives_the_outputs_of_the_original_graph(name: str) -> None:
    network = load_asset(name)
    with torch.inference_mode():
        outputs = network(pattern(network.input_size))
    assert len(outputs) == len(REFERENCES[name])
    for output, (shape, places, values, mean) in zip(outputs, REFERENCES[name], strict=True):
        assert output.shape == shape
        torch.testing.assert_close(output.reshape(-1)[places], torch.tensor(values), rtol=1e-5, atol=1e-4)
        assert output.double().mean().item() == pytest.approx(mean, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("name", REFERENCES)
def test_a_batch_gives_what_its_pictures_give_alone(name: str) -> None:
    network = load_asset(name)
    images = torch.cat([pattern(network.input_size), 1 - pattern(network.input_size)])
    with torch.inference_mode():
        together, alone = network(images), [network(image[None]) for image in images]
    for i, output in enumerate(together):
        torch.testing.assert_close(output, torch.cat([one[i] for one in alone]), rtol=1e-4, atol=1e-3)


def test_running_a_network_leaves_the_input_alone() -> None:
    network = load_asset("facemesh")
    images = pattern(192)
    before = images.clone()
    network(images)
    assert torch.equal(images, before)


def test_another_picture_size_is_refused() -> None:
    with pytest.raises(ValueError, match="192 x 192"):
        load_asset("facemesh")(torch.zeros(1, 3, 128, 128))


def test_a_folded_activation_matches_the_plain_operators() -> None:
    steps = [
        {"kind": "convolution", "inputs": [0], "output": 1, "weight": "w", "bias": "b", "groups": 1}
        | {"stride": [1, 1], "padding": [0, 0, 0, 0], "activation": "none"},
        {"kind": "activation", "inputs": [1], "output": 2, "activation": "relu6"},
        {"kind": "add", "inputs": [1, 2], "output": 3, "activation": "relu"},
    ]
    weights = {"w": torch.randn(3, 3, 1, 1, generator=torch.Generator().manual_seed(0)), "b": torch.zeros(3)}
    model = {"input": 0, "input_size": 4, "outputs": [3, 1], "steps": steps}
    images = torch.linspace(-9, 9, 48).reshape(1, 3, 4, 4)
    mixed = torch.einsum("oc,bchw->bohw", weights["w"].flatten(1), images)
    total, kept = GraphNetwork(model, weights)(images)
    torch.testing.assert_close(total, (mixed + mixed.clamp(0, 6)).relu())
    torch.testing.assert_close(kept, mixed)


@pytest.mark.parametrize(
    "step",
    [{"kind": "softmax"}, {"kind": "activation", "activation": "gelu"}],
    ids=["operator", "activation"],
)
def test_an_unknown_operator_is_refused(step: dict[str, object]) -> None:
    model = {"input": 0, "input_size": 4, "outputs": [1], "steps": [{"inputs": [0], "output": 1, **step}]}
    with pytest.raises(ValueError, match="convert the model again"):
        GraphNetwork(model, {})


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"convert_face_models\.py"):
        load_graph_network(tmp_path / "none.safetensors")


def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    save_tensors(path, {"w": torch.zeros(100)}, {"steps": []})
    whole = path.read_bytes()
    for damaged, message in ((whole[:50], "truncated"), (whole[:-1] + b"\1", "damaged")):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"half\.safetensors is {message}.*reinstall metafacs"):
            load_graph_network(path)


def test_a_file_without_a_graph_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "plain.safetensors"
    save_file({"w": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match="holds no graph"):
        load_graph_network(path)


def test_a_copy_has_weights_of_its_own() -> None:
    network = load_asset("facemesh")
    copied = copy.deepcopy(network).double()
    torch.manual_seed(0)
    images = torch.rand(1, 3, 192, 192)
    before = network(images)[0]
    torch.testing.assert_close(copied(images.double())[0].float(), before, rtol=0, atol=1e-2)
    for buffer in copied.buffers():
        buffer.zero_()
    assert torch.equal(network(images)[0], before)
    assert copied(images.double())[0].abs().max() == 0
