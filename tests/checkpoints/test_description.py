"""What a model says of itself, as a file holds it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from metafacs.checkpoints.description import Description, Framing, UsedData
from metafacs.data.splits import Split
from metafacs.faces.alignment import AlignmentSpec
from metafacs.models.model_file import CheckpointError

KNOWN = Description(
    Framing(64, 72, AlignmentSpec(2.6)),
    synthetic=True,
    data=(UsedData("bp4d", True, {"seed": 0}, "ab"), UsedData("raf_db")),
    licence="none",
    pictures={"au": 10},
    split=Split("3fold", 1, ("F001",), ("F002",)),
    seed=3,
    thresholds={12: 0.3},
    initialised_from={"file": "first.safetensors"},
    more={"iterations": 5, "batch": {"au": 8}},
)


def test_it_comes_back_from_json() -> None:
    assert Description.from_json(json.loads(json.dumps(KNOWN.to_json()))) == KNOWN
    assert KNOWN.to_json()["split"]["hash"] == KNOWN.held_out.hash
    assert KNOWN.threshold_of(12) == 0.3
    assert KNOWN.threshold_of(1) == 0.5


def test_what_was_not_said_has_a_usual_value() -> None:
    short = Description.from_json({"input_size": 64, "alignment": {}})
    assert short == Description(Framing(64, 64, AlignmentSpec()))
    assert short.adapted_to is None
    with pytest.raises(CheckpointError, match="whom it was trained on"):
        short.held_out  # noqa: B018 (it is the access that fails)


def test_a_set_seen_without_labels_is_told() -> None:
    assert KNOWN.adapted_to is None
    assert replace(KNOWN, pictures={"au": 10, "target": 3}).adapted_to == "raf_db"


@pytest.mark.parametrize("name", ["input_size", "alignment"])
def test_what_is_missing_is_named(name: str) -> None:
    content = {key: value for key, value in KNOWN.to_json().items() if key != name}
    with pytest.raises(CheckpointError, match=rf"old\.safetensors does not say its {name}"):
        Description.from_json(content, "old.safetensors")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_size", "large"),
        ("alignment", 3),
        ("data", [{"dataset": "bp4d", "colour": 1}]),
        ("pictures", 54),
        ("split", {"train": ["F001"]}),
        ("thresholds", [0.5]),
        ("seed", None),
    ],
)
def test_values_of_the_wrong_kind_are_named(name: str, value: object) -> None:
    with pytest.raises(CheckpointError, match=rf"model\.safetensors holds a {name} of the wrong kind"):
        Description.from_json({**KNOWN.to_json(), name: value}, "model.safetensors")
