from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import Tensor

from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.evaluation.landmarks import score_landmarks
from metafacs.faces.landmarks import LANDMARKS_68_TO_49


def stream(store: Store, rows: range) -> Stream:
    return Stream(store, np.array(rows), aus=(), name="test", batch_size=5, size=32, seed=0)


def shifted(pictures: Stream, shift: Tensor) -> dict[int, Tensor]:
    """Return the known landmarks moved by so many eye distances each, keyed by the picture's content."""
    batch = pictures.at(np.arange(len(pictures.rows)))
    assert batch.landmarks is not None
    points = batch.landmarks[:, list(LANDMARKS_68_TO_49)]
    eyes = points[:, 19:25].mean(1) - points[:, 25:31].mean(1)
    moved = points + (shift * eyes.norm(dim=1))[:, None, None] * torch.tensor([1.0, 0.0])
    return {hash(image.numpy().tobytes()): place for image, place in zip(batch.images, moved, strict=True)}


def test_errors_are_in_units_of_the_eye_centres(au_store: Store) -> None:
    pictures = stream(au_store, range(12, 24))
    shift = torch.linspace(0.01, 0.23, 12)
    places = shifted(pictures, shift)
    scores = score_landmarks(
        lambda images: torch.stack([places[hash(image.numpy().tobytes())] for image in images]), pictures
    )
    assert scores.faces == 12
    assert scores.mean_error == pytest.approx(0.12, rel=1e-4)
    assert scores.failure_rate == pytest.approx(7 / 12)
    people = au_store.subjects[12:24]
    assert scores.per_subject == {
        person: pytest.approx(float(shift[torch.from_numpy(people == person)].mean()), rel=1e-4)
        for person in sorted(set(people))
    }
    assert scores.synthetic
    assert json.loads(json.dumps(asdict(scores)))["faces"] == 12


def test_faces_without_landmarks_are_left_out(compound_store: Store) -> None:
    with pytest.raises(ValueError, match="has known landmarks to compare with"):
        score_landmarks(lambda images: torch.zeros(len(images), 49, 2), stream(compound_store, range(8)))
