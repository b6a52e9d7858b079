from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.checkpoints.checkpoint import CheckpointError, load_checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.faces.alignment import AlignmentSpec
from metafacs.facs import EXPRESSIONS
from metafacs.methods import METHODS
from metafacs.methods.base import DivergedError, OptimizerSpec, Stepper
from metafacs.methods.options import complete_options
from metafacs.methods.single_task import SingleTask
from metafacs.training import trainer
from metafacs.training.computing import Computing
from metafacs.training.loss_scaling import LossScale
from metafacs.training.run import train
from metafacs.training.stepper import OptimizerStepper
from metafacs.training.trainer import CHECKPOINT_FILE, MODEL_FILE, LostRunError, Trainer, TrainingPlan
from metafacs.training.training_data import BatchSizes

BATCH = BatchSizes(8, 8, 6)
DESCRIPTION = Description(Framing(32, 36, AlignmentSpec()))


def run(out: Path, au: Store, fe: Store, method: str = "mal", **changes: object) -> Path:
    settings: dict = {
        "options": {"backbone": "small"},
        "iterations": 12,
        "batch": BATCH,
        "size": 32,
        "checkpoint_every": 5,
        "reserve": 0.2,
        "progress": False,
        **changes,
    }
    stores = {"action_units": au.path, "expression": fe.path, "target": fe.path}
    return train(method, out=out, aus=[1, 4, 12], **stores, **settings)


def run_joint(out: Path, store: Store, method: str, optimizers: dict[str, OptimizerSpec]) -> Path:
    """Train a method that reads pictures with both labels."""

    def stream(name: str, rows: range) -> Stream:
        return Stream(store, np.array(rows), aus=store.aus, name=name, batch_size=8, size=32, seed=0)

    torch.manual_seed(0)
    options = complete_options(METHODS[method], {"backbone": "small"})
    return Trainer(
        method,
        METHODS[method].build(store.aus, store.expressions, options),
        options,
        {"joint": stream("joint", range(30)), "validation": stream("validation", range(30, 40))},
        TrainingPlan(12, checkpoint_every=5),
        out,
        DESCRIPTION,
        optimizers,
    ).run(progress=False)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("method", METHODS)
def test_killed_and_resumed_run_ends_with_the_same_weights(
    method: str,
    tmp_path: Path,
    au_store: Store,
    expression_store: Store,
    compound_store: Store,
    small_options: Callable[[str], dict],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    joint = "joint" in METHODS[method].streams
    moments = OptimizerSpec("adamw", 0.01, schedule="one_cycle")
    if joint:
        optimizers = dict.fromkeys(["backbone", "heads"], moments)
    else:
        own = METHODS[method].build((1, 4, 12), EXPRESSIONS, small_options(method)).optimizers()
        optimizers = {"base": moments} if "base" in own else {}

    def trained(name: str) -> Path:
        if joint:
            return run_joint(tmp_path / name, compound_store, method, optimizers)
        options = {"options": small_options(method), "optimizers": optimizers}
        return run(tmp_path / name, au_store, expression_store, method, **options)

    whole = load_checkpoint(trained("whole"))
    update, calls = METHODS[method].update, []

    def dying(self, batches, step):
        calls.append(1)
        if len(calls) == 9:
            raise KilledError
        return update(self, batches, step)

    monkeypatch.setattr(METHODS[method], "update", dying)
    with pytest.raises(KilledError):
        trained("parts")
    monkeypatch.setattr(METHODS[method], "update", update)
    resumed = load_checkpoint(trained("parts"))
    assert resumed.iteration == whole.iteration == 12
    for key, value in whole.weights.items():
        assert torch.equal(value, resumed.weights[key]), key
    assert resumed.history == whole.history
    assert not (tmp_path / "parts" / CHECKPOINT_FILE).exists()


def test_finished_run_is_not_trained_again(tmp_path: Path, au_store: Store, expression_store: Store) -> None:
    first = load_checkpoint(run(tmp_path, au_store, expression_store))
    again = load_checkpoint(run(tmp_path, au_store, expression_store))
    assert again.seconds == pytest.approx(first.seconds, abs=1e-3)
    assert again.history == first.history


def test_other_configuration_does_not_overwrite(
    tmp_path: Path, au_store: Store, expression_store: Store
) -> None:
    run(tmp_path, au_store, expression_store)
    with pytest.raises(CheckpointError, match=r"of another run: seed \(0 there, 1 here\)"):
        run(tmp_path, au_store, expression_store, seed=1)
    assert (tmp_path / MODEL_FILE).exists()


def test_divergence_keeps_the_last_checkpoint(
    tmp_path: Path, au_store: Store, expression_store: Store
) -> None:
    wild = {"base": OptimizerSpec("sgd", 1e6, momentum=0.0)}
    with pytest.raises(DivergedError, match="at iteration"):
        run(tmp_path, au_store, expression_store, "single_task", optimizers=wild, checkpoint_every=1)
    assert not (tmp_path / MODEL_FILE).exists()


def test_a_run_that_ends_by_itself_tells_its_curves_to_the_end(
    tmp_path: Path, au_store: Store, expression_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = SingleTask.update

    def lose(method: SingleTask, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        if step.progress >= 0.5:
            raise DivergedError("the game is lost")
        return usual(method, batches, step)

    monkeypatch.setattr(SingleTask, "update", lose)
    with pytest.raises(LostRunError) as caught:
        run(tmp_path, au_store, expression_store, "single_task")
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == "the game is lost at iteration 6; the last checkpoint is kept"
    assert (error.reason, error.run.iteration) == ("the game is lost", 6)
    assert error.run.history["iteration"] == [6.0]
    assert np.isfinite(error.run.history["loss_action_units"]).all()
    assert load_checkpoint(tmp_path / CHECKPOINT_FILE).iteration == 5


def test_curves_of_a_lost_run_end_before_what_is_not_finite(
    tmp_path: Path, au_store: Store, expression_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve = {"loss_action_units": torch.tensor(float("nan"))}
    monkeypatch.setattr(SingleTask, "update", lambda *_: curve)
    with pytest.raises(LostRunError, match="loss_action_units is NaN or infinite at iteration 5") as caught:
        run(tmp_path, au_store, expression_store, "single_task")
    assert caught.value.run.history == {}


class Late(OptimizerStepper):
    """A stepper that does not look at once, as on a GPU."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{**named, "looks_at_once": False})


def test_what_is_looked_at_later_never_reaches_a_file(
    tmp_path: Path, au_store: Store, expression_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "OptimizerStepper", Late)
    usual = SingleTask.update

    def broken(method: SingleTask, batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        if step.progress < 0.5:
            return usual(method, batches, step)
        step.apply([torch.full_like(p, torch.nan) for p in method.parameters()], "base")
        return {"loss_action_units": torch.ones(())}

    monkeypatch.setattr(SingleTask, "update", broken)
    expected = "group 'base' was not finite in iteration 7, noticed at iteration 10"
    with pytest.raises(LostRunError, match=expected) as caught:
        run(tmp_path, au_store, expression_store, "single_task", checkpoint_every=5)
    assert caught.value.run.history["iteration"] == [10.0]
    assert not (tmp_path / MODEL_FILE).exists()
    kept = load_checkpoint(tmp_path / CHECKPOINT_FILE)
    assert kept.iteration == 5
    assert all(bool(value.isfinite().all()) for value in kept.weights.values())


def _breaking(part: str, after: int) -> Callable[..., dict[str, Tensor]]:
    """Return an update that leaves NaN where no loss shows it, from one iteration on."""
    usual = SingleTask.update

    def update(method: SingleTask, batches: Mapping[str, Batch], step: OptimizerStepper) -> dict[str, Tensor]:
        curves = usual(method, batches, step)
        if step.iteration + 1 >= after:
            (running, *_) = (value for name, value in method.named_buffers() if name.endswith("running_mean"))
            (kept, *_) = (
                value
                for state in step.optimizers["base"].state.values()
                for value in state.values()
                if isinstance(value, Tensor) and value.dim()
            )
            (running if part == "buffer" else kept).fill_(torch.nan)
        return curves

    return update


@pytest.mark.parametrize(
    ("part", "after", "noticed", "kept"),
    [("buffer", 7, 10, 5), ("buffer", 12, 12, 10), ("optimizer", 10, 10, 5)],
)
def test_what_no_file_may_hold_is_lost(
    part: str,
    after: int,
    noticed: int,
    kept: int,
    tmp_path: Path,
    au_store: Store,
    expression_store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SingleTask, "update", _breaking(part, after))
    named = r"method\..*running_mean" if part == "buffer" else r"optimizer\.base"
    expected = rf"^{named}.* holds NaN or infinity at iteration {noticed}; the last checkpoint is kept"
    with pytest.raises(LostRunError, match=expected) as caught:
        run(tmp_path, au_store, expression_store, "single_task")
    assert caught.value.run.history["iteration"] == [float(noticed)]
    assert load_checkpoint(tmp_path / CHECKPOINT_FILE).iteration == kept
    assert not (tmp_path / MODEL_FILE).exists()


def test_a_finished_model_needs_no_optimizer(
    tmp_path: Path, au_store: Store, expression_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SingleTask, "update", _breaking("optimizer", 12))
    assert load_checkpoint(run(tmp_path, au_store, expression_store, "single_task")).iteration == 12


def test_looking_later_trains_the_same(
    tmp_path: Path, au_store: Store, expression_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = load_checkpoint(run(tmp_path / "once", au_store, expression_store, "multi_task"))
    monkeypatch.setattr(trainer, "OptimizerStepper", Late)
    threads = Computing(threads=3)
    late = load_checkpoint(run(tmp_path / "l", au_store, expression_store, "multi_task", computing=threads))
    assert all(torch.equal(value, late.weights[name]) for name, value in once.weights.items())
    assert late.history == once.history


def test_the_scale_of_losses_is_taken_up_again(
    tmp_path: Path, au_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scaled() -> Trainer:
        stream = Stream(au_store, np.arange(24), aus=au_store.aus, name="au", batch_size=8, size=32, seed=0)
        torch.manual_seed(0)
        options = complete_options(SingleTask, {"backbone": "small"})
        method = SingleTask.build(au_store.aus, (), options)
        plan = TrainingPlan(8, checkpoint_every=3)
        made = Trainer("single_task", method, options, {"au": stream}, plan, tmp_path, DESCRIPTION)
        made.stepper.scale = LossScale(4.0)
        return made

    monkeypatch.setattr(LossScale, "PATIENCE", 4)
    first = scaled()
    usual, calls = first.method.update, []

    def dying(batches: Mapping[str, Batch], step: Stepper) -> dict[str, Tensor]:
        calls.append(1)
        if len(calls) == 7:
            raise KilledError
        return usual(batches, step)

    monkeypatch.setattr(first.method, "update", dying)
    with pytest.raises(KilledError):
        first.run(progress=False)
    assert load_checkpoint(tmp_path / CHECKPOINT_FILE).loss_scale == (8.0, 2)
    second = scaled()
    second.run(progress=False)
    assert second.stepper.scale is not None
    assert second.stepper.scale.state == (16.0, 0)
    assert load_checkpoint(tmp_path / MODEL_FILE).loss_scale is None


def test_learns_what_is_there_to_learn(tmp_path: Path, au_store: Store, expression_store: Store) -> None:
    fast = {"base": OptimizerSpec("adamw", 0.003)}
    path = run(tmp_path, au_store, expression_store, "single_task", iterations=60, optimizers=fast)
    losses = load_checkpoint(path).history["loss_action_units"]
    assert losses[-1] < 0.6 * losses[0]


def test_missing_stream_is_named(tmp_path: Path, au_store: Store) -> None:
    with pytest.raises(ValueError, match="--expression"):
        train("mal", au_store.path, tmp_path, options={"backbone": "small"})
    with pytest.raises(ValueError, match=r"missing: \['au'\]"):
        Trainer(
            "single_task",
            METHODS["single_task"].build((1,), (), {"backbone": "small"}),
            {},
            {},
            None,
            tmp_path,
            DESCRIPTION,
        )  # type: ignore[arg-type, call-arg]


def test_description_tells_what_a_user_must_know(
    tmp_path: Path, au_store: Store, expression_store: Store
) -> None:
    description = load_checkpoint(run(tmp_path, au_store, expression_store)).description
    assert description.synthetic is True
    assert (description.framing.input_size, description.framing.crop_size) == (32, 36)
    assert not set(description.held_out.train) & set(description.held_out.test)
    assert str(tmp_path) not in str(description.to_json())


def test_description_tells_which_model_was_learned_from(
    tmp_path: Path,
    au_store: Store,
    expression_store: Store,
    expression_model: Path,
    small_options: Callable[[str], dict],
) -> None:
    options = small_options("l2t_ww")
    path = run(tmp_path, au_store, expression_store, "l2t_ww", options=options, iterations=1)
    told = load_checkpoint(path).description.more["transferred_from"]
    assert told["file"] == expression_model.name  # type: ignore[index]
    assert told["method"] == "single_task_expression"  # type: ignore[index]
