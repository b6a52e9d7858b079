from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from metafacs.models.initial_weights import load_parts


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.second = nn.Linear(3, 1)


def write(path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, str(path))
    return path


def test_parts_in_the_file_are_filled_and_others_kept(tmp_path: Path) -> None:
    module, donor = Whole(), Whole()
    kept = module.second.weight.clone()
    state = {f"method.first.{name}": value for name, value in donor.first.state_dict().items()}
    path = write(tmp_path / "model.safetensors", {**state, "optimizer.base.0.step": torch.ones(1)})
    load_parts(module, path)
    assert torch.equal(module.first.weight, donor.first.weight)
    assert torch.equal(module.second.weight, kept)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"method.third.weight": torch.ones(1)}, "'third.weight', which this method does not have"),
        ({"first.weight": torch.ones(3, 2)}, "no weights of a method"),
        ({"method.first.weight": torch.ones(3, 2)}, "no 'first.bias'"),
        ({"method.first.weight": torch.ones(4, 2), "method.first.bias": torch.ones(3)}, r"shape \(4, 2\)"),
    ],
)
def test_files_that_do_not_fit_are_refused(
    tensors: dict[str, torch.Tensor], message: str, tmp_path: Path
) -> None:
    module = Whole()
    before = module.first.weight.clone()
    with pytest.raises(ValueError, match=message):
        load_parts(module, write(tmp_path / "model.safetensors", tensors))
    assert torch.equal(module.first.weight, before)


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="metafacs train"):
        load_parts(Whole(), tmp_path / "nothing.safetensors")
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_parts(Whole(), tmp_path / "text")
