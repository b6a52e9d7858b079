"""A person's file: read as it was written, refused where it cannot be what was fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from metafacs.checkpoints.checkpoint import Checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.faces.alignment import AlignmentSpec
from metafacs.inference.loading import detector_of
from metafacs.methods import FEW_SHOT
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import SMALL
from metafacs.personalisation.person import (
    FITTINGS,
    Outcome,
    Person,
    PersonError,
    is_person,
    load_person,
    save_person,
)
from metafacs.tensor_files import load_tensors, save_tensors

KNOWN = Description(Framing(32, 36, AlignmentSpec()), synthetic=True)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    weights = SingleTask((1, 4), backbone=SMALL).state_dict()
    return Checkpoint("single_task", {"backbone": "small"}, (1, 4), (), weights, KNOWN)


@pytest.fixture(scope="module")
def learner() -> Checkpoint:
    options = {"backbone": "few_shot", "inner_rate": 0.1}
    weights = FEW_SHOT["maml"].build((1, 4), options=options).state_dict()  # type: ignore[arg-type]
    return Checkpoint("maml", options, (1, 4), (), weights, KNOWN)


def _person(checkpoint: Checkpoint, kind: str = "last") -> Person:
    shapes = FITTINGS[kind](checkpoint).shapes((1, 12))
    outcomes = (Outcome(1, 3, 4, kept=True, reason="better", accuracy=(None, 0.5)),)
    tensors = {name: torch.full(shape, 0.25) for name, shape in shapes.items()}
    return Person(kind, checkpoint.fingerprint, (1, 12), tensors, outcomes, synthetic=True)


def test_it_comes_back_and_any_damage_is_seen(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path, person = tmp_path / "me.safetensors", _person(checkpoint)
    save_person(path, person)
    loaded = load_person(path, checkpoint)
    assert replace(loaded, tensors=person.tensors) == person
    assert all(torch.equal(loaded.tensors[name], value) for name, value in person.tensors.items())
    whole = bytearray(path.read_bytes())
    whole[-5] ^= 64
    path.write_bytes(whole)
    with pytest.raises(PersonError, match=r"me\.safetensors is damaged.*personalise again"):
        load_person(path, checkpoint)


def test_a_persons_file_is_told_from_others(checkpoint: Checkpoint, tmp_path: Path) -> None:
    for name, is_one in (("me", True), ("model", False), ("text", False), ("missing", False)):
        path = tmp_path / name
        if name == "me":
            save_person(path, _person(checkpoint))
        elif name == "model":
            save_checkpoint(path, checkpoint)
        elif name == "text":
            path.write_text("metafacs-person-1")
        assert is_person(path) is is_one


@pytest.mark.parametrize("kind", ["last", "full", "meta_learned"])
def test_every_fitted_tensor_must_be_there(
    request: pytest.FixtureRequest, checkpoint: Checkpoint, kind: str
) -> None:
    if kind == "meta_learned":
        checkpoint = request.getfixturevalue("learner")
    person = _person(checkpoint, kind)
    detector_of(checkpoint, "model", person=person)
    name = next(name for name in person.tensors if name.startswith("AU1."))
    rest = {key: value for key, value in person.tensors.items() if key != name}
    # Under another name it would leave the AU to the general model, without a word.
    for tensors in (rest, {**rest, name: torch.zeros(2, 7)}, {**rest, "AU1.other": torch.zeros(2)}):
        with pytest.raises(PersonError, match=rf"{name}|AU1\.other.* is missing, too many or of another"):
            detector_of(checkpoint, "model", person=replace(person, tensors=tensors))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("aus", [1, 1]),
        ("aus", "1"),
        ("outcomes", [{"au": 1, "positives": -1, "negatives": 2, "kept": True, "reason": ""}]),
        ("outcomes", 3),
        ("kind", "all"),
        ("synthetic", None),
        ("model", 7),
    ],
)
def test_a_header_of_the_wrong_kind_is_refused(
    checkpoint: Checkpoint, tmp_path: Path, field: str, value: object
) -> None:
    path = tmp_path / "me.safetensors"
    save_person(path, _person(checkpoint))
    header, tensors = load_tensors(path, ValueError, "")
    save_tensors(path, tensors, {**(header or {}), field: value})
    with pytest.raises(PersonError, match=rf"me\.safetensors, header: .*({field}|repeated).*; personalise"):
        load_person(path, checkpoint)


def test_its_numbers_must_be_finite(checkpoint: Checkpoint, tmp_path: Path) -> None:
    person = _person(checkpoint)
    person.tensors["AU1.bias"] = torch.tensor(float("nan"))
    with pytest.raises(ValueError, match=r"AU1\.bias holds NaN or infinity, so .* was not written"):
        save_person(tmp_path / "me.safetensors", person)
