from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from metafacs.data.splits import SplitError
from metafacs.data.store import Store
from metafacs.evaluation.protocols import evaluate_held_out
from metafacs.training.run import BatchSizes, train


def trained(out: Path, store: Store, **options: object) -> Path:
    return train(
        "single_task",
        {"backbone": "small"},
        store.path,
        out,
        aus=[1, 4, 12],
        iterations=3,
        batch=BatchSizes(8, 8, 8),
        size=32,
        progress=False,
        **options,  # type: ignore[arg-type]
    )


def test_tests_exactly_the_held_out_people(au_store: Store, tmp_path: Path) -> None:
    record, predictions = evaluate_held_out(trained(tmp_path, au_store), au_store.path)
    assert set(record.per_subject) == set(predictions.subjects) == {"F004", "F006"}
    assert record.data.synthetic
    assert record.data.fold == 1
    assert record.aus == (1, 4, 12)
    assert record.iterations == 3
    assert record.seconds["train"] > 0


def test_people_seen_in_training_are_refused(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path, au_store)
    with pytest.raises(SplitError, match="in training and in test"):
        evaluate_held_out(model, au_store.path, fold=2)


def test_model_of_everybody_has_no_test_people(au_store: Store, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="nobody is held out"):
        evaluate_held_out(trained(tmp_path, au_store, split="everybody"), au_store.path)


def test_other_crops_are_refused(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path / "run", au_store)
    shutil.copytree(au_store.path, tmp_path / "other")
    description = json.loads((tmp_path / "other" / "store.json").read_text())
    description["alignment"]["box_enlarge"] = 2.0
    (tmp_path / "other" / "store.json").write_text(json.dumps(description))
    with pytest.raises(SplitError, match="prepare it alike"):
        evaluate_held_out(model, tmp_path / "other")


def test_validation_people_choose_and_test_people_stay_unseen(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path, au_store, validation_people=1)
    chosen, _ = evaluate_held_out(model, au_store.path, side="validation")
    tested, _ = evaluate_held_out(model, au_store.path)
    assert len(chosen.per_subject) == 1
    assert set(tested.per_subject) == {"F004", "F006"}
    assert chosen.data.split != tested.data.split
    without = trained(tmp_path / "without", au_store)
    with pytest.raises(SplitError, match="no validation side"):
        evaluate_held_out(without, au_store.path, side="validation")


def test_a_left_out_person_is_tested(au_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path, au_store, split="leave_one_subject_out", fold=3)
    record, _ = evaluate_held_out(model, au_store.path)
    assert set(record.per_subject) == {sorted(set(au_store.subjects))[2]}


def test_changed_parts_are_refused(parted_store: Store, tmp_path: Path) -> None:
    model = trained(tmp_path / "run", parted_store)
    shutil.copytree(parted_store.path, tmp_path / "other")
    table = pa.ipc.open_file(str(parted_store.path / "shard-00000.arrow")).read_all()
    parts = table.column("part").to_pylist()
    table = table.set_column(table.schema.get_field_index("part"), "part", pa.array(parts[1:] + parts[:1]))
    shard = str(tmp_path / "other" / "shard-00000.arrow")
    with pa.OSFile(shard, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(SplitError, match="are not those that the model was trained with"):
        evaluate_held_out(model, tmp_path / "other")
