from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from metafacs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from metafacs.files import digest_of_file
from metafacs.hub import HubError, HubFile
from metafacs.reports import publishing
from metafacs.reports.publishing import save_to_hub, write_files


@pytest.mark.parametrize("folder", ["/home/somebody", "../somebody", "somebody/runs"])
def test_the_files_are_the_finished_model_its_card_and_its_configuration(
    folder: str, untrained_model: Path, tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(untrained_model)
    training = replace(
        checkpoint,
        options={"backbone": {"name": "small", "weights": f"{folder}/start.safetensors"}},
        random_state=torch.get_rng_state(),
    )
    save_checkpoint(tmp_path / "model.safetensors", training)
    files = write_files(tmp_path / "model.safetensors", "lab/faces", tmp_path / "out")
    assert list(files) == ["model.safetensors", "README.md", "config.json"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(files)
    published = load_checkpoint(files["model.safetensors"])
    assert (published.random_state, published.fingerprint) == (None, checkpoint.fingerprint)
    assert not any(b"somebody" in path.read_bytes() for path in files.values())
    told = json.loads(files["config.json"].read_text())
    assert told["sha256"] == digest_of_file(files["model.safetensors"])
    assert (told["action_units"], told["input_size"], told["crop_size"]) == ([1, 4, 12], 32, 36)
    assert told["options"] == {"backbone": {"name": "small", "weights": "start.safetensors"}}
    published.build()


def test_what_is_published_is_returned_by_its_commit(
    untrained_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}

    def publish(repository: str, files: dict[str, Path], message: str, *, private: bool) -> HubFile:
        seen.update({name: path.read_bytes() for name, path in files.items()})
        assert (repository, private) == ("lab/faces", True)
        return HubFile(repository, "b" * 40, files["model.safetensors"])

    monkeypatch.setattr(publishing, "publish", publish)
    assert save_to_hub(untrained_model, "lab/faces", licence="mit") == "hf:lab/faces@" + "b" * 40
    assert seen["README.md"].startswith(b"---\nlicense: mit\n")
    with pytest.raises(HubError, match="write user/name"):
        save_to_hub(untrained_model, "faces")
