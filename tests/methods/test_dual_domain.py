"""The dual-domain method against its equations written out domain by domain, and who is updated by what."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from metafacs.batch import Batch
from metafacs.faces.landmarks import LANDMARKS_68_TO_49
from metafacs.methods.adversarial_separation import detection_apart, discriminator_losses
from metafacs.methods.base import DivergedError, OptimizerSpec
from metafacs.methods.dual_domain import DualDomain
from metafacs.training.stepper import OptimizerStepper

AUS = (1, 4, 12)
SIDE = 32
WEIGHTS = (
    "action_unit_weight",
    "landmark_weight",
    "cell_weight",
    "uniformity_weight",
    "domain_weight",
    "reconstruction_weight",
)


def build(**options: object) -> DualDomain:
    torch.manual_seed(0)
    # Separate extractors tell the domains apart, in whom a loss reaches too.
    return DualDomain(AUS, width=4, **{"shared_features": False, **options}).train()  # type: ignore[arg-type]


def batches(count: int = 3, dtype: torch.dtype = torch.float32) -> dict[str, Batch]:
    torch.manual_seed(1)

    def batch(labels: Tensor | None) -> Batch:
        images = torch.randn(count, 3, SIDE, SIDE, dtype=dtype)
        return Batch(images, action_units=labels, landmarks=torch.rand(count, 68, 2, dtype=dtype) * SIDE)

    return {"source": batch(torch.rand(count, 3).round()), "target": batch(None)}


def plain_stepper(method: DualDomain, lr: float = 0.01) -> OptimizerStepper:
    plain = OptimizerSpec("sgd", lr, momentum=0.0, weight_decay=0.0)
    specs = dict.fromkeys(method.parameter_groups(), plain)
    for adversary in ("landmark_discriminator", "discriminators"):
        specs[adversary] = replace(plain, lr=0.01)
    step = OptimizerStepper(method.parameter_groups(), specs, 1)
    step.start(0)
    return step


def networks(method: DualDomain) -> dict[str, nn.Module]:
    """Return every network under its name in the paper."""
    network = method.joint_network
    assert network.branches is not None
    assert network.projectors is not None
    ends = network.branches.ends
    return {
        "E_f source": network.extractors[0],
        "E_f target": network.extractors[1],
        "modules 3, 4": network.branches.middle,
        "rest of source branch": ends["source"],
        "rest of target branch": ends["target"],
        "E_l": network.separation.landmark_encoder,
        "G_b": network.separation.background_generator,
        "G_st": network.separation.feature_generator,
        "P": network.projectors,
        "E_au": network.detector,
        "D_l": network.discriminators.landmarks,
        "D_d source": network.discriminators.source,
        "D_d target": network.discriminators.target,
    }


EXTRACTORS = {"E_f source", "E_f target"}
BRANCHES = {"modules 3, 4", "rest of source branch", "rest of target branch"}
ADVERSARIES = {"D_l", "D_d source", "D_d target"}
UPDATED = {
    "action_unit_weight": {"E_f source", "E_au", "G_b", "G_st"},
    "landmark_weight": EXTRACTORS | BRANCHES,
    "cell_weight": EXTRACTORS | {"E_l", "G_b", "G_st"},
    "uniformity_weight": {"G_b"},
    "domain_weight": {"G_b", "G_st"},
    "reconstruction_weight": {"G_b", "G_st", "P"},
}
"""Loss -> networks that it updates where gradients stop as in ADLD."""
UPDATED_END_TO_END = {
    "action_unit_weight": EXTRACTORS | {"E_l", "E_au", "G_b", "G_st"},
    "landmark_weight": EXTRACTORS | BRANCHES,
    "cell_weight": EXTRACTORS | {"E_l", "G_b", "G_st"},
    "uniformity_weight": EXTRACTORS | {"G_b"},
    "domain_weight": EXTRACTORS | {"E_l", "G_b", "G_st"},
    "reconstruction_weight": EXTRACTORS | {"E_l", "G_b", "G_st", "P"},
}


@pytest.mark.parametrize("end_to_end", [False, True])
@pytest.mark.parametrize("loss", WEIGHTS)
def test_each_loss_updates_exactly_its_networks(loss: str, end_to_end: bool) -> None:
    method = build(**{**dict.fromkeys(WEIGHTS, 0.0), loss: 1.0}, end_to_end=end_to_end)
    before = {name: [p.clone() for p in network.parameters()] for name, network in networks(method).items()}
    # A long step, so that no gradient is lost in rounding; nothing is computed after it.
    method.update(batches(), plain_stepper(method, lr=1e3))
    moved = {
        name
        for name, network in networks(method).items()
        if any(not torch.equal(p, q) for p, q in zip(network.parameters(), before[name], strict=True))
    }
    assert moved - ADVERSARIES == (UPDATED_END_TO_END if end_to_end else UPDATED)[loss]
    assert moved >= ADVERSARIES


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("loss_landmark_discriminator", {"D_l"}),
        ("loss_domain_discriminator", {"D_d source", "D_d target"}),
    ],
)
def test_losses_of_the_adversaries_reach_nothing_else(loss: str, expected: set[str]) -> None:
    method = build(end_to_end=True)
    result = method.run(*batches().values())
    found = discriminator_losses(method.joint_network.discriminators, result.rounds, result.cells)[loss]
    for name, network in networks(method).items():
        gradients = torch.autograd.grad(
            found, list(network.parameters()), retain_graph=True, allow_unused=True
        )
        assert (name in expected) == any(g is not None and bool(g.any()) for g in gradients), name


def by_hand(method: DualDomain, data: dict[str, Batch], beta: float) -> dict[str, Tensor]:
    """Return Eqs. (1)-(9) with the names of the paper, domain by domain and landmark by landmark."""
    network = method.joint_network
    assert network.branches is not None
    assert network.projectors is not None
    e_f_s, e_f_t = network.extractors
    separation, d = network.separation, network.discriminators
    e_l, g_b, g_st = (
        separation.landmark_encoder,
        separation.background_generator,
        separation.feature_generator,
    )
    f = {"s": e_f_s(data["source"].images), "t": e_f_t(data["target"].images)}
    known = {
        "s": data["source"].landmarks[:, list(LANDMARKS_68_TO_49)],
        "t": data["target"].landmarks[:, list(LANDMARKS_68_TO_49)],
    }
    branch = network.branches({"source": f["s"], "target": f["t"]}, SIDE)
    predicted = {"s": branch["source"], "t": branch["target"]}

    l_fl = []
    for k in "st":
        s = (known[k][:, 19:25].mean(1) - known[k][:, 25:31].mean(1)).norm(dim=1)
        l_fl += [((predicted[k][i] - known[k][i]) ** 2).sum() / (2 * s[i] ** 2) for i in range(len(s))]

    def cells(points: Tensor) -> Tensor:
        points, ruler = points.clone(), (points[:, 22, 0] - points[:, 25, 0]).abs()
        for numbers, share in (((4, 5, 15, 17), -1 / 2), ((1, 8), -1 / 3), ((2, 7), 1 / 3)):
            points[:, numbers, 1] += share * ruler[:, None]
        points[:, (24, 29), 1] += ruler[:, None]
        points[:, (39, 41), 1] += ruler[:, None] / 2
        cell = (points * 8 / SIDE).round().clamp(0, 7).long()
        return cell[..., 1] * 8 + cell[..., 0]

    y = {k: cells(predicted[k].detach()) for k in "st"}

    def see(features: Tensor) -> Tensor:
        return e_l(features).flatten(2).softmax(-1).sum(1).reshape(-1, 1, 8, 8)

    def put(landmarks: Tensor, background: Tensor) -> Tensor:
        return g_st(torch.cat([landmarks, background], 1))

    def entropy(features: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(e_l(features).flatten(2).flatten(0, 1), labels.flatten())

    f_l, f_b = {k: see(f[k]) for k in "st"}, {k: g_b(f[k]) for k in "st"}
    sltb, sbtl = put(f_l["s"], f_b["t"]), put(f_l["t"], f_b["s"])
    again_l, again_b = {"s": see(sltb), "t": see(sbtl)}, {"s": g_b(sbtl), "t": g_b(sltb)}
    again = {k: put(again_l[k], again_b[k]) for k in "st"}

    maps = {k: d.landmarks(f_b[k]) for k in "st"}
    one_hot = {k: functional.one_hot(y[k], 64).to(maps[k]).reshape(maps[k].shape) for k in "st"}
    p, p_1 = network.projectors.features, network.projectors.landmarks
    l_sr = sum(
        (p(again[k]) - f[k]).abs().mean()
        + (p(again_b[k]) - f_b[k]).abs().mean()
        + (p_1(again_l[k]) - f_l[k]).abs().mean()
        for k in "st"
    )
    probability = torch.sigmoid(network.detector(torch.cat([f["s"], sltb])))
    label = torch.cat([data["source"].action_units] * 2)
    terms = label * probability.log() + (1 - label) * probability**beta * (1 - probability).log()
    return {
        "loss_landmarks": torch.stack(l_fl).mean(),
        "loss_cells": sum(entropy(f[k], y[k]) for k in "st") / 2,
        "loss_mixed_cells": (entropy(sltb, y["s"]) + entropy(sbtl, y["t"])) / 2,
        "loss_uniformity": sum(functional.mse_loss(m, torch.full_like(m, 1 / 64)) for m in maps.values()) / 2,
        "loss_domain": ((d.target(sltb) - 1) ** 2).mean() / 2 + ((d.source(sbtl) - 1) ** 2).mean() / 2,
        "loss_reconstruction": l_sr,
        "loss_action_units": -(method.au_weights * terms).mean(),
        "loss_landmark_discriminator": sum(functional.mse_loss(maps[k], one_hot[k]) for k in "st") / 2,
        "loss_domain_discriminator": (
            ((d.target(f["t"]) - 1) ** 2).mean()
            + (d.target(sltb) ** 2).mean()
            + ((d.source(f["s"]) - 1) ** 2).mean()
            + (d.source(sbtl) ** 2).mean()
        )
        / 4,
    }


def test_losses_are_the_equations_written_out() -> None:
    method, data = build(focus=0.7).double(), batches(dtype=torch.float64)
    method.observe_labels({"source": data["source"].action_units})
    expected = by_hand(method, data, beta=0.7)
    source, target = data["source"], data["target"]
    result = method.run(source, target)
    found = {
        **method.losses(result, method.action_unit_errors(result.rounds, source, target), source, target),
        **discriminator_losses(method.joint_network.discriminators, result.rounds, result.cells),
    }
    assert found.keys() == expected.keys()
    for name, loss in found.items():
        torch.testing.assert_close(loss, expected[name], msg=name)


def test_the_sum_has_the_weights_of_the_paper() -> None:
    assert build().loss_weights == {
        "loss_cells": 0.6,
        "loss_mixed_cells": 0.6,
        "loss_uniformity": 400,
        "loss_domain": 1.2,
        "loss_action_units": 1,
        "loss_landmarks": 0.1,
        "loss_reconstruction": 100,
    }


def test_optimizers_are_those_of_section_4_1_2() -> None:
    specs = build().optimizers()
    assert {name: (spec.name, spec.lr, spec.betas) for name, spec in specs.items()} == {
        "landmark_discriminator": ("adam", 5e-5, (0.5, 0.9)),
        "discriminators": ("adam", 5e-5, (0.5, 0.9)),
        "generators": ("adam", 5e-5, (0.5, 0.9)),
        "task": ("adam", 1e-4, (0.95, 0.999)),
        "landmarks": ("adam", 5e-4, (0.9, 0.999)),
    }
    (first,) = build(stage="landmarks").optimizers().values()
    assert (first.lr, first.betas, first.weight_decay, first.schedule) == (1e-3, (0.9, 0.999), 5e-4, "halved")


ABLATIONS: dict[str, dict[str, object]] = {
    "A": {"landmark_branches": "none", "intermediate_supervisors": False, "projectors": "none", "focus": 0.0},
    "B": {
        "landmark_branches": "source",
        "intermediate_supervisors": False,
        "projectors": "none",
        "focus": 0.0,
    },
    "C": {
        "landmark_branches": "target",
        "intermediate_supervisors": False,
        "projectors": "none",
        "focus": 0.0,
    },
    "D": {"intermediate_supervisors": False, "projectors": "none", "focus": 0.0},
    "E": {"projectors": "none", "focus": 0.0},
    "F": {"focus": 0.0},
    "G": {},
    "shared": {"shared_features": True},
    "literal projectors": {"projectors": "both"},
    "no shift": {"shift_to_centres": False},
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_row_of_table_7_trains(name: str) -> None:
    method = build(**ABLATIONS[name])
    groups = method.parameter_groups()
    assert {id(p) for group in groups.values() for p in group} == {id(p) for p in method.parameters()}
    assert set(groups) == set(method.optimizers())
    assert ("landmarks" in groups) == (name != "A")
    data = batches(2)
    curves = method.update(data, plain_stepper(method))
    assert all(torch.isfinite(value) for value in curves.values())
    assert ("loss_landmarks" in curves) == (name != "A")
    source, target = data.values()
    pairs = method.aligned_pairs(method.run(source, target).rounds)
    assert len(pairs) == (1 if name in "ABCD" else 3)


def test_labels_come_from_the_branch_where_there_is_one() -> None:
    method, data = build(landmark_branches="source", shift_to_centres=False), batches()
    result = method.run(data["source"], data["target"])
    assert set(result.landmarks) == {"source"}

    def cells(points: Tensor) -> Tensor:
        places = (points * 8 / SIDE).round().clamp(0, 7).long()
        return places[..., 1] * 8 + places[..., 0]

    first, second = result.cells.chunk(2)
    assert torch.equal(first, cells(result.landmarks["source"]))
    assert torch.equal(second, cells(data["target"].landmarks[:, list(LANDMARKS_68_TO_49)]))


def test_unknown_landmarks_and_action_units_send_no_gradient() -> None:
    method, data = build(landmark_branches="target"), batches()
    landmarks = data["source"].landmarks.clone()
    landmarks[0] = float("nan")
    labels = data["source"].action_units.clone()
    labels[:, 1] = float("nan")
    source = replace(data["source"], landmarks=landmarks, action_units=labels)
    result = method.run(source, data["target"])
    assert (result.cells[0] == -1).all()
    detection = method.action_unit_errors(result.rounds, source, data["target"])
    losses = method.losses(result, detection, source, data["target"])
    assert all(torch.isfinite(loss) for loss in losses.values())
    branch = method.joint_network.detector.branches["4"]
    gradients = torch.autograd.grad(losses["loss_action_units"], list(branch.parameters()))
    assert not any(bool(g.any()) for g in gradients)


def test_pseudo_labels_add_the_two_losses_of_the_target() -> None:
    method, data = build(pseudo_labels=True), batches()
    step = plain_stepper(method)
    with pytest.raises(ValueError, match="no action_units"):
        method.update(data, step)
    method = build(pseudo_labels=True, focus=0.0).double()
    data = batches(dtype=torch.float64)
    pseudo = 1 - data["source"].action_units
    source, target = data["source"], replace(data["target"], action_units=pseudo)
    rounds = method.run(source, target).rounds
    logits = method.joint_network.detector(torch.cat([rounds.features, rounds.mixed]))
    # F_s and F_sltb carry the source's labels, F_t and F_sbtl the target's.
    labels = torch.cat([source.action_units, pseudo, source.action_units, pseudo]).double()
    expected = functional.binary_cross_entropy_with_logits(logits, labels)
    found = method.action_unit_errors(rounds, source, target)
    torch.testing.assert_close(found.mean(), expected)
    apart = detection_apart(found)
    original, mixed = (
        functional.binary_cross_entropy_with_logits(*half)
        for half in zip(logits.chunk(2), labels.chunk(2), strict=True)
    )
    torch.testing.assert_close(apart["loss_action_units_original"], original)
    torch.testing.assert_close(apart["loss_action_units_mixed"], mixed)


def test_each_domain_is_read_on_its_own_path() -> None:
    method = build().eval()
    images = batches()["target"].images
    features = method.joint_network.extractors[1](images)
    direct = torch.sigmoid(method.joint_network.detector(features))
    assert torch.equal(method.predict(images).probabilities, direct)
    method.reading = "reconstruction"
    reconstructed = method.joint_network.separation.reconstruct(features)
    expected = torch.sigmoid(method.joint_network.detector(reconstructed))
    assert torch.equal(method.predict(images).probabilities, expected)
    method.domain = "source"
    expected = torch.sigmoid(method.joint_network.detector(method.joint_network.extractors[0](images)))
    assert torch.equal(method.predict(images).probabilities, expected)
    ours, theirs = (method.predict_landmarks(images, domain) for domain in ("source", "target"))
    assert ours.shape == theirs.shape == (3, 49, 2)
    assert not torch.equal(ours, theirs)
    with pytest.raises(ValueError, match="no landmark branch for source"):
        build(landmark_branches="target").predict_landmarks(images, "source")


def test_a_pair_that_cannot_be_mixed_is_refused() -> None:
    method, data = build(), batches()
    few = replace(data["target"], images=data["target"].images[:2])
    with pytest.raises(ValueError, match="as many pictures"):
        method.update({**data, "target": few}, plain_stepper(method))


def test_losses_fall() -> None:
    method, data = build(), batches(4)
    method.observe_labels({"source": torch.tensor([[1.0] * 3, [0.0] * 3])})
    specs = {name: replace(spec, lr=30 * spec.lr) for name, spec in method.optimizers().items()}
    step = OptimizerStepper(method.parameter_groups(), specs, 100)
    curves = []
    for _ in range(15):
        step.start(0)
        curves.append(method.update(data, step))
    for name in ("loss_action_units", "loss_landmarks", "loss_cells", "loss_reconstruction"):
        assert curves[-1][name] < 0.95 * curves[0][name], name


def test_a_loss_that_is_not_finite_is_named() -> None:
    method = build()
    with torch.no_grad():
        method.joint_network.detector.branches["1"][-1].bias.fill_(float("nan"))
    with pytest.raises(DivergedError, match="loss_action_units is nan"):
        method.update(batches(), plain_stepper(method))
