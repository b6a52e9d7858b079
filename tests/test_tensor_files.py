from __future__ import annotations

import contextlib
import errno
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import metafacs
from metafacs import tensor_files
from metafacs.tensor_files import DIGEST, load_tensors, save_tensors

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
    for place in [*range(len(whole) - 700, len(whole), 97), *range(len(whole) - 8000)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            header, tensors = load_tensors(path, ValueError, "copy it again")
        except ValueError:
            continue
        # Some bits say nothing, such as the case of a letter in an escape.
        assert header == {"threshold": 0.4}
        assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())


def test_other_programs_read_it_and_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    header = {"format": "x", "n": [1, 2.5]}
    save_tensors(tmp_path / "m", TENSORS, header)
    save_tensors(tmp_path / "n", dict(reversed(TENSORS.items())), header)
    assert (tmp_path / "m").read_bytes() == (tmp_path / "n").read_bytes()
    found = load_file(tmp_path / "m")
    assert all(torch.equal(found[name], value) for name, value in TENSORS.items())
    assert found.keys() == TENSORS.keys()


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "m"
    save_tensors(path, {"a": torch.ones(3)}, {"n": 1})
    before = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_tensors(path, {"a": torch.ones(10_000)}, {"n": 1})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("spare", [0, 1])
def test_what_the_system_says_of_a_sound_file_is_no_damage(spare: int, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "m"
    save_tensors(path, {"a": torch.ones(3)}, {"n": 1})
    limit, taken = resource.getrlimit(resource.RLIMIT_NOFILE), []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limit[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        # safetensors opens the file, then torch does.
        for _ in range(spare):
            os.close(taken.pop())
        with pytest.raises(OSError, match="Too many open files") as told:
            load_tensors(path, ValueError, "copy it")
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert (told.value.errno, told.value.filename) == (errno.EMFILE, str(path))
    assert load_tensors(path, ValueError, "copy it")[0] == {"n": 1}


def test_a_file_that_does_not_open_for_a_moment_is_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m"
    save_tensors(path, {"a": torch.ones(3)}, {"n": 1})

    def failing(*words: object, **options: object) -> None:
        raise FileNotFoundError(f"No such file or directory: {path}")

    monkeypatch.setattr(tensor_files, "safe_open", failing)
    with pytest.raises(OSError, match="could not be opened just now; run the same command again"):
        load_tensors(path, ValueError, "copy it")


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "m", metadata={"metafacs": '{"n": 1}'})
    header, tensors = load_tensors(tmp_path / "m", ValueError, "")
    assert header == {"n": 1}
    assert torch.equal(tensors["a"], torch.ones(2))


def test_every_file_of_the_package_holds_a_digest() -> None:
    paths = sorted(Path(metafacs.__file__).parent.rglob("*.safetensors"))
    assert len(paths) == 8
    for path in paths:
        with safe_open(path, framework="pt") as file:
            assert DIGEST in file.metadata()
        assert load_tensors(path, ValueError, "")[0]


def test_numbers_of_no_usual_kind_are_neither_written_nor_read(tmp_path: Path) -> None:
    tensors = {"layer": torch.ones(2, dtype=torch.complex64)}
    with pytest.raises(ValueError, match=r"layer holds torch\.complex64"):
        save_tensors(tmp_path / "m", tensors, {})
    save_file(tensors, tmp_path / "m")
    with pytest.raises(ValueError, match=r"torch\.complex64 in layer, which metafacs does not read; copy it"):
        load_tensors(tmp_path / "m", ValueError, "copy it")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_neither_written_nor_read(tmp_path: Path, bad: float) -> None:
    path = tmp_path / "m"
    with pytest.raises(ValueError, match="layer holds NaN or infinity"):
        save_tensors(path, {"layer": torch.tensor([bad])}, {})
    assert not path.exists()
    save_file({"layer": torch.tensor([bad])}, path, metadata={"metafacs": "{}"})
    with pytest.raises(ValueError, match="infinity in layer; train again"):
        load_tensors(path, ValueError, "train again")


def test_a_signal_waits_until_the_weights_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_tensors(tmp_path / "m", TENSORS, {})
    read = []

    class Interrupted:
        """A file at whose every tensor somebody presses Ctrl-C."""

        def __init__(self, *words: object, **options: object) -> None:
            self.file = safe_open(*words, **options)  # type: ignore[arg-type]

        def __enter__(self) -> Interrupted:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

        def get_tensor(self, name: str) -> torch.Tensor:
            signal.raise_signal(signal.SIGINT)
            read.append(name)
            return self.file.get_tensor(name)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(tensor_files, "safe_open", Interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            load_tensors(tmp_path / "m", ValueError, "")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)
    assert sorted(read) == sorted(TENSORS)
