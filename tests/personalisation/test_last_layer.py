"""The last layer is found in any architecture, and fitted as the formula says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from metafacs.methods.base import Prediction
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import SMALL
from metafacs.personalisation.feature_reader import FeatureReader, LastLayerError, find_outputs
from metafacs.personalisation.last_layer import ONE_SIDED_PRIOR, PRIOR, fit_logit

AUS = (1, 4, 12)


class Branches(SingleTask):
    """A detector with one classifier per AU, each on features of its own, in another order than its AUs."""

    def __init__(self) -> None:
        super().__init__(AUS, backbone=SMALL)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Linear(3 * 16 * 16, 5), nn.Tanh(), nn.Linear(5, 1)) for _ in AUS
        )

    def predict(self, images: Tensor) -> Prediction:
        small = nn.functional.avg_pool2d(images, 2).flatten(1)
        return Prediction(torch.cat([branch(small) for branch in self.branches][::-1], 1).sigmoid())


@pytest.mark.parametrize("kind", [SingleTask, Branches])
def test_features_and_weights_give_the_models_own_probabilities(kind: Callable[..., SingleTask]) -> None:
    torch.manual_seed(0)
    method = (Branches() if kind is Branches else SingleTask(AUS, backbone=SMALL)).eval()
    reader = FeatureReader(method, find_outputs(method, 32))
    images = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        said, inputs = reader.read(images)
        assert torch.equal(said.probabilities, method.predict(images).probabilities)
        for column, au in enumerate(AUS):
            weight, bias = reader.weights(au)
            logits = reader.features(inputs, au) @ weight + bias
            torch.testing.assert_close(logits.sigmoid(), said.probabilities[:, column])
        weight, bias = reader.weights(9)
        assert reader.features(inputs, 9).shape == (3, len(weight))
    assert not weight.any()
    assert not any(module._forward_hooks for module in method.modules())


def test_a_model_without_linear_outputs_is_refused() -> None:
    class Odd(SingleTask):
        def predict(self, images: Tensor) -> Prediction:
            return Prediction(images.mean((2, 3)).sigmoid())

    with pytest.raises(LastLayerError, match="AU1 cannot be told"):
        find_outputs(Odd(AUS, backbone=SMALL).eval(), 32)


Case = tuple[np.ndarray, np.ndarray, np.ndarray, float]


@pytest.fixture
def case() -> Callable[[int, int], Case]:
    def make(positives: int, negatives: int) -> Case:
        rng = np.random.default_rng(0)
        y = np.repeat([1.0, 0.0], [positives, negatives])
        x = rng.normal(size=(len(y), 3)) + 0.8 * y[:, None] + [5.0, 0.0, -1.0]
        return x, y, rng.normal(size=3), 0.7

    return make


@pytest.mark.parametrize(("positives", "negatives"), [(4, 9), (1, 3), (0, 6)])
def test_the_fit_minimises_what_it_says(
    case: Callable[[int, int], Case], positives: int, negatives: int
) -> None:
    x, y, weight, bias = case(positives, negatives)
    prior = PRIOR if positives else ONE_SIDED_PRIOR
    centred = x - x.mean(0)
    scale = np.sqrt((centred**2).sum(1).mean())
    share = np.where(y == 1, len(y) / (2 * max(positives, 1)), len(y) / (2 * negatives)) if positives else 1.0

    def objective(change: np.ndarray) -> float:
        slope = change[1:] if positives else 0 * change[1:]
        z = x @ weight + bias + centred @ slope / scale + change[0]
        entropy = np.logaddexp(0, z) - y * z
        return float((share * entropy).sum() + (change**2).sum() / (2 * prior**2))

    best = minimize(objective, np.zeros(4), method="BFGS", options={"gtol": 1e-9}).x
    expected = x @ weight + bias + (centred @ best[1:] / scale if positives else 0) + best[0]
    found_weight, found_bias = fit_logit(*(torch.tensor(v) for v in (x, y, weight, bias)))
    found = x @ found_weight.double().numpy() + float(found_bias)
    np.testing.assert_allclose(found, expected, atol=2e-4)
    if not positives:
        np.testing.assert_allclose(found_weight, weight, rtol=1e-6)
        assert found_bias < bias


def test_equal_features_leave_the_offset_only() -> None:
    weight, bias = fit_logit(
        torch.ones(4, 2), torch.tensor([1.0, 0.0, 0.0, 0.0]), torch.zeros(2), torch.tensor(0.4)
    )
    assert not weight.any()
    assert abs(float(bias)) < 0.4
