from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from metafacs.tensor_files import load_tensors, save_tensors

TENSORS = {
    "a": torch.arange(2000.0).reshape(2, 1000),
    "b": torch.tensor(3),
    "c": torch.ones(3, dtype=torch.bfloat16),
    "empty": torch.empty(0, 4),
}


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    shared = {**TENSORS, "view": TENSORS["a"][0]}
    save_tensors(tmp_path / "m", shared, {"format": "x", "n": [1, 2.5]})
    header, tensors = load_tensors(tmp_path / "m", ValueError, "")
    assert header == {"format": "x", "n": [1, 2.5]}
    assert tensors.keys() == shared.keys()
    assert all(torch.equal(tensors[name], value) for name, value in shared.items())


def test_every_flipped_bit_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "m"
    save_tensors(path, TENSORS, {"threshold": 0.4})
    whole = path.read_bytes()
    for place in [*range(len(whole) - 700, len(whole), 97), *range(0, len(whole) - 8000, 5)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        try:
            header, tensors = load_tensors(path, ValueError, "copy it again")
        except ValueError:
            continue
        # Some bits lie in the padding, or turn the name under which the header or its digest is found.
        assert header is None or header == {"threshold": 0.4}
        assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items() if name in tensors)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_neither_written_nor_read(tmp_path: Path, bad: float) -> None:
    path = tmp_path / "m"
    with pytest.raises(ValueError, match="layer holds NaN or infinity"):
        save_tensors(path, {"layer": torch.tensor([bad])}, {})
    assert not path.exists()
    save_file({"layer": torch.tensor([bad])}, path, metadata={"metafacs": "{}"})
    with pytest.raises(ValueError, match="infinity in layer; train again"):
        load_tensors(path, ValueError, "train again")
