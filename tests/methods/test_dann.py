from __future__ import annotations

import torch
from torch.nn import functional

from metafacs.batch import Batch
from metafacs.methods.base import OptimizerSpec
from metafacs.methods.dann import DANN, reversal_strength
from metafacs.training.stepper import OptimizerStepper


def test_features_ascend_the_domain_loss_that_the_classifier_descends() -> None:
    torch.manual_seed(0)
    method = DANN((1, 12), width=4).double().train()
    data = {
        "source": Batch(torch.randn(3, 3, 32, 32).double(), action_units=torch.rand(3, 2).round()),
        "target": Batch(torch.randn(2, 3, 32, 32).double()),
    }
    features = method.network.extractor(torch.cat([data["source"].images, data["target"].images]))
    scores, logits = method.discriminator(features), method.network.detector(features[:3])
    domain = functional.binary_cross_entropy_with_logits(scores, torch.tensor([1.0, 1, 1, 0, 0]).double())
    units = functional.binary_cross_entropy_with_logits(logits, data["source"].action_units.double())
    strength = reversal_strength(0.25)
    expected = {}
    for name, loss in (
        ("network.extractors", units - strength * domain),
        ("network.detector", units),
        ("discriminator", domain),
    ):
        parameters = dict(method.get_submodule(name).named_parameters(prefix=name))
        gradients = torch.autograd.grad(loss, list(parameters.values()), retain_graph=True)
        expected |= {
            key: p.detach() - 0.1 * g for (key, p), g in zip(parameters.items(), gradients, strict=True)
        }
    step = OptimizerStepper(method.parameter_groups(), {"base": OptimizerSpec("sgd", 0.1, 0.0, 0.0)}, 4)
    step.start(1)
    method.update(data, step)
    for name, parameter in method.named_parameters():
        torch.testing.assert_close(parameter.detach(), expected[name], msg=name)
