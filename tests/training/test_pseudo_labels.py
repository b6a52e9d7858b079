from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from metafacs.checkpoints.checkpoint import Checkpoint, save_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.data.codings import CodingError
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.faces.alignment import AlignmentSpec
from metafacs.methods import METHODS
from metafacs.training.pseudo_labels import (
    LabellingDetector,
    LabelTable,
    PseudoLabelError,
    PseudoLabelled,
    read_labeller,
)
from metafacs.training.trainer import Trainer, TrainingPlan

AUS = (1, 4, 12)
KNOWN = Description(Framing(32, 36, AlignmentSpec()))


def detector(aus: tuple[int, ...], **changes: object) -> Checkpoint:
    torch.manual_seed(0)
    method = METHODS["source_only"].build(aus, (), {"width": 4})  # type: ignore[call-arg]
    alignment = {"box_enlarge": 2.9, "border": 128}
    description = {"input_size": 32, "crop_size": 36, "alignment": alignment, "threshold": 0.5, **changes}
    return Checkpoint(
        "source_only", {"width": 4}, aus, (), method.state_dict(), Description.from_json(description)
    )


def stream(store: Store, name: str, aus: tuple[int, ...]) -> Stream:
    return Stream(store, np.arange(48), aus=aus, name=name, batch_size=8, size=32, seed=0)


def test_labels_are_the_decisions_of_the_detector(au_store: Store) -> None:
    checkpoint = detector((12, 25, 1))
    # The pictures' own labels would be known; they must not get through.
    pictures = stream(au_store, "target", AUS)
    labelled = PseudoLabelled(pictures, LabellingDetector(checkpoint, au_store, 32), AUS)
    batch = labelled.batch(3)
    with torch.inference_mode():
        probabilities = checkpoint.build().predict(batch.images).probabilities
    assert batch.action_units is not None
    assert torch.equal(batch.action_units[:, 2], (probabilities[:, 0] >= 0.5).float())
    assert torch.equal(batch.action_units[:, 0], (probabilities[:, 2] >= 0.5).float())
    assert batch.action_units[:, 1].isnan().all()
    assert batch.intensities is None
    assert labelled.aus == ()
    assert labelled.targets().shape == (48, 0)


def test_a_run_tells_at_which_thresholds_its_pictures_were_labelled(au_store: Store, tmp_path: Path) -> None:
    known = detector((1, 12), thresholds={"12": 0.3}, thresholds_chosen_on={"side": "validation"})
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, known)
    labeller, told = read_labeller(path, au_store, 32)
    assert told["fingerprint"] == known.fingerprint
    assert told["decides_at"] == {
        "thresholds": {"1": 0.5, "12": 0.3},
        "chosen_on": {"side": "validation"},
    }
    batch = stream(au_store, "target", ()).batch(0)
    with torch.inference_mode():
        probabilities = known.build().predict(batch.images).probabilities
    assert torch.equal(labeller.label(batch), (probabilities >= torch.tensor([0.5, 0.3])).float())


def test_a_detector_that_does_not_fit_is_refused(au_store: Store) -> None:
    pictures = stream(au_store, "target", ())
    with pytest.raises(PseudoLabelError, match="none of"):
        PseudoLabelled(pictures, LabellingDetector(detector((25,)), au_store, 32), AUS)
    with pytest.raises(PseudoLabelError, match="prepared alike"):
        LabellingDetector(detector(AUS, input_size=64), au_store, 32)


def test_labels_of_another_program_are_found_by_the_names_of_the_pictures(
    au_store: Store, tmp_path: Path
) -> None:
    pictures = stream(au_store, "target", ())
    keys = [str(au_store.keys[row]) for row in pictures.rows]
    table = tmp_path / "openface.csv"
    lines = [f"photos/faces/{key},0.99,{number % 2},,3.1" for number, key in enumerate(keys[:-1])]
    table.write_text("\n".join(["input,confidence,AU12_c,AU01_c,AU12_r", *lines]))
    labels = LabelTable(table, au_store)
    assert labels.aus == (1, 12)
    assert labels.listed == len(keys) - 1
    batch = PseudoLabelled(pictures, labels, AUS).batch(1)
    assert batch.action_units is not None
    assert batch.index is not None
    assert batch.action_units[:, :2].isnan().all()
    for row, value in zip(batch.index, batch.action_units[:, 2], strict=True):
        number = keys.index(str(au_store.keys[row]))
        assert value.isnan() if number == len(keys) - 1 else value == number % 2


def test_probabilities_are_read_where_there_are_no_decisions(au_store: Store, tmp_path: Path) -> None:
    pictures = stream(au_store, "target", ())
    table = tmp_path / "fex.csv"
    table.write_text(f"picture,AU4\n{au_store.keys[0]},0.5\n{au_store.keys[1]},.49\n")
    labels = LabelTable(table, au_store)
    assert labels.label(pictures.at(np.arange(3))).flatten().tolist()[:2] == [1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "labels.csv is empty"),
        ("picture,frame\n", "labels.csv:1: there must be one column 'picture'"),
        ("AU01,AU02\n1,0\n", "labels.csv:1: there must be"),
        ("picture,AU01,AU1\na,1,0\n", "labels.csv:1: action units are repeated"),
        ("picture,AU01,AU77\na,1,0\n", "labels.csv:1: AU77 is not"),
        ("picture,AU01\na,2\n", "labels.csv:2: AU01 is 2, not a number from 0 to 1"),
        ("picture,AU01_c\na,0.7\n", "labels.csv:2: AU01_c is 0.7, not 0, 1 or blank"),
        ("picture,AU01\na,yes\n", "labels.csv:2: AU01 is 'yes'"),
        ("picture,AU01\na,1_0\n", "labels.csv:2: AU01 is '1_0'"),
        ("picture,AU01\na,1\nb\n", "labels.csv:3: the row has 1 cells"),
        ("picture,AU01\na,1\na,0\n", "labels.csv:3: a is listed before"),
        ("picture,AU01\na,1\n", "lists no picture of .* names such as"),
        ("picture,AU01_c,AUU04_c\na,1,1\n", "labels.csv:1: column 'AUU04_c' looks like an action unit"),
        ("picture,AU01,AU04_cx\na,1,1\n", "labels.csv:1: column 'AU04_cx' looks like an action unit"),
        ("picture," + "x" * 5000 + "\na,1\n", "the columns are .{,110}$"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_line(
    au_store: Store, tmp_path: Path, text: str, message: str
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(text)
    with pytest.raises((PseudoLabelError, CodingError), match=message):
        LabelTable(table, au_store)


def test_rows_that_failed_or_match_nothing_are_unknown_and_counted(au_store: Store, tmp_path: Path) -> None:
    keys = [str(key) for key in au_store.keys]
    rows = [f"a/{keys[0]},1,0.9,1", f"a/{keys[1]},0,0,0", f"a/{keys[2]},1,0.9,0", "a/gone.jpg,1,0.9,1"]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["input,success,confidence,AU12_c,AU12_r", *(f"{row},1" for row in rows)]))
    labels = LabelTable(table, au_store)
    told = labels.label(stream(au_store, "target", ()).at(np.arange(4)))
    assert [str(value) for value in told.flatten().tolist()] == ["1.0", "nan", "0.0", "nan"]
    assert labels.listed == 3
    some = f"{', '.join(keys[3:6])} ..."
    assert labels.notes == (
        f"{table}: 1 rows say that no face was found: unknown",
        f"{table}: 1 rows name no picture of {au_store.path}: a/gone.jpg",
        f"{table}: {len(keys) - 3} pictures of {au_store.path} are not in it, unknown: {some}",
    )
    _, described = read_labeller(table, au_store, 32)
    assert described["notes"] == list(labels.notes)


def test_two_folders_that_may_both_be_meant_are_refused(au_store: Store, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(f"picture,AU12\na/{au_store.keys[0]},1\nb/{au_store.keys[0]},0\n")
    with pytest.raises(PseudoLabelError, match="as many pictures below a/ as below b/"):
        LabelTable(table, au_store)


@pytest.mark.parametrize("name", ["adld", "dual_domain"])
def test_methods_learn_from_them(name: str, tmp_path: Path, au_store: Store, expression_store: Store) -> None:
    pictures = stream(expression_store, "target", ())
    target = PseudoLabelled(pictures, LabellingDetector(detector(AUS), expression_store, 32), AUS)
    options = {"width": 4, "pseudo_labels": True}
    method = METHODS[name].build(AUS, (), options)  # type: ignore[arg-type]
    streams = {"source": stream(au_store, "source", AUS), "target": target}
    path = Trainer(name, method, options, streams, TrainingPlan(1), tmp_path, KNOWN).run(progress=False)
    assert path.exists()
