from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune

from metafacs.hypergradient.forward_mode import output_tangents
from metafacs.hypergradient.recording import Recording, traced
from metafacs.models.backbones import Backbone
from metafacs.models.networks import BaseNet, Outputs


class Oddities(nn.Module):
    """Operations without a rule, with tuples, keyword tensors, constants and random numbers."""

    feature_width = 4

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 4)
        self.first = nn.Linear(12, 8)
        self.dropout = nn.Dropout1d(0.5)
        self.activation = nn.PReLU()

    def forward(self, images: Tensor, factor: float = 2.0) -> Tensor:
        x = self.activation(self.first(images.mean((2, 3)).repeat(1, 4)))
        left, right = torch.chunk(x, 2, dim=1)
        both = torch.cat([left, torch.exp(input=right)], dim=1) * factor + 1
        both = torch.relu(both[:, :4] - left) + left.sigmoid().view(left.size(0), -1)
        both = functional.dropout(both, 0.3, training=self.training)
        return self.norm(self.dropout(both.unsqueeze(2)).squeeze(2))


def directions_of(network: nn.Module) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {name: torch.randn_like(p) for name, p in network.named_parameters()}


def test_operations_without_a_rule_are_exact() -> None:
    torch.manual_seed(0)
    network = BaseNet(Oddities(), 3, None).double()
    images, directions = torch.randn(6, 3, 8, 8, dtype=torch.float64), directions_of(network)
    torch.manual_seed(2)
    recording = Recording(network, images)
    mine = recording.tangents(directions)
    torch.manual_seed(2)
    expected = network(images)
    torch.manual_seed(2)
    reference = output_tangents(network, images, dict(network.named_parameters()), directions)
    assert isinstance(mine, Outputs)
    assert mine.expressions is None
    torch.testing.assert_close(recording.outputs.action_units, expected.action_units)
    torch.testing.assert_close(mine.features, reference.features)
    torch.testing.assert_close(mine.action_units, reference.action_units)


def test_an_absent_direction_is_zero() -> None:
    network = BaseNet(Backbone("small").build(), 3, 2)
    images = torch.randn(4, 3, 32, 32)
    weight = torch.randn_like(network.action_units.weight)
    tangents = Recording(network, images).tangents({"action_units.weight": weight})
    assert not tangents.features.any()
    assert tangents.expressions is not None
    assert not tangents.expressions.any()
    assert tangents.action_units.any()


def test_the_outputs_are_those_of_a_call_and_live() -> None:
    torch.manual_seed(0)
    network = BaseNet(Backbone("resnet18").build(), 3, 2)
    images = torch.randn(2, 3, 64, 64)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    mine = Recording(network, images).outputs
    moved = {key: value.clone() for key, value in network.state_dict().items()}
    network.load_state_dict(before)
    theirs = network(images)
    torch.testing.assert_close(mine.action_units, theirs.action_units)
    torch.testing.assert_close(moved, dict(network.state_dict()))
    assert mine.features.requires_grad


def test_a_replaced_layer_is_noticed_and_the_graph_is_kept_no_longer_than_the_network() -> None:
    network = BaseNet(Backbone("small").build(), 3, 2)
    images = torch.randn(2, 3, 32, 32)
    graph = traced(network)
    network.action_units = nn.Linear(network.backbone.feature_width, 7)
    assert Recording(network, images).outputs.action_units.shape == (2, 7)
    assert traced(network) is graph
    reference = weakref.ref(network)
    del network
    gc.collect()
    assert reference() is None


def test_a_network_that_cannot_be_traced_names_the_way_out() -> None:
    class Branching(nn.Module):
        feature_width = 3

        def __init__(self) -> None:
            super().__init__()
            self.one_of_its_own = nn.Identity()

        def forward(self, images: Tensor) -> Tensor:
            return images.mean((2, 3)) if images.sum() > 0 else -images.mean((2, 3))

    with pytest.raises(ValueError, match="forward_mode"):
        Recording(BaseNet(Branching(), 2), torch.randn(2, 3, 8, 8))


def test_an_overwritten_input_is_refused() -> None:
    class Overwriting(nn.Module):
        feature_width = 3

        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))
            self.one_of_its_own = nn.Identity()

        def forward(self, images: Tensor) -> Tensor:
            x = images.mean((2, 3)) * self.scale
            return x.sigmoid_()

    network = BaseNet(Overwriting(), 2)
    with pytest.raises(ValueError, match="in place"):
        Recording(network, torch.randn(2, 3, 8, 8)).tangents(directions_of(network))


def test_a_weight_that_another_module_makes_is_refused() -> None:
    class Tied(nn.Module):
        feature_width = 3

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(3, 3)
            prune.identity(self.first, "weight")  # type: ignore[no-untyped-call]

        def forward(self, images: Tensor) -> Tensor:
            return functional.linear(self.first(images.mean((2, 3))), self.first.weight)

    with pytest.raises(ValueError, match=r"first\.weight is made of parameters .* double_backward$"):
        Recording(BaseNet(Tied(), 2), torch.randn(2, 3, 8, 8))


def gradients(outputs: Outputs, network: nn.Module) -> list[Tensor]:
    total = outputs.action_units.square().sum() + outputs.features.sin().sum()
    return list(torch.autograd.grad(total, list(network.parameters()), retain_graph=True))


@pytest.mark.parametrize("kept", [0.0, 0.3, 1.0])
def test_what_was_forgotten_is_recalled(kept: float) -> None:
    torch.manual_seed(0)
    network = BaseNet(Backbone("resnet18").build(), 3).double()
    images, directions = torch.randn(4, 3, 64, 64, dtype=torch.float64), directions_of(network)
    whole = Recording(network, images)
    expected, tangents = gradients(whole.outputs, network), whole.tangents(directions)

    recording = Recording(network, images)
    moved = {name: value.clone() for name, value in network.named_buffers()}
    held = sum(recording._bytes())
    recording.forget(kept)
    left = sum(recording._bytes())
    assert left <= kept * held
    assert (left > 0) == (kept > 0)
    if kept < 1:
        with pytest.raises(RuntimeError, match="recall it before going backward"):
            gradients(recording.outputs, network)
    recording.recall()
    # What crosses from the forgotten to the kept part is there twice.
    assert held <= sum(recording._bytes()) < 1.1 * held
    torch.testing.assert_close(recording.tangents(directions), tangents, rtol=0, atol=0)
    torch.testing.assert_close(gradients(recording.outputs, network), expected, rtol=0, atol=0)
    torch.testing.assert_close(dict(network.named_buffers()), moved, rtol=0, atol=0)


def test_random_numbers_are_drawn_again_and_go_on() -> None:
    torch.manual_seed(0)
    network = BaseNet(Oddities(), 3, None).double()
    images = torch.randn(6, 3, 8, 8, dtype=torch.float64)
    torch.manual_seed(2)
    recording = Recording(network, images)
    expected, following = gradients(recording.outputs, network), torch.rand(1)
    torch.manual_seed(2)
    recording = Recording(network, images)
    recording.forget(0)
    recording.recall()
    assert torch.equal(torch.rand(1), following)
    torch.testing.assert_close(gradients(recording.outputs, network), expected, rtol=0, atol=0)


def test_a_network_that_computes_otherwise_the_second_time_is_refused() -> None:
    class Fickle(nn.Module):
        calls = 0

        def forward(self, images: Tensor) -> Tensor:
            self.calls += 1
            return (images[:, :, : 4 * self.calls] * self.scale.exp()).mean((2, 3))

        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(1))

    class Around(nn.Module):
        feature_width = 3

        def __init__(self) -> None:
            super().__init__()
            self.inner = Fickle()

        def forward(self, images: Tensor) -> Tensor:
            features: Tensor = self.inner(images)
            return features

    recording = Recording(BaseNet(Around(), 2), torch.randn(2, 3, 8, 8))
    recording.forget(0)
    with pytest.raises(RuntimeError, match="computes otherwise a second time"):
        recording.recall()


def test_a_tensor_that_is_overwritten_is_refused_as_autograd_does() -> None:
    network = BaseNet(Backbone("small").build(), 3)
    recording = Recording(network, torch.randn(4, 3, 32, 32))
    with torch.no_grad():
        network.action_units.weight.add_(1)
    with pytest.raises(RuntimeError, match="in place"):
        gradients(recording.outputs, network)
