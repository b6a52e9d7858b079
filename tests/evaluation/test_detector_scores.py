from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from metafacs.evaluation.detector_scores import Told, score_told
from metafacs.metrics.intensity import intraclass_correlation

AUS = (4, 12)


def told(*, everything: bool = True) -> Told:
    rng = np.random.default_rng(0)
    known = rng.uniform(0, 5, (60, 2)).astype(np.float32)
    targets = (known > 2).astype(np.float32)
    targets[:5, 1] = np.nan
    probabilities = np.clip(known / 5 + rng.normal(0, 0.2, (60, 2)), 0, 1).astype(np.float32)
    pose = rng.normal(0, 0.2, (60, 3)).astype(np.float32)
    return Told(
        AUS,
        probabilities,
        targets,
        5 * probabilities if everything else None,
        known,
        pose + np.float32(np.radians([1, 2, 3])) if everything else None,
        pose,
    )


def test_scores_are_those_of_the_known_pictures_at_each_threshold() -> None:
    said, thresholds = told(), {4: 0.3, 12: 0.6}
    scores = score_told(said, thresholds, people=20)
    for column, au in enumerate(AUS):
        known = ~np.isnan(said.targets[:, column])
        truth, probability = said.targets[known, column], said.probabilities[known, column]
        row = scores.aus[au]
        assert row.positives == int(truth.sum())
        assert row.auc == pytest.approx(roc_auc_score(truth, probability))
        assert row.f1 == pytest.approx(f1_score(truth, probability >= np.float32(thresholds[au])))
        assert said.intensities is not None
        icc = intraclass_correlation(said.intensities[:, column], said.known_intensities[:, column])
        assert row.icc == pytest.approx(icc)
    assert scores.pose_degrees == pytest.approx((1, 2, 3), abs=1e-3)
    assert scores.mean("auc") == pytest.approx(np.mean([scores.aus[au].auc for au in AUS]))


@pytest.mark.filterwarnings("error")
def test_what_a_method_does_not_tell_is_none_in_json() -> None:
    content = score_told(told(everything=False), dict.fromkeys(AUS, 0.5), people=20).to_json()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["mean"]["icc"] is None
    assert content["pose_degrees"] == [None, None, None]
    assert content["aus"]["4"]["mae"] is None
    assert content["mean"]["auc"] > 0.5
