"""Start from a trained model: classifiers by FACS number, nobody who is held out, everything told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.data.splits import Split, SplitError
from metafacs.faces.alignment import AlignmentSpec
from metafacs.facs import EXPRESSIONS
from metafacs.methods import METHODS, method_name
from metafacs.methods.base import Method, OptimizerSpec, Prediction
from metafacs.models.model_file import CheckpointError, origin, read_model_file
from metafacs.training.transfer import refuse_leak, transfer

BP4D, DISFA = (1, 2, 4, 6, 12, 23), (12, 1, 9, 25)
HELD_OUT = Split("3fold", 1, ("SN001",), ("SN002",))

Save = Callable[..., tuple[Path, Method]]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Return a function that saves an untrained model as if it had been trained on BP4D's F001."""

    def save(name: str, aus: tuple[int, ...] = BP4D, backbone: str = "small", **description: object):
        torch.manual_seed(1)
        options: dict[str, object] = {"backbone": backbone}
        method = METHODS[name].build(aus, EXPRESSIONS[:5], options)
        told = {
            "synthetic": True,
            "licence": "of BP4D",
            "data": [{"dataset": "bp4d", "synthetic": True}],
            "split": asdict(Split("3fold", 1, ("F001",), ("F002",))),
            "input_size": 32,
            "alignment": {},
            **description,
        }
        known = Description.from_json(told)
        saved = Checkpoint(name, options, method.aus, method.expressions, method.state_dict(), known)
        save_checkpoint(tmp_path / "model.safetensors", saved)
        return tmp_path / "model.safetensors", method

    return save


def build(name: str, aus: tuple[int, ...] = DISFA) -> Method:
    torch.manual_seed(2)
    return METHODS[name].build(aus, EXPRESSIONS, {"backbone": "small"})  # type: ignore[call-arg]


def refuse(model: Path, dataset: str, split: Split) -> None:
    """Ask whether a run on these data may learn from the model."""
    refuse_leak(origin(model, *read_model_file(model)), dataset, split)


def test_classifiers_go_by_number_and_name(save: Save) -> None:
    path, old = save("multi_task")
    new, untouched = build("mal"), build("mal")
    done = transfer(new, path, {25: 23})
    before, after, start = old.state_dict(), new.state_dict(), untouched.state_dict()
    for key, value in before.items():
        if key.startswith("network.backbone."):
            assert torch.equal(after[key], value), key
    for tensor in ("weight", "bias"):
        mine, theirs = (s[f"network.action_units.{tensor}"] for s in (after, before))
        fresh = start[f"network.action_units.{tensor}"]
        for au, other in ((12, 12), (1, 1), (25, 23)):
            assert torch.equal(mine[DISFA.index(au)], theirs[BP4D.index(other)])
        assert torch.equal(mine[DISFA.index(9)], fresh[DISFA.index(9)])
        mine, theirs, fresh = (s[f"network.expressions.{tensor}"] for s in (after, before, start))
        assert torch.equal(mine[:5], theirs)
        assert torch.equal(mine[5:], fresh[5:])
    assert torch.equal(after["weight_net.linear.weight"], start["weight_net.linear.weight"])
    assert done.loaded["AU25"] == "AU23"
    assert done.loaded["network.backbone"] == "network.backbone"
    assert done.fresh == {
        "positive_weights": "it is no part of the network",
        "negative_weights": "it is no part of the network",
        "weight_net": "it is no part of the network",
        "AU9": "the model does not know it",
        "expression anger": "the model does not know it",
        "expression neutral": "the model does not know it",
    }
    assert done.unused == ["AU2", "AU4", "AU6"]


def test_the_report_is_readable_and_becomes_part_of_the_record(save: Save) -> None:
    path, _ = save("single_task", (1, 2, 4))
    done = transfer(build("single_task", (1, 9, 25)), path, {25: 4})
    assert str(done).splitlines() == [
        "initialised from model.safetensors, trained with single_task",
        "  taken over: network.backbone, AU1, AU25 from AU4",
        "  starts afresh: AU9 (the model does not know it)",
        "  not used: AU2",
    ]
    known = Description(Framing(32, 36, AlignmentSpec()), licence="of DISFA", seed=3)
    told = done.describe(known)
    assert told.synthetic is True
    assert told.licence == "of DISFA; started from a model of BP4D"
    assert told.seed == 3
    assert told.initialised_from is not None
    assert told.initialised_from["unused"] == ["AU2"]
    assert len(told.initialised_from["sha256"]) == 16
    assert str(path.parent) not in str(told.to_json())


def test_attention_is_taken_over_where_both_have_it(save: Save) -> None:
    path, old = save("mtan")
    new = build("mtan")
    done = transfer(new, path)
    for part in ("attention", "encoders"):
        assert f"network.{part}" in done.loaded
    key = "network.attention.expressions.2.0.weight"
    assert torch.equal(new.state_dict()[key], old.state_dict()[key])
    assert torch.equal(
        new.state_dict()["network.heads.action_units.weight"][0],
        old.state_dict()["network.heads.action_units.weight"][BP4D.index(12)],
    )
    without = transfer(build("single_task"), path)
    assert {"network.attention", "network.encoders", "expression fear"} <= set(without.unused)
    assert without.fresh["AU12"] == "the model's reads network.attention, which is not used"


def test_parts_that_the_model_lacks_start_afresh(save: Save) -> None:
    path, _ = save("single_task")
    done = transfer(build("mtan"), path)
    assert done.fresh["network.attention"] == "the model has none"
    assert done.fresh["AU12"] == "it reads network.attention, which starts afresh"
    assert done.fresh["expression fear"] == "the model does not know it"


def test_how_pictures_are_normalised_comes_with_the_backbone(save: Save) -> None:
    path, old = save("single_task", backbone="resnet18")
    new = METHODS["single_task"].build(DISFA, (), {"backbone": "resnet18"})
    new.network.backbone.expect_imagenet_pixels()
    transfer(new, path)
    assert torch.equal(new.network.backbone.pixel_scale, old.network.backbone.pixel_scale)


def test_a_larger_backbone_is_another_one(save: Save) -> None:
    # ResNet-34 has every block of ResNet-18, under the same names.
    path, _ = save("single_task", backbone="resnet34")
    smaller = METHODS["single_task"].build(DISFA, (), {"backbone": "resnet18"})
    with pytest.raises(CheckpointError, match="does not have this method's backbone"):
        transfer(smaller, path)


def test_another_backbone_is_refused(save: Save) -> None:
    path, _ = save("single_task", backbone="resnet18")
    with pytest.raises(CheckpointError, match="does not have this method's backbone"):
        transfer(build("single_task"), path)


@pytest.mark.parametrize("wrong", [{26: 23}, {25: 17}])
def test_impossible_stand_ins_are_refused(save: Save, wrong: dict[int, int]) -> None:
    path, _ = save("single_task")
    with pytest.raises(ValueError, match="cannot start from"):
        transfer(build("single_task"), path, wrong)


def test_a_model_that_knows_the_held_out_people_is_refused(save: Save) -> None:
    path, _ = save("single_task")
    own = Split("3fold", 2, ("F002",), ("F001",))
    with pytest.raises(SplitError, match=r"training of model\.safetensors and in test: F001"):
        refuse(path, "bp4d", own)
    refuse(path, "bp4d", Split("3fold", 1, ("F001",), ("F002",)))


def test_so_is_one_that_started_from_such_a_model(save: Save) -> None:
    first = {
        "file": "first.safetensors",
        "data": [{"dataset": "disfa"}],
        "split": {"train": ["SN002"], "by": "subject"},
    }
    path, _ = save("single_task", initialised_from=first)
    with pytest.raises(SplitError, match=r"training of first\.safetensors and in test: SN002"):
        refuse(path, "disfa", HELD_OUT)


def test_a_set_divided_otherwise_is_refused(save: Save) -> None:
    path, _ = save("single_task", split=asdict(Split("parts", 1, ("train",), ("test",), by="part")))
    with pytest.raises(SplitError, match="divided otherwise"):
        refuse(path, "bp4d", Split("3fold", 1, ("F001",), ("F002",)))


@pytest.mark.parametrize("source", ["initialised_from", "transferred_from", "pseudo_labels"])
def test_so_is_one_that_such_a_model_taught_or_labelled_for(save: Save, source: str) -> None:
    first = {"file": "first.safetensors", "data": [{"dataset": "disfa"}]}
    first |= {"split": {"train": ["SN002"], "by": "subject"}}
    path, _ = save("single_task", **{source: first})
    with pytest.raises(SplitError, match=r"training of first\.safetensors and in test: SN002"):
        refuse(path, "disfa", HELD_OUT)
    # A table of labels has learned from nobody.
    path, _ = save("single_task", pseudo_labels={"file": "openface.csv", "pictures": 3})
    refuse(path, "disfa", HELD_OUT)


def test_a_split_says_nothing_of_further_data_sets(save: Save) -> None:
    told = {"data": [{"dataset": "bp4d"}, {"dataset": "disfa"}]}
    path, _ = save("single_task", **told)
    with pytest.raises(SplitError, match="trained on disfa divided otherwise"):
        refuse(path, "disfa", HELD_OUT)
    refuse(path, "disfa", Split("parts", 1, ("train",), ("test",), by="part"))


def test_pictures_known_under_the_name_of_another_data_set_are_refused(save: Save) -> None:
    path, _ = save("single_task", data=[{"dataset": "raf_au"}])
    parts = Split("parts", 1, ("train",), ("test",), by="part")
    with pytest.raises(SplitError, match="learned from raf_au, whose pictures are those of raf_ce"):
        refuse(path, "raf_ce", parts)
    refuse(path, "raf_db", parts)


@pytest.fixture
def save_as(save: Save) -> Callable[[str, Method, dict[str, object]], Path]:
    """Return a function that saves an untrained method in the place of the model of ``save``."""

    def write(name: str, method: Method, options: dict[str, object]) -> Path:
        path, _ = save("multi_task")
        told = load_checkpoint(path).description
        save_checkpoint(path, Checkpoint(name, options, method.aus, (), method.state_dict(), told))
        return path

    return write


class Reader(Method):
    """Features and classifiers without a network, as mesh_reader has them."""

    def __init__(self, aus: tuple[int, ...], width: int = 3) -> None:
        super().__init__(aus)
        self.features = torch.nn.Linear(4, width)
        self.action_units = torch.nn.Linear(3, len(aus))
        self.intensities = torch.nn.Linear(3, len(aus))

    def parameter_groups(self) -> dict[str, list[torch.nn.Parameter]]:
        raise NotImplementedError

    def optimizers(self) -> dict[str, OptimizerSpec]:
        raise NotImplementedError

    def update(self, batches: object, step: object) -> dict[str, torch.Tensor]:
        raise NotImplementedError

    def predict(self, images: torch.Tensor) -> Prediction:
        hidden = self.features(images)
        return Prediction(self.action_units(hidden).sigmoid(), intensities=self.intensities(hidden))


SaveAs = Callable[[str, Method, dict[str, object]], Path]


def test_without_a_network_features_come_with_the_rows_that_read_them(save_as: SaveAs) -> None:
    name, old = method_name(Reader), Reader((1, 12))
    path = save_as(name, old, {})
    new = Reader((12, 25))
    done = transfer(new, path)
    assert done.loaded == {"features": "features", "AU12": "AU12", "intensity of AU12": "intensity of AU12"}
    x = torch.randn(5, 4)
    known, told = old.predict(x), new.predict(x)
    assert torch.equal(told.probabilities[:, 0], known.probabilities[:, 1])
    assert torch.equal(told.intensities[:, 0], known.intensities[:, 1])  # type: ignore[index]

    path = save_as(name, Reader((1, 12), width=2), {})
    with pytest.raises(CheckpointError, match=r"has nothing that .*Reader could start from"):
        transfer(Reader((12, 25)), path)


def test_no_rows_without_the_features_that_they_read(save_as: SaveAs) -> None:
    old, new = Reader((1, 12)), Reader((1, 12))
    for method, width in ((old, 2), (new, 3)):
        method.further = torch.nn.Linear(4, width)
    start = new.action_units.weight.detach().clone()
    done = transfer(new, save_as(method_name(Reader), old, {}))
    assert done.loaded == {"features": "features"}
    assert done.fresh["AU12"] == "it reads further, which starts afresh"
    assert torch.equal(new.action_units.weight, start)


def test_another_method_without_a_network_is_refused(save_as: SaveAs) -> None:
    path = save_as("single_task", Reader((1, 12)), {})
    with pytest.raises(CheckpointError, match="choose a model of the same method"):
        transfer(Reader((1, 12)), path)


def test_stand_ins_go_for_branches_as_for_rows(save_as: SaveAs) -> None:
    def untrained(*aus: int) -> Method:
        return METHODS["source_only"].build(aus, (), {"width": 2})  # type: ignore[call-arg]

    old, new = untrained(1, 12, 23), untrained(9, 1, 25)
    fresh = new.state_dict()["network.detector.branches.9.0.weight"].clone()
    done = transfer(new, save_as("source_only", old, {"width": 2}), {25: 23})
    assert done.loaded == {"network.extractors": "network.extractors", "AU1": "AU1", "AU25": "AU23"}
    assert done.fresh["AU9"] == "the model does not know it"
    assert done.unused == ["au_weights", "AU12"]
    before, after = old.state_dict(), new.state_dict()
    for name in [name for name in after if "branches.25." in name]:
        assert torch.equal(after[name], before[name.replace("branches.25.", "branches.23.")]), name
    assert torch.equal(after["network.detector.branches.9.0.weight"], fresh)


def test_a_stand_in_for_what_the_method_has_not_is_refused(save_as: SaveAs) -> None:
    options: dict[str, object] = {"width": 2, "stage": "landmarks"}
    old = METHODS["dual_domain"].build((1, 23), (), options)
    new = METHODS["dual_domain"].build((1, 25), (), options)
    with pytest.raises(ValueError, match="dual_domain has nothing of AU25 alone"):
        transfer(new, save_as("dual_domain", old, options), {25: 23})


def test_branches_known_by_number_go_whole_or_not_at_all(save: Save, tmp_path: Path) -> None:
    def untrained(aus: tuple[int, ...]) -> Method:
        return METHODS["source_only"].build(aus, (), {"width": 4})  # type: ignore[call-arg]

    path, _ = save("multi_task")
    told = load_checkpoint(path).description
    old = untrained((1, 4))
    saved = Checkpoint("source_only", {"width": 4}, old.aus, (), old.state_dict(), told)
    save_checkpoint(path, saved)

    same = untrained((4, 1))
    done = transfer(same, path)
    assert done.loaded == {
        "network.extractors": "network.extractors",
        "network.detector": "network.detector",
    }
    for name, value in old.network.detector.state_dict().items():  # type: ignore[operator, union-attr]
        assert torch.equal(same.network.detector.state_dict()[name], value)  # type: ignore[operator, union-attr]

    done = transfer(untrained((1, 12)), path)
    assert done.loaded == {"network.extractors": "network.extractors"}
    assert done.fresh["network.detector"] == "the model has another one"
    assert not [name for name in (*done.loaded, *done.fresh) if name.startswith("AU")]
