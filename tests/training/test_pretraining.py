from __future__ import annotations

from pathlib import Path

import pytest
import torch

from metafacs.checkpoints.checkpoint import CheckpointError, load_checkpoint
from metafacs.data.datasets.pretraining_faces import read_pretraining_faces
from metafacs.data.prepare import prepare_store
from metafacs.data.shards import StoreError
from metafacs.data.store import Store
from metafacs.methods.pretraining import FacePretraining
from metafacs.training import pretraining
from metafacs.training.pretraining import faces_stream, open_faces, pretrain


@pytest.fixture(scope="module")
def faces(pretraining_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    reading = read_pretraining_faces(pretraining_faces)
    return prepare_store(reading, tmp_path_factory.mktemp("stores") / "f", size=40, workers=1, progress=False)


def test_streams_carry_people_landmarks_and_pose_only(faces: Store) -> None:
    stream = faces_stream(faces, "train", batch=54, size=32, augmentation=pretraining.AUGMENTATION)
    batch = stream.batch(0)
    assert batch.action_units is None
    assert batch.expression is None
    assert set(batch.require("subject").tolist()) == set(range(18))
    assert batch.require("landmarks").isfinite().all()
    assert batch.require("pose").isfinite().all()
    # The crops are level: what is left of the roll is small.
    assert batch.require("pose")[:, 2].abs().max() < 0.15
    held_out = set(faces.subjects[faces_stream(faces, "validation", batch=1, size=32).rows])
    assert held_out == {"P00009", "P00019"}
    assert not held_out & set(faces.subjects[stream.rows])


def test_model_says_what_it_is_and_comes_back(faces: Store, tmp_path: Path) -> None:
    path = pretrain(faces.path, tmp_path / "run", iterations=3, batch=12, size=32, progress=False)
    saved = load_checkpoint(path)
    assert (saved.aus, saved.expressions, saved.iteration) == ((), (), 3)
    assert saved.description.synthetic is True
    assert saved.description.more["never_read"] == ["action units", "expressions"]
    assert (saved.description.more["people"], saved.description.pictures) == (18, {"faces": 54})
    learner = saved.build(FacePretraining)
    for name, value in learner.state_dict().items():
        assert torch.equal(value, saved.weights[name]), name
    with pytest.raises(CheckpointError, match="trained with 'pretraining'"):
        saved.build()


def test_other_stores_are_refused(au_store: Store) -> None:
    with pytest.raises(StoreError, match="was prepared from bp4d; prepare 'pretraining_faces'"):
        open_faces(au_store.path)
