"""What a model says of itself, as a file holds it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from metafacs.checkpoints.description import Description, Framing, UsedData, without_thresholds
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
    thresholds_chosen_on={"side": "validation", "people": 6},
    initialised_from={"file": "first.safetensors"},
    more={"iterations": 5, "batch": {"au": 8}},
)


def test_it_comes_back_from_json() -> None:
    assert Description.from_json(json.loads(json.dumps(KNOWN.to_json()))) == KNOWN
    assert KNOWN.to_json()["split"]["hash"] == KNOWN.held_out.hash
    assert KNOWN.threshold_of(12) == 0.3
    assert KNOWN.threshold_of(1) == 0.5
    one = KNOWN.cut_at(0.25)
    assert (one.threshold_of(12), one.threshold_of(1), one.thresholds_chosen_on) == (0.25, 0.25, {})
    assert without_thresholds(one.to_json()) == without_thresholds(KNOWN.to_json()) != KNOWN.to_json()


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
    with pytest.raises(CheckpointError, match=rf"old\.safetensors, description: .*missing.* {name}; train"):
        Description.from_json(content, "old.safetensors")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_size", "large"),
        ("input_size", 8),
        ("input_size", 100_000),
        ("input_size", True),
        ("crop_size", 100_000),
        ("alignment", 3),
        ("alignment", {"box_enlarge": "2.9"}),
        ("alignment", {"box_enlarge": float("nan")}),
        ("alignment", {"border": 256}),
        ("alignment", {"shear": 1}),
        ("data", [{"set": "bp4d"}]),
        ("pictures", 54),
        ("pictures", {"au": -1}),
        ("split", {"train": ["F001"]}),
        ("split", {**KNOWN.to_json()["split"], "test": ["F001"]}),
        ("threshold", 1.5),
        ("threshold", float("nan")),
        ("thresholds", [0.5]),
        ("thresholds_chosen_on", "validation people"),
        ("thresholds", {"12": -0.1}),
        ("thresholds", {"smile": 0.1}),
        ("seed", None),
        ("synthetic", "no"),
    ],
)
def test_values_of_the_wrong_kind_or_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(CheckpointError, match=rf"^model\.safetensors, description.*{name}") as caught:
        Description.from_json({**KNOWN.to_json(), name: value}, "model.safetensors")
    assert "\n" not in str(caught.value)


def test_experimental_action_units_are_a_list_of_numbers() -> None:
    assert KNOWN.with_more(experimental=[4, 9]).experimental == (4, 9)
    with pytest.raises(CheckpointError, match="experimental: Expected"):
        KNOWN.with_more(experimental="AU4").experimental  # noqa: B018 (it is the access that fails)
