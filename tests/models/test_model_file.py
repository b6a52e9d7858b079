from __future__ import annotations

from pathlib import Path

import pytest
import torch

from metafacs.models.model_file import (
    CheckpointError,
    ModelHeader,
    adapted_to,
    known_alike,
    names_of,
    origin,
    read_model_file,
)
from metafacs.tensor_files import save_tensors

HEADER = {
    "format": "metafacs-checkpoint-1",
    "method": "single_task",
    "options": {},
    "aus": [1, 12],
    "expressions": ["happy"],
    "description": {"data": [{"dataset": "bp4d"}], "seed": 3},
    "iteration": 7,
    "history": {"iteration": [7.0], "loss": [0.5]},
    "pending": {"loss": [1, 2]},
    "seconds": 1.5,
}
WEIGHTS = {"method.network.weight": torch.ones(2)}


def test_header_and_tensors_come_back(tmp_path: Path) -> None:
    save_tensors(tmp_path / "m", WEIGHTS, HEADER)
    header, tensors = read_model_file(tmp_path / "m")
    assert (header.method, header.aus, header.expressions) == ("single_task", (1, 12), ("happy",))
    assert (header.iteration, header.pending) == (7, {"loss": [1.0, 2.0]})
    assert tensors.keys() == WEIGHTS.keys()
    assert torch.equal(tensors["method.network.weight"], torch.ones(2))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 1),
        ("method", ["mal"]),
        ("options", []),
        ("aus", [1, 1]),
        ("aus", [1, 999]),
        ("aus", ["1", "12"]),
        ("aus", [1.5]),
        ("aus", list(range(10_000))),
        ("expressions", "abc"),
        ("expressions", ["happy", "happy"]),
        ("expressions", [str(number) for number in range(2000)]),
        ("description", None),
        ("iteration", -1),
        ("iteration", True),
        ("history", {"loss": "x"}),
        ("history", {"iteration": [1.0], "loss": []}),
        ("pending", {"a": [1.0, 2.0], "b": [1.0]}),
        ("seconds", -1),
        ("seconds", None),
    ],
)
def test_a_header_of_the_wrong_kind_is_refused_in_a_sentence(
    tmp_path: Path, field: str, value: object
) -> None:
    path = tmp_path / "m.safetensors"
    save_tensors(path, WEIGHTS, {**HEADER, field: value})
    with pytest.raises(CheckpointError, match=r"^\S*m\.safetensors.*train it again$"):
        read_model_file(path)
    save_tensors(path, WEIGHTS, {key: one for key, one in HEADER.items() if key != field})
    with pytest.raises(CheckpointError, match=rf"m\.safetensors.*{field}.*train it again$"):
        read_model_file(path)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is a folder; give the model\.safetensors in it"):
        read_model_file(tmp_path)


def test_tensors_that_no_model_has_are_refused(tmp_path: Path) -> None:
    # A name that was damaged would leave an optimiser without a part of its memory.
    save_tensors(tmp_path / "m", {**WEIGHTS, "optimizes.base.0.step": torch.ones(1)}, HEADER)
    with pytest.raises(CheckpointError, match=r"holds a tensor that no model has, 'optimizes\.base"):
        read_model_file(tmp_path / "m")


def test_an_origin_says_the_same_of_every_model(tmp_path: Path) -> None:
    save_tensors(tmp_path / "m", WEIGHTS, HEADER)
    header, _ = read_model_file(tmp_path / "m")
    told = origin(tmp_path / "m", header, WEIGHTS)
    assert (told["file"], told["method"], told["aus"], told["seed"]) == ("m", "single_task", [1, 12], 3)
    assert (told["synthetic"], told["split"], told["data"]) == (False, None, [{"dataset": "bp4d"}])
    assert adapted_to(told) is None
    odd = ModelHeader(**{**HEADER, "aus": (), "expressions": (), "description": {"data": [3]}})  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=r"m, description: data\[0\]"):
        origin(tmp_path / "m", odd, WEIGHTS)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/m.st", "b/m.st"], ["a", "b"]),
        (["c/G/fold1-seed0/m.st", "c/M/fold1-seed0/m.st"], ["G/fold1-seed0", "M/fold1-seed0"]),
        (["a/x/m.st", "b/x/m.st"], ["a/x", "b/x"]),
        (["1/a/x/m.st", "2/a/x/m.st"], ["1/a/x", "2/a/x"]),
        (["d/../e/m.st"], ["e"]),
    ],
)
def test_names_tell_models_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paths: list[str], names: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert names_of([Path(path) for path in paths]) == dict(
        zip(names, [Path(path) for path in paths], strict=True)
    )


def test_names_never_lead_out_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "run" / "inner")
    assert list(names_of([Path("../m.st")])) == ["run"]
    assert list(names_of([Path("/m.st")])) == ["m"]
    two = names_of([Path("one.st"), Path("two.st")])
    assert list(two) == ["inner/one", "inner/two"]
    with pytest.raises(ValueError, match=r"one\.st is given twice"):
        names_of([Path("one.st"), Path("./one.st")])


def told_alike(there: dict, here: dict) -> bool:
    one, other = known_alike(there, here)
    return one == other


@pytest.mark.parametrize("source", ["initialised_from", "transferred_from", "pseudo_labels"])
def test_a_model_is_known_by_what_it_learned_and_of_earlier_versions_by_its_file(source: str) -> None:
    def run(**told: object) -> dict:
        return {"seed": 0, source: {"file": "model.safetensors", **told}}

    new = run(sha256="a", fingerprint="1")
    assert told_alike(new, run(sha256="b", fingerprint="1"))
    assert not told_alike(new, run(sha256="a", fingerprint="2"))
    # Earlier versions told no fingerprint.
    assert told_alike(run(sha256="a"), new)
    assert not told_alike(run(sha256="b"), new)
    assert not told_alike(run(sha256="b"), run(sha256="a"))
    assert not told_alike({"seed": 0}, new)
    # What that model learned from is known in the same way.
    deep = [run(sha256=text, fingerprint="3", **run(sha256=text, fingerprint="4")) for text in ("a", "b")]
    assert told_alike(*deep)
    assert not told_alike(deep[0], run(sha256="a", fingerprint="3", **run(sha256="a", fingerprint="5")))


def test_a_model_that_labelled_pictures_is_known_by_its_thresholds_too() -> None:
    def run(**told: object) -> dict:
        return {"pseudo_labels": told}

    half, other = ({"thresholds": {"4": threshold}, "chosen_on": {}} for threshold in (0.5, 0.3))
    new = run(sha256="a", fingerprint="1", decides_at=half)
    assert told_alike(new, run(sha256="b", fingerprint="1", decides_at=half))
    assert not told_alike(new, run(sha256="a", fingerprint="1", decides_at=other))
    assert told_alike(new, run(sha256="a"))
    assert not told_alike(new, run(sha256="b"))
    # A table of labels is nothing but its file.
    assert not told_alike(run(file="labels.csv", sha256="a"), run(file="labels.csv", sha256="b"))
