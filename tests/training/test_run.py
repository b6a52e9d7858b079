from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conftest import rows_of, write_store
from metafacs.checkpoints.checkpoint import load_checkpoint
from metafacs.data.splits import SplitError, choose_split
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation
from metafacs.models.initial_weights import describe_weights
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes, TrainingData, choose_rows, make_streams

AUS = (1, 4, 12)


@pytest.fixture
def data(au_store: Store, expression_store: Store) -> TrainingData:
    split = choose_split(au_store, "published", 1)
    return choose_rows(au_store, {"expression": expression_store}, AUS, split, reserve=0.1, seed=0)


def test_train_reserve_and_test_people_are_disjoint(
    data: TrainingData, au_store: Store, expression_store: Store
) -> None:
    assert not set(data.train) & set(data.reserve)
    assert set(au_store.subjects[data.train]) == set(au_store.subjects[data.reserve])
    assert not set(au_store.subjects[data.train]) & set(data.split.test)
    assert set(expression_store.parts[data.rows["expression"]]) == {"train"}


def test_everybody_trains_where_nobody_is_held_out(au_store: Store) -> None:
    data = choose_rows(au_store, {}, AUS, choose_split(au_store, "everybody"), reserve=0.1, seed=0)
    assert data.split.test == ()
    assert len(set(au_store.subjects[data.train])) == 6


def test_rows_without_any_known_label_are_left_out(au_store: Store) -> None:
    column = int(au_store.columns_of((4,))[0])
    unknown = np.flatnonzero(np.isnan(au_store.action_units[:, column]))
    data = choose_rows(au_store, {}, (4,), choose_split(au_store, "everybody"), reserve=0.1, seed=0)
    assert len(unknown)
    assert not set(unknown) & (set(data.train) | set(data.reserve))


def test_a_validation_part_of_the_set_is_the_reserve(parted_store: Store) -> None:
    split = choose_split(parted_store)
    data = choose_rows(parted_store, {}, AUS, split, reserve=0.1, seed=0, joint=True)
    assert set(parted_store.parts[data.train]) == {"train"}
    assert set(parted_store.parts[data.reserve]) == {"validation"}
    assert (parted_store.expression[data.train] >= 0).all()


def test_people_held_out_are_not_adapted_to(au_store: Store) -> None:
    split = choose_split(au_store, "published", 1)
    with pytest.raises(SplitError, match="in the pictures to adapt to and in test"):
        choose_rows(au_store, {"target": au_store}, AUS, split, reserve=0.1, seed=0)


def test_held_out_people_are_not_shown_as_expressions_either(parted_store: Store) -> None:
    split = choose_split(parted_store, "leave_one_subject_out", 1)
    data = choose_rows(parted_store, {"expression": parted_store}, AUS, split, reserve=0.2, seed=0)
    rows = data.rows["expression"]
    assert len(rows)
    assert set(parted_store.subjects[rows]) <= set(split.train)
    assert not set(rows) & set(data.reserve)


def test_nor_pictures_held_out_under_another_name(parted_store: Store, tmp_path: Path) -> None:
    rows = [{**row, "part": "train", "subject": ""} for row in rows_of(parted_store)]
    other = write_store(tmp_path / "ml", rows, **{**parted_store.description, "dataset": "raf_ml"})
    split = choose_split(parted_store)
    data = choose_rows(parted_store, {"expression": other}, AUS, split, reserve=0.2, seed=0)
    assert set(other.keys[data.rows["expression"]]) == set(parted_store.keys[data.train])
    unrelated = write_store(tmp_path / "db", rows, **{**parted_store.description, "dataset": "raf_db"})
    data = choose_rows(parted_store, {"expression": unrelated}, AUS, split, reserve=0.2, seed=0)
    assert len(data.rows["expression"]) == len(unrelated)


def test_streams_have_the_sizes_asked_for(data: TrainingData) -> None:
    streams = make_streams(data, AUS, BatchSizes(4, 5, 6), 32, 0, Augmentation())
    assert {name: len(stream.batch(0)) for name, stream in streams.items()} == {
        "au": 4,
        "joint": 4,
        "source": 4,
        "expression": 5,
        "validation": 6,
    }


def test_a_method_says_which_store_it_misses(au_store: Store, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="learns from expressions too; give a prepared store with --expression"
    ):
        train("multi_task", au_store.path, tmp_path / "run", options={"backbone": "small"}, aus=[1], size=32)


@pytest.mark.parametrize("packaged", [True, False])
def test_model_says_what_it_started_from(au_store: Store, tmp_path: Path, packaged: bool) -> None:
    options = {"backbone": "small", **({"weights": "faces"} if packaged else {})}
    out = train(
        "single_task",
        au_store.path,
        tmp_path,
        options=options,
        aus=[1],
        iterations=1,
        batch=BatchSizes(8),
        size=32,
        reserve=0.1,
        progress=False,
    )
    expected = describe_weights("faces" if packaged else "none", "small")
    assert load_checkpoint(out).description.more["initial_weights"] == expected
    assert (expected["sha256"] is not None) == packaged


def test_methods_that_read_no_reserve_train_on_all_pictures(au_store: Store, tmp_path: Path) -> None:
    small = {"options": {"backbone": "small"}, "aus": [1], "iterations": 1, "size": 32, "progress": False}
    out = train("single_task", au_store.path, tmp_path / "all", batch=BatchSizes(8), reserve=0, **small)
    description = load_checkpoint(out).description
    known = ~np.isnan(au_store.action_units[:, au_store.columns_of((1,))[0]])
    training = known & np.isin(au_store.subjects, description.held_out.train)
    assert description.pictures == {"au": training.sum(), "validation": 0}
    with pytest.raises(ValueError, match="mal learns from a reserve of pictures"):
        train("mal", au_store.path, tmp_path / "mal", expression=au_store.path, reserve=0, **small)
    assert not (tmp_path / "mal").exists()


def test_impossible_fold_is_refused_before_anything_is_written(au_store: Store, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="1 to 3"):
        train(
            "single_task",
            au_store.path,
            tmp_path / "run",
            options={"backbone": "small"},
            aus=[1],
            fold=7,
            size=32,
        )
    assert not (tmp_path / "run").exists()


def test_a_run_starts_from_a_model_and_says_so(
    au_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"aus": [1, 4], "size": 32, "iterations": 1, "batch": BatchSizes(8, 8, 8)}
    first = train("single_task", au_store.path, tmp_path / "a", options={"backbone": "small"}, **settings)  # type: ignore[arg-type]
    settings["aus"] = [1, 12]
    second = train(
        "single_task",
        au_store.path,
        tmp_path / "b",
        options={"backbone": "small"},
        initialise=first,
        **settings,
    )  # type: ignore[arg-type]
    known = load_checkpoint(second).description.initialised_from
    assert known["loaded"]["AU1"] == "AU1"  # type: ignore[index]
    assert "starts afresh: AU12 (the model does not know it)" in capsys.readouterr().out
    with pytest.raises(SplitError, match=r"in the training of model\.safetensors and in test"):
        train(
            "single_task",
            au_store.path,
            tmp_path / "c",
            options={"backbone": "small"},
            fold=2,
            initialise=first,
            **settings,
        )  # type: ignore[arg-type]
    assert not (tmp_path / "c").exists()


def test_another_model_labels_the_pictures_to_adapt_to(
    au_store: Store, expression_store: Store, tmp_path: Path
) -> None:
    settings = {"aus": [1, 4], "size": 32, "iterations": 1, "batch": BatchSizes(8, 8, 8), "progress": False}
    labeller = train("source_only", au_store.path, tmp_path / "a", options={"width": 4}, **settings)  # type: ignore[arg-type]
    found = train(
        "dual_domain",
        au_store.path,
        tmp_path / "b",
        options={"width": 4},
        target=expression_store.path,
        pseudo_labels=labeller,
        **settings,  # type: ignore[arg-type]
    )
    checkpoint = load_checkpoint(found)
    assert checkpoint.options["pseudo_labels"] is True
    assert checkpoint.description.more["pseudo_labels"]["method"] == "source_only"
    with pytest.raises(ValueError, match="leave out --pseudo_labels"):
        train(
            "source_only",
            au_store.path,
            tmp_path / "c",
            options={"width": 4},
            pseudo_labels=labeller,
            **settings,  # type: ignore[arg-type]
        )
    with pytest.raises(ValueError, match="nobody gives them"):
        train(
            "adld",
            au_store.path,
            tmp_path / "d",
            options={"width": 4, "pseudo_labels": True},
            target=expression_store.path,
            **settings,  # type: ignore[arg-type]
        )


def test_a_table_of_another_program_labels_the_pictures_to_adapt_to(
    au_store: Store, expression_store: Store, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    lines = [f"{key},1,0" for key in expression_store.keys]
    table.write_text("\n".join(["picture,AU01,AU04", *lines]))
    found = train(
        "adld",
        au_store.path,
        tmp_path / "run",
        options={"width": 4},
        target=expression_store.path,
        pseudo_labels=table,
        **{"aus": [1, 4], "size": 32, "iterations": 1, "batch": BatchSizes(8, 8, 8), "progress": False},  # type: ignore[arg-type]
    )
    described = load_checkpoint(found).description.more["pseudo_labels"]
    assert described["file"] == "labels.csv"  # type: ignore[index]
    assert described["aus"] == [1, 4]  # type: ignore[index]
