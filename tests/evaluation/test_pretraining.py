from __future__ import annotations

from math import degrees
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from metafacs.data.datasets.pretraining_faces import read_pretraining_faces
from metafacs.data.prepare import prepare_store
from metafacs.data.store import Store
from metafacs.evaluation.pretraining import score_pretraining
from metafacs.methods.pretraining import FaceDescription
from metafacs.training.pretraining import faces_stream


class Oracle(nn.Module):
    """Knows landmarks up to a shift and poses up to a turn; its embeddings are drawn."""

    def __init__(self, store: Store, rows: np.ndarray) -> None:
        super().__init__()
        self.points = torch.from_numpy(store.landmarks[rows]) - (store.size - 32) // 2
        self.pose = torch.from_numpy(store.pose[rows])
        drawn = torch.randn(len(rows), 4, generator=torch.Generator().manual_seed(0))
        self.embedding = drawn / drawn.norm(dim=1, keepdim=True)
        self.done = 0

    def describe(self, images: Tensor) -> FaceDescription:
        part = slice(self.done, self.done + len(images))
        self.done += len(images)
        turned = self.pose[part] + torch.tensor([0.1, -0.2, 0.0])
        return FaceDescription(self.embedding[part], self.points[part] + torch.tensor([3.0, 4.0]), turned)


@pytest.fixture(scope="module")
def store(pretraining_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    reading = read_pretraining_faces(pretraining_faces)
    return prepare_store(reading, tmp_path_factory.mktemp("stores") / "f", size=36, workers=1, progress=False)


def test_scores_are_those_of_the_definitions(store: Store) -> None:
    stream = faces_stream(store, "train", batch=10, size=32)
    oracle = Oracle(store, stream.rows)
    scores = score_pretraining(oracle, stream)  # type: ignore[arg-type]
    assert (scores.people, scores.pictures) == (18, 54)
    assert scores.pose_error == pytest.approx((degrees(0.1), degrees(0.2), 0.0), abs=1e-4)
    eyes = store.landmarks[stream.rows][:, [36, 45]]
    distance = np.linalg.norm(eyes[:, 0] - eyes[:, 1], axis=1)
    assert scores.landmark_error == pytest.approx(float((5 / distance).mean()), rel=1e-5)
    people = store.subjects[stream.rows]
    one, other = np.triu_indices(54, 1)
    alike = (oracle.embedding @ oracle.embedding.T).numpy()[one, other]
    assert scores.verification_auc == pytest.approx(roc_auc_score(people[one] == people[other], alike))
    assert "54 pictures of 18 held-out people" in str(scores)


def test_one_person_cannot_be_verified(store: Store) -> None:
    stream = faces_stream(store, "validation", batch=10, size=32)
    stream.rows = stream.rows[:3]
    with pytest.raises(ValueError, match="pictures of two people"):
        score_pretraining(Oracle(store, stream.rows), stream)  # type: ignore[arg-type]
