"""Every estimator against double backward, and against the contract all of them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import weight_norm

from metafacs.hypergradient import ESTIMATORS
from metafacs.hypergradient.double_backward import DoubleBackward
from metafacs.hypergradient.finite_difference import FiniteDifference
from metafacs.hypergradient.optimizers import update_rule_of
from metafacs.hypergradient.problem import BilevelProblem, Judged
from metafacs.hypergradient.updates import (
    ElementwiseUpdate,
    GlobalNormClipping,
    PlainSGD,
    SGDStep,
    UpdateRule,
)
from metafacs.models.networks import BaseNet

EXACT = [name for name in ESTIMATORS if name not in ("double_backward", "finite_difference")]


def flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([t.detach().flatten().double() for t in tensors])


def relative_error(mine: Sequence[Tensor], reference: Sequence[Tensor]) -> float:
    return ((flat(mine) - flat(reference)).norm() / flat(reference).norm()).item()


def check_against_double_backward(problem: BilevelProblem, names: Sequence[str] = EXACT) -> None:
    reference = DoubleBackward()(problem)
    assert flat(reference.gradients).norm() > 0
    for name in names:
        meta = ESTIMATORS[name](problem)
        assert relative_error(meta.gradients, reference.gradients) < 1e-8, name
        assert relative_error([meta.sample_gradients], [reference.sample_gradients]) < 1e-8, name
        torch.testing.assert_close(meta.validation_loss, reference.validation_loss, msg=name)
        torch.testing.assert_close(meta.losses, reference.losses, msg=name)


def warm(optimizer: torch.optim.Optimizer, network: BaseNet) -> UpdateRule:
    """Give the optimiser the state of some steps without moving the parameters."""
    parameters = list(network.parameters())
    before = [p.detach().clone() for p in parameters]
    for _ in range(3):
        for p in parameters:
            p.grad = 0.1 * torch.randn_like(p)
        optimizer.step()
    with torch.no_grad():
        for p, value in zip(parameters, before, strict=True):
            p.copy_(value)
    optimizer.zero_grad()
    return update_rule_of(optimizer, parameters)


def groups_of(network: BaseNet) -> list[dict[str, object]]:
    """Return the backbone and the classifiers with learning rates that differ by a factor of ten."""
    groups = network.backbone_and_heads()
    return [{"params": groups["backbone"], "lr": 0.02}, {"params": groups["heads"], "lr": 0.2}]


def plain_groups(network: BaseNet) -> UpdateRule:
    groups = network.backbone_and_heads()
    rates = {"backbone": 0.02, "heads": 0.2}
    return ElementwiseUpdate(tuple(SGDStep(rates[name]) for name, group in groups.items() for _ in group))


UPDATES: dict[str, Callable[[BaseNet], UpdateRule]] = {
    "sgd": lambda net: PlainSGD(0.1),
    "momentum": lambda net: warm(torch.optim.SGD(net.parameters(), 0.05, momentum=0.9), net),
    "dampening": lambda net: warm(torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, dampening=0.3), net),
    "nesterov": lambda net: warm(torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, nesterov=True), net),
    "weight_decay": lambda net: warm(
        torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4), net
    ),
    "adam": lambda net: warm(torch.optim.Adam(net.parameters(), 1e-2, weight_decay=1e-3), net),
    "adamw": lambda net: warm(torch.optim.AdamW(net.parameters(), 1e-2, weight_decay=1e-2), net),
    "two learning rates": plain_groups,
    "two learning rates, momentum and decay": lambda net: warm(
        torch.optim.SGD(groups_of(net), momentum=0.9, weight_decay=5e-4), net
    ),
    "clipping": lambda net: GlobalNormClipping(PlainSGD(0.1), 0.05),
}


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("update", UPDATES)
def test_equals_double_backward_through_every_inner_step(
    make_problem: Callable[..., BilevelProblem], update: str, training: bool
) -> None:
    check_against_double_backward(make_problem(training=training, update=UPDATES[update]))


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("backbone", ["resnet18", "small", "facemesh"])
def test_equals_double_backward_on_shipped_backbones(
    make_problem: Callable[..., BilevelProblem], backbone: str, training: bool
) -> None:
    check_against_double_backward(
        make_problem(backbone, training=training, update=UPDATES["momentum"], pictures=3)
    )


@pytest.mark.parametrize("update", ["adamw", "nesterov"])
def test_equals_double_backward_on_resnet_with_other_steps(
    make_problem: Callable[..., BilevelProblem], update: str
) -> None:
    check_against_double_backward(make_problem("resnet18", update=UPDATES[update], pictures=2), ["tangent"])


@pytest.mark.parametrize("backbone", ["resnet34", "resnet50"])
def test_equals_double_backward_on_deep_backbones(
    make_problem: Callable[..., BilevelProblem], backbone: str
) -> None:
    check_against_double_backward(
        make_problem(backbone, update=UPDATES["momentum"], pictures=2), ["tangent", "tangent_reusing_graph"]
    )


def test_equals_double_backward_when_weights_flow_into_the_network(
    make_problem: Callable[..., BilevelProblem],
) -> None:
    check_against_double_backward(make_problem(attached=True))


def test_equals_double_backward_with_frozen_layers(make_problem: Callable[..., BilevelProblem]) -> None:
    problem = make_problem()
    problem.network.backbone.conv1.requires_grad_(False)
    problem.network.backbone.norm1.requires_grad_(False)
    check_against_double_backward(problem)


def test_finite_difference_is_close_but_not_exact(make_problem: Callable[..., BilevelProblem]) -> None:
    problem = make_problem()
    reference = DoubleBackward()(problem)
    near = relative_error(FiniteDifference(1e-4)(problem).gradients, reference.gradients)
    far = relative_error(FiniteDifference(1e-1)(problem).gradients, reference.gradients)
    assert 1e-8 < near < 1e-2
    assert far > near


@pytest.mark.parametrize("name", EXACT)
def test_follows_the_closed_form_of_normalised_sigmoid_weights(
    make_problem: Callable[..., BilevelProblem], name: str
) -> None:
    problem = make_problem()
    meta = ESTIMATORS[name](problem)
    features = meta.outputs.features.detach()
    matrix, bias = (p.detach() for p in problem.meta_parameters)
    raw = torch.sigmoid(features @ matrix[0] + bias)
    weight, slope = raw / raw.sum(), meta.sample_gradients
    part = weight * (1 - raw) * (slope - (weight * slope).sum())
    torch.testing.assert_close(meta.gradients[0][0], part @ features)
    torch.testing.assert_close(meta.gradients[1][0], part.sum())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_moves_running_statistics_once_and_nothing_else(
    make_problem: Callable[..., BilevelProblem], name: str
) -> None:
    problem, twin = make_problem(), make_problem()
    with torch.no_grad():
        twin.network(twin.images)
    ESTIMATORS[name](problem)
    for (key, mine), theirs in zip(
        problem.network.state_dict().items(), twin.network.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(mine, theirs, msg=key)
    for mine, theirs in zip(problem.meta_parameters, twin.meta_parameters, strict=True):
        torch.testing.assert_close(mine, theirs)
    assert all(p.grad is None for p in [*problem.network.parameters(), *problem.meta_parameters])
    assert all(m.training for m in problem.network.modules())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_evaluation_mode_keeps_running_statistics(
    make_problem: Callable[..., BilevelProblem], name: str
) -> None:
    problem = make_problem(training=False)
    before = {key: value.clone() for key, value in problem.network.state_dict().items()}
    ESTIMATORS[name](problem)
    for key, value in problem.network.state_dict().items():
        torch.testing.assert_close(value, before[key], msg=key)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_outputs_serve_the_base_learning_step(make_problem: Callable[..., BilevelProblem], name: str) -> None:
    problem = make_problem()
    meta = ESTIMATORS[name](problem)
    with torch.no_grad():
        for parameter, gradient in zip(problem.meta_parameters, meta.gradients, strict=True):
            parameter -= 0.5 * gradient
        weights = problem.weights(meta.outputs)
    theta = list(problem.network.parameters())
    mine = torch.autograd.grad((weights * meta.losses).sum(), theta)
    outputs = problem.network(problem.images)
    reference = torch.autograd.grad((weights * problem.losses(outputs)).sum(), theta)
    assert relative_error(mine, reference) < 1e-10


@pytest.mark.parametrize("name", EXACT)
def test_dropout_keeps_its_mask_over_the_training_passes(
    make_problem: Callable[..., BilevelProblem], name: str
) -> None:
    problem = make_problem(dropout=0.4)
    torch.manual_seed(5)
    reference = DoubleBackward()(problem)
    after = torch.rand(1)
    torch.manual_seed(5)
    meta = ESTIMATORS[name](problem)
    assert relative_error(meta.gradients, reference.gradients) < 1e-8
    torch.testing.assert_close(meta.losses, reference.losses)
    torch.testing.assert_close(torch.rand(1), after, rtol=0, atol=0)


def test_works_under_bfloat16_autocast(make_problem: Callable[..., BilevelProblem]) -> None:
    problem = make_problem("small", dtype=torch.float32, pictures=12)
    reference = flat(DoubleBackward()(problem).gradients)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = flat(DoubleBackward()(problem).gradients)
    # Random pictures make the gradient noisy: bfloat16 alone costs this much, the estimators no more.
    price = torch.cosine_similarity(rounded, reference, dim=0)
    for name in EXACT:
        with torch.autocast("cpu", torch.bfloat16):
            meta = ESTIMATORS[name](problem)
        cosine = torch.cosine_similarity(flat(meta.gradients), reference, dim=0)
        assert cosine > 0.9, name
        assert cosine > price - 0.02, name
        assert all(g.dtype == torch.float32 for g in meta.gradients), name


@pytest.mark.parametrize("name", ["tangent", "tangent_reusing_graph"])
@pytest.mark.parametrize("backbone", ["small", "tiny"])
def test_tangents_under_bfloat16_are_taken_at_the_activations_of_float32(
    name: str, backbone: str, make_problem: Callable[..., BilevelProblem]
) -> None:
    cosines = {}
    for each in ("forward_mode", name):
        gradients = []
        for narrow in (False, True):
            problem = make_problem(backbone, dtype=torch.float32, pictures=12, dropout=0.2)
            before = flat([b for b in problem.network.buffers() if b.is_floating_point()])
            with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
                meta = ESTIMATORS[each](problem)
            gradients.append(flat(meta.gradients))
            after = flat([b for b in problem.network.buffers() if b.is_floating_point()])
            # Once, as one pass does.
            assert 0 < (after - before).norm() < 0.5 * before.norm()
            assert meta.losses.requires_grad
        cosines[each] = torch.cosine_similarity(*gradients, dim=0)
    # So near to one the luck of a processor's rounding decides.
    assert cosines[name] > min(cosines["forward_mode"], 0.9995)


def prune_weights(network: nn.Module) -> None:
    for name in ("backbone.conv1", "backbone.linear", "action_units"):
        layer = network.get_submodule(name)
        assert isinstance(layer.weight, Tensor)
        prune.custom_from_mask(layer, "weight", torch.rand_like(layer.weight) < 0.7)  # type: ignore[no-untyped-call]


def square_what_pools(network: nn.Module) -> None:
    network.get_submodule("backbone.pool").register_forward_hook(lambda _, inputs, output: output.square())


def shift_what_is_normalised(network: nn.Module) -> None:
    network.get_submodule("backbone.norm2").register_forward_pre_hook(lambda _, inputs: inputs[0].sin())


@pytest.mark.parametrize("change", [prune_weights, square_what_pools, shift_what_is_normalised])
def test_what_hooks_compute_is_followed(
    make_problem: Callable[..., BilevelProblem], change: Callable[[nn.Module], None]
) -> None:
    problem = make_problem()
    change(problem.network)
    check_against_double_backward(problem)


@pytest.mark.parametrize("name", EXACT)
def test_what_has_no_forward_derivative_names_the_way_out(
    make_problem: Callable[..., BilevelProblem], name: str
) -> None:
    problem = make_problem()
    weight_norm(problem.network.get_submodule("backbone.conv1"))
    with pytest.raises(ValueError, match=r"no forward derivative .*weight_norm.* double_backward$"):
        ESTIMATORS[name](problem)
    assert flat(DoubleBackward()(problem).gradients).norm() > 0


@pytest.mark.parametrize("chosen", [(True, False), (False, True)])
def test_finite_difference_refuses_tf32(
    make_problem: Callable[..., BilevelProblem], chosen: tuple[bool, bool]
) -> None:
    images = SimpleNamespace(device=torch.device("cuda"), dtype=torch.float32)
    problem = replace(make_problem(dtype=torch.float32), images=cast(Tensor, images))
    matrices, networks = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matrices.allow_tf32, networks.allow_tf32
    try:
        matrices.allow_tf32, networks.allow_tf32 = chosen
        with pytest.raises(ValueError, match=r"TF32.*--computing\.tf32 false"):
            FiniteDifference()(problem)
    finally:
        matrices.allow_tf32, networks.allow_tf32 = before


def test_finite_difference_refuses_autocast(make_problem: Callable[..., BilevelProblem]) -> None:
    problem = make_problem(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(ValueError, match="--precision 32-true"):
        FiniteDifference()(problem)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_refuses_weights_of_another_shape(make_problem: Callable[..., BilevelProblem], name: str) -> None:
    problem = make_problem()
    losses = problem.losses
    object.__setattr__(problem, "losses", lambda outputs: losses(outputs)[:, None])
    with pytest.raises(ValueError, match="one weight per loss"):
        ESTIMATORS[name](problem)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_refuses_a_frozen_network(make_problem: Callable[..., BilevelProblem], name: str) -> None:
    problem = make_problem()
    problem.network.requires_grad_(False)
    with pytest.raises(ValueError, match="frozen"):
        ESTIMATORS[name](problem)


def test_two_losses_per_sample(make_problem: Callable[..., BilevelProblem]) -> None:
    problem = make_problem()
    losses, weights = problem.losses, problem.weights
    object.__setattr__(problem, "losses", lambda o: torch.stack([losses(o), losses(o) ** 2], 1))
    object.__setattr__(
        problem, "weights", lambda o: torch.stack([weights(o), nn.functional.softplus(weights(o))], 1)
    )
    check_against_double_backward(problem)


@pytest.mark.parametrize("name", ["double_backward", *EXACT])
def test_gradient_of_several_validation_batches_is_the_mean_of_theirs(
    name: str, make_problem: Callable[..., BilevelProblem]
) -> None:
    problem = make_problem()
    other = Judged(
        torch.randn_like(problem.validation_images[:3]) + 1, lambda o: o.action_units.square().mean()
    )
    alone = [
        ESTIMATORS[name](problem),
        ESTIMATORS[name](replace(problem, validation_images=other.images, validation_loss=other.loss)),
    ]
    both = ESTIMATORS[name](replace(problem, further_validation=[other]))
    expected = [(one + two) / 2 for one, two in zip(*(meta.gradients for meta in alone), strict=True)]
    assert relative_error(both.gradients, expected) < 1e-10
    torch.testing.assert_close(
        both.sample_gradients, (alone[0].sample_gradients + alone[1].sample_gradients) / 2
    )
    torch.testing.assert_close(
        both.validation_loss, (alone[0].validation_loss + alone[1].validation_loss) / 2
    )
