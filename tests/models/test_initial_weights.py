from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from metafacs.models.backbones import Backbone
from metafacs.models.initial_weights import (
    describe_weights,
    packaged_weights,
    save_weights,
)
from metafacs.models.small import SmallBackbone
from metafacs.tensor_files import read_header


def test_packaged_file_is_what_the_backbone_starts_from() -> None:
    path = packaged_weights("faces", "small")
    assert path is not None
    assert path.stat().st_size < 5e6
    stored = load_file(path)
    state = Backbone("small", "faces").build().state_dict()
    assert {name for name in state if not name.endswith("num_batches_tracked")} == set(stored)
    for name, value in stored.items():
        assert torch.equal(state[name], value.float()), name
        assert value.isfinite().all()
    torch.manual_seed(0)
    features = Backbone("small", "faces").build().eval()(torch.randn(4, 3, 64, 64))
    assert features.isfinite().all()
    assert features.std() > 0


def test_packaged_file_says_what_it_learned_and_what_it_never_saw() -> None:
    path = packaged_weights("faces", "small")
    assert path is not None
    told = read_header(path)
    assert told is not None
    assert told["backbone"] == "small"
    assert told["synthetic"] is True
    assert told["learned"] == ["identity", "landmarks", "head pose"]
    assert told["never_read"] == ["action units", "expressions"]
    assert (told["input_size"], told["crop_size"]) == (64, 72)
    data, scores = told["data"], told["scores_on_held_out_people"]
    assert isinstance(data, dict)
    assert data["dataset"] == "pretraining_faces"
    assert data["twin"]["synthetic"] is True
    assert data["twin"]["subjects"] == told["people"] + data["twin"]["held_out_subjects"]  # type: ignore[operator]
    assert isinstance(scores, dict)
    assert scores["people"] == data["twin"]["held_out_subjects"]
    assert scores["verification_auc"] > 0.9
    assert scores["landmark_error"] < 0.1


def test_other_backbones_are_refused() -> None:
    with pytest.raises(ValueError, match="'faces' are for the backbone small, not for 'resnet18'"):
        Backbone("resnet18", "faces").build()
    assert packaged_weights("imagenet", "resnet18") is None


def test_half_precision_file_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    backbone = SmallBackbone()
    path = tmp_path / "weights.safetensors"
    save_weights(path, backbone, {"learned": ["identity"]})
    again = Backbone("small", str(path)).build()
    for name, value in backbone.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=1e-3, atol=1e-6)
    assert read_header(path) == {"format": "metafacs-backbone-1", "learned": ["identity"]}


def test_a_run_names_choice_and_hash_but_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"abc")
    digest = hashlib.sha256(b"abc").hexdigest()[:16]
    assert describe_weights(str(path), "resnet34") == {"choice": "mine.safetensors", "sha256": digest}
    for choice in ("none", "imagenet"):
        assert describe_weights(choice, "small") == {"choice": choice, "sha256": None}
    packaged = packaged_weights("faces", "small")
    assert packaged is not None
    digest = hashlib.sha256(packaged.read_bytes()).hexdigest()[:16]
    assert describe_weights("faces", "small") == {"choice": "faces", "sha256": digest}
