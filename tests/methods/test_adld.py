"""ADLD: its own weights, and who is updated by what."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from metafacs.batch import Batch
from metafacs.methods.adld import ADLD
from metafacs.training.stepper import OptimizerStepper


class RecordingStepper(OptimizerStepper):
    """Notes every loss with its groups and steps nothing."""

    def __init__(self, method: ADLD) -> None:
        super().__init__(method.parameter_groups(), method.optimizers(), 1)
        self.noted: list[tuple[torch.Tensor, tuple[str, ...]]] = []

    def descend(self, loss: torch.Tensor, *groups: str) -> None:
        self.noted.append((loss, groups))


def build() -> ADLD:
    torch.manual_seed(0)
    return ADLD((1, 4, 12), width=4).double().train()


def batches() -> dict[str, Batch]:
    torch.manual_seed(1)

    def batch(labels: bool) -> Batch:
        return Batch(
            torch.randn(2, 3, 32, 32, dtype=torch.float64),
            action_units=torch.rand(2, 3).round() if labels else None,
            landmarks=torch.rand(2, 68, 2, dtype=torch.float64) * 32,
        )

    return {"source": batch(True), "target": batch(False)}


def reached(loss: torch.Tensor, network: nn.Module) -> bool:
    found = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True, allow_unused=True)
    return any(g is not None and bool(g.any()) for g in found)


def test_iteration_is_the_sum_of_the_published_code() -> None:
    method, data = build(), batches()
    step = RecordingStepper(method)
    curves = method.update(data, step)
    (played, adversaries), (total, others) = step.noted
    assert adversaries == ("landmark_discriminator", "discriminators")
    assert others == ("generators", "task")
    torch.testing.assert_close(
        played.detach(), curves["loss_landmark_discriminator"] + curves["loss_domain_discriminator"]
    )
    weights = {
        "loss_uniformity": 400,
        "loss_domain": 1.2,
        "loss_cycle": 40,
        "loss_self": 3,
        "loss_action_units": 1,
        "loss_cells": 0.6,
        "loss_mixed_cells": 0.6,
    }
    torch.testing.assert_close(total.detach(), sum(factor * curves[name] for name, factor in weights.items()))
    for network in (method.network.extractors, method.network.separation, method.network.detector):
        assert not reached(played, network)
        assert reached(total, network)


def test_action_unit_and_self_reconstruction_losses() -> None:
    method, data = build(), batches()
    curves = method.update(data, RecordingStepper(method))
    features = method.network.extract(data["source"].images, data["target"].images)
    rounds = method.network.separation(features)
    logits = method.network.detector(torch.cat([features[:2], rounds.mixed[:2]]))
    labels = torch.cat([data["source"].action_units] * 2).double()
    torch.testing.assert_close(
        curves["loss_action_units"], functional.binary_cross_entropy_with_logits(logits, labels)
    )
    again = method.network.separation.reconstruct(features)
    torch.testing.assert_close(curves["loss_self"], functional.l1_loss(again, features))
    torch.testing.assert_close(curves["loss_cycle"], functional.l1_loss(rounds.restored, features))


def test_labels_are_the_landmarks_of_the_batch() -> None:
    method, data = build(), batches()
    first = method.update(data, RecordingStepper(method))["loss_cells"]
    moved = {name: Batch(b.images, b.action_units, landmarks=b.landmarks / 2) for name, b in data.items()}
    assert method.update(moved, RecordingStepper(method))["loss_cells"] != first


def test_target_pictures_are_read_directly_where_asked_for() -> None:
    images = batches()["target"].images
    method = build().eval()
    features = method.network.extractor("target")(images)
    direct = method.network.detector(features).sigmoid()
    again = method.network.detector(method.network.separation.reconstruct(features)).sigmoid()
    torch.testing.assert_close(method.predict(images).probabilities, again)
    method.reading = "direct"
    torch.testing.assert_close(method.predict(images).probabilities, direct)
    method.reading, method.domain = "reconstruction", "source"
    torch.testing.assert_close(method.predict(images).probabilities, direct)
