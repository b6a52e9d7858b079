from __future__ import annotations

import pytest
import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.methods.adda import ADDA
from metafacs.training.stepper import OptimizerStepper

PARTS = ("network.extractors", "network.detector", "target_extractor", "discriminator")


def batches() -> dict[str, Batch]:
    torch.manual_seed(1)
    return {
        "source": Batch(torch.randn(3, 3, 32, 32), action_units=torch.rand(3, 2).round()),
        "target": Batch(torch.randn(3, 3, 32, 32) + 1),
    }


def state(method: ADDA, part: str) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in method.get_submodule(part).state_dict().items()}


def moved(method: ADDA, before: dict[str, dict[str, Tensor]]) -> set[str]:
    return {
        part
        for part in PARTS
        if any(not torch.equal(value, before[part][name]) for name, value in state(method, part).items())
    }


def test_first_the_source_is_learnt_then_the_target_looks_like_it() -> None:
    torch.manual_seed(0)
    method, data = ADDA((1, 12), width=4).train(), batches()
    step = OptimizerStepper(method.parameter_groups(), method.optimizers(), 4)
    for iteration in range(4):
        before = {part: state(method, part) for part in PARTS}
        step.start(iteration)
        curves = method.update(data, step)
        if iteration < 2:
            assert moved(method, before) == {"network.extractors", "network.detector"}
            assert curves["loss_action_units"] > 0
        else:
            assert moved(method, before) == {"target_extractor", "discriminator"}
            assert curves["loss_domain"] > 0
        if iteration == 2:
            # It starts where the source extractor ended: one small step away.
            source, target = method.network.extractor, method.target_extractor
            for p, q in zip(source.parameters(), target.parameters(), strict=True):
                assert (p - q).abs().max() < 1e-3


def test_target_pictures_are_read_by_the_target_extractor_once_it_exists() -> None:
    method, images = ADDA((1, 12), width=4).eval(), batches()["target"].images
    for extractor in (method.network.extractor, method.target_extractor):
        expected = torch.sigmoid(method.network.detector(extractor(images)))
        assert torch.equal(method.predict(images).probabilities, expected)
        method.adapting.fill_(True)
    method.domain = "source"
    expected = torch.sigmoid(method.network(images))
    assert torch.equal(method.predict(images).probabilities, expected)


def test_curves_of_both_stages_have_one_set_of_names() -> None:
    method, data = ADDA((1, 12), width=4, source_share=0.0).train(), batches()
    step = OptimizerStepper(method.parameter_groups(), method.optimizers(), 1)
    step.start(0)
    assert method.update(data, step)["loss_action_units"].item() == pytest.approx(0)
