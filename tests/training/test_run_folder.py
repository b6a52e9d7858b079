"""What a folder of a run holds is told apart, kept from others, and made again where it is damaged."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import AUS, paint, rows_of, write_store
from metafacs import tensor_files
from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from metafacs.data.store import Store
from metafacs.locks import FolderInUseError, claimed
from metafacs.methods.base import OptimizerChanges, OptimizerSpec
from metafacs.methods.single_task import SingleTask
from metafacs.models.backbones import Backbone
from metafacs.models.model_file import CheckpointError
from metafacs.tensor_files import save_tensors
from metafacs.training.identity import foreign_code
from metafacs.training.run import train
from metafacs.training.trainer import CHECKPOINT_FILE, MODEL_FILE, PREVIOUS_FILE, RUN
from metafacs.training.training_data import BatchSizes

FAST = {"base": OptimizerSpec("adamw", 0.01, schedule="one_cycle")}


def run(store: Store, out: Path, **changes: object) -> Path:
    settings: dict = {
        "options": {"backbone": "small"},
        "aus": [1, 4],
        "iterations": 9,
        "batch": BatchSizes(4),
        "size": 32,
        "checkpoint_every": 2,
        "optimizers": FAST,
        "progress": False,
        **changes,
    }
    return train("single_task", store.path, out, **settings)


class KilledError(Exception):
    pass


@pytest.fixture
def killed(au_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that was killed after seven of nine iterations: checkpoints of four and six."""
    update, calls = SingleTask.update, []

    def dying(self, batches, step):
        calls.append(1)
        if len(calls) == 8:
            raise KilledError
        return update(self, batches, step)

    with monkeypatch.context() as patch:
        patch.setattr(SingleTask, "update", dying)
        with pytest.raises(KilledError):
            run(au_store, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def whole(au_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """The model of a run that nothing happened to."""
    return load_checkpoint(run(au_store, tmp_path_factory.mktemp("whole")))


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def assert_equal(found: Checkpoint, whole: Checkpoint) -> None:
    assert found.history == whole.history
    assert all(torch.equal(value, found.weights[name]) for name, value in whole.weights.items())


@pytest.mark.parametrize(("broken", "first"), [((), 6), ((0,), 4), ((0, 1), 0)])
def test_a_damaged_checkpoint_is_named_and_the_run_ends_as_without(
    broken: tuple[int, ...],
    first: int,
    killed: Path,
    au_store: Store,
    whole: Checkpoint,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = [killed / CHECKPOINT_FILE, killed / PREVIOUS_FILE]
    assert [load_checkpoint(path).iteration for path in paths] == [6, 4]
    for number in broken:
        damage(paths[number])
    assert_equal(load_checkpoint(run(au_store, killed, progress=True)), whole)
    told = capsys.readouterr()
    assert (f"going on from iteration {first} of" in told.out) == (first > 0)
    assert told.err.count("is damaged") == len(broken)
    left = {path.name for path in killed.glob("*.safetensors*")}
    assert left == {MODEL_FILE, *(f"{paths[number].name}.damaged" for number in broken)}


@pytest.mark.parametrize(
    "spoil", [damage, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"\0" * 999)]
)
def test_a_damaged_model_is_trained_again(
    spoil: Callable[[Path], None], au_store: Store, whole: Checkpoint, tmp_path: Path
) -> None:
    path = run(au_store, tmp_path)
    spoil(path)
    assert_equal(load_checkpoint(run(au_store, tmp_path)), whole)
    assert (tmp_path / f"{MODEL_FILE}.damaged").exists()


def test_a_sound_file_that_cannot_be_read_now_stays_and_ends_the_command(
    killed: Path, au_store: Store, whole: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(path: str, **options: object) -> None:
        raise OSError(errno.ESTALE, "Stale file handle")

    finished = run(au_store, killed.parent / "finished")
    for folder in (killed, finished.parent):
        before = {path.name: path.read_bytes() for path in folder.glob("*.safetensors*")}
        with monkeypatch.context() as patch:
            patch.setattr(tensor_files, "safe_open", failing)
            with pytest.raises(OSError, match="Stale file handle"):
                run(au_store, folder)
        assert {path.name: path.read_bytes() for path in folder.glob("*.safetensors*")} == before
        assert_equal(load_checkpoint(run(au_store, folder)), whole)


def test_checkpoints_beside_a_finished_model_go(au_store: Store, tmp_path: Path) -> None:
    path = run(au_store, tmp_path, iterations=1)
    (tmp_path / CHECKPOINT_FILE).write_bytes(path.read_bytes())
    assert run(au_store, tmp_path, iterations=1) == path
    assert [found.name for found in tmp_path.glob("*.safetensors")] == [MODEL_FILE]


def test_other_pictures_with_the_same_labels_are_another_run(au_store: Store, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    rows = [{**row, "image": paint(rng, 36, np.zeros(3))} for row in rows_of(au_store)]
    other = write_store(tmp_path / "other", rows, dataset="bp4d", aus=list(AUS), expressions=[], size=36)
    path = run(au_store, tmp_path / "run", iterations=1)
    before = path.read_bytes()
    told = rf"streams.au.store_fingerprint \({au_store.fingerprint} there, {other.fingerprint} here\)"
    with pytest.raises(CheckpointError, match=told):
        run(other, tmp_path / "run", iterations=1)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"aus": [1, 12]}, r"aus \(\[1, 4\] there, \[1, 12\] here\)"),
        ({"iterations": 2}, r"iterations \(1 there, 2 here\)"),
        (
            {"optimizers": {"base": OptimizerSpec("adamw", 0.02)}},
            r"optimizers.base.lr \(0.01 there, 0.02 here\)",
        ),
        ({"validation_people": 1}, "split"),
        ({"reserve": 0.2}, "pictures.au"),
        ({"options": {"backbone": "few_shot"}}, r"options.backbone.name \(small there, few_shot here\)"),
    ],
)
def test_what_differs_is_named(
    changes: dict[str, object], message: str, au_store: Store, tmp_path: Path
) -> None:
    run(au_store, tmp_path, iterations=1)
    with pytest.raises(CheckpointError, match=message):
        run(au_store, tmp_path, **{"iterations": 1, **changes})


def test_what_an_override_does_not_name_stays_and_is_recorded(
    au_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = OptimizerSpec("adam", 0.1, weight_decay=0.0, schedule="halved", betas=(0.5, 0.9))
    monkeypatch.setattr(SingleTask, "optimizers", lambda self: {"base": usual})
    path = run(au_store, tmp_path, iterations=1, optimizers={"base": OptimizerChanges(lr=1e-5)})
    told = load_checkpoint(path).description.more
    expected = {"base": {**asdict(usual), "lr": 1e-5, "betas": [0.5, 0.9]}}
    assert told["optimizers"] == told[RUN]["optimizers"] == expected
    # The same spec written out whole is the same run.
    assert run(au_store, tmp_path, iterations=1, optimizers={"base": replace(usual, lr=1e-5)}) == path
    with pytest.raises(ValueError, match=r"given for \['heads'\] but single_task has the groups \['base'\]"):
        run(au_store, tmp_path, iterations=1, optimizers={"heads": OptimizerChanges(lr=1e-5)})


def test_a_model_of_an_earlier_version_is_not_taken_for_this_run(au_store: Store, tmp_path: Path) -> None:
    path = run(au_store, tmp_path, iterations=1)
    known = load_checkpoint(path)
    more = {name: value for name, value in known.description.more.items() if name != RUN}
    old = known.description.__class__(**{**vars(known.description), "more": more})
    known.description = old
    save_checkpoint(path, known)
    with pytest.raises(
        CheckpointError, match=r"is of an earlier version .* delete .* run the same command again"
    ):
        run(au_store, tmp_path, iterations=1)


def test_a_start_that_was_made_again_is_the_same_and_one_with_other_weights_is_not(
    au_store: Store, tmp_path: Path
) -> None:
    start = run(au_store, tmp_path / "start", iterations=1)
    second = run(au_store, tmp_path / "second", iterations=1, initialise=start)
    third = run(au_store, tmp_path / "third", iterations=1, initialise=second)
    known, before = load_checkpoint(start), [path.read_bytes() for path in (second, third)]
    # It took another time, and has got thresholds since.
    described = replace(known.description, thresholds={1: 0.3})
    save_checkpoint(start, replace(known, seconds=known.seconds + 1, description=described))
    assert run(au_store, second.parent, iterations=1, initialise=start) == second
    assert run(au_store, third.parent, iterations=1, initialise=second) == third
    assert [path.read_bytes() for path in (second, third)] == before
    second.unlink()
    assert run(au_store, second.parent, iterations=1, initialise=start) == second
    assert second.read_bytes() != before[0]
    assert run(au_store, third.parent, iterations=1, initialise=second) == third
    assert third.read_bytes() == before[1]
    weights = {name: value + 1 for name, value in known.weights.items()}
    save_checkpoint(start, replace(known, weights=weights))
    with pytest.raises(CheckpointError, match=r"is of another run: initialised_from.fingerprint \("):
        run(au_store, second.parent, iterations=1, initialise=start)


def test_a_run_of_an_earlier_version_knows_its_start_by_the_file(au_store: Store, tmp_path: Path) -> None:
    start = run(au_store, tmp_path / "start", iterations=1)
    path = run(au_store, tmp_path / "run", iterations=1, initialise=start)
    saved = load_checkpoint(path)
    told = dict(saved.description.initialised_from or {})
    assert told.pop("fingerprint") == load_checkpoint(start).fingerprint
    save_checkpoint(path, replace(saved, description=replace(saved.description, initialised_from=told)))
    before = path.read_bytes()
    assert run(au_store, path.parent, iterations=1, initialise=start) == path
    known = load_checkpoint(start)
    save_checkpoint(start, replace(known, seconds=known.seconds + 1))
    with pytest.raises(CheckpointError, match=r"is of another run: initialised_from.sha256 \("):
        run(au_store, path.parent, iterations=1, initialise=start)
    assert path.read_bytes() == before


def test_a_file_of_something_else_is_left_where_it_is(au_store: Store, tmp_path: Path) -> None:
    save_tensors(tmp_path / MODEL_FILE, {"a": torch.ones(1)}, {"format": "something-2"})
    before = (tmp_path / MODEL_FILE).read_bytes()
    with pytest.raises(CheckpointError, match=f"choose another --out, or delete {tmp_path / MODEL_FILE}"):
        run(au_store, tmp_path)
    assert (tmp_path / MODEL_FILE).read_bytes() == before


def test_a_folder_that_another_trains_in_is_refused(au_store: Store, tmp_path: Path) -> None:
    with claimed(tmp_path, "training mal"), pytest.raises(FolderInUseError, match=r"training mal, process"):
        run(au_store, tmp_path)


def test_a_folder_that_cannot_be_written_is_told_before_training(au_store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match=r"file cannot be written .it is a file.; give another one"):
        run(au_store, tmp_path / "file", iterations=10**9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iterations": -5}, "iterations is -5; give a number from 1 to 1,000,000,000"),
        ({"iterations": 10**12}, "iterations is 1000000000000"),
        ({"size": 4}, "size is 4; give a number from 16 to 1,024"),
        ({"aus": []}, "no action units are given"),
        ({"aus": [1, 1]}, r"--aus: action units are repeated: \(1, 1\)"),
        ({"aus": [3]}, "--aus: AU3 is not a FACS action unit"),
        ({"seed": -1}, "seed is -1"),
        ({"reserve": float("nan")}, "reserve is nan"),
        ({"checkpoint_every": 0}, "checkpoint_every is 0"),
        ({"fold": 0}, "fold is 0"),
        ({"fold": 2, "split": "everybody"}, "the split 'everybody' has no fold 2, only fold 1"),
        ({"stand_ins": {1: 2}}, "name it with --initialise"),
        ({"accelerator": "tpu"}, "'tpu' is no device that metafacs knows"),
    ],
)
def test_settings_out_of_range_are_refused_before_anything_is_written(
    changes: dict[str, object], message: str, au_store: Store, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        run(au_store, tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_a_store_that_the_method_does_not_read_is_named(
    au_store: Store, expression_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(au_store, tmp_path, iterations=1, expression=expression_store.path, progress=True)
    told = f"single_task reads no expression pictures: {expression_store.path} is not used"
    assert told in capsys.readouterr().out


def test_numbers_of_batches_and_optimisers_have_ranges() -> None:
    with pytest.raises(ValueError, match=r"batch.au is 0; give a number from 1 to 16,384"):
        BatchSizes(au=0)
    with pytest.raises(ValueError, match="an optimiser's lr is nan"):
        OptimizerSpec(lr=float("nan"))
    with pytest.raises(ValueError, match="betas are two numbers"):
        OptimizerSpec("adam", betas=(0.9,))  # type: ignore[arg-type]


def test_a_foreign_method_is_known_by_what_its_file_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)

    def digests(text: str) -> dict[str, str]:
        (tmp_path / "foreign_code_here.py").write_text(text)
        sys.modules.pop("foreign_code_here", None)
        importlib.invalidate_caches()
        kind = importlib.import_module("foreign_code_here").Own
        return foreign_code(
            kind, {"width": 3, "backbone": {"name": "foreign_code_here:Own", "weights": "none"}}
        )

    first = digests("class Own: pass\n")
    assert set(first) == {"foreign_code_here"}
    assert digests("class Own: changed = True\n") != first
    assert digests("class Own: pass\n") == first
    assert foreign_code(SingleTask, {"backbone": Backbone("small")}) == {}
    assert set(foreign_code(SingleTask, {"backbone": Backbone("foreign_code_here:Own")})) == set(first)
