"""Fixtures shared by the tests of evaluation and reports: made-up predictions and records."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from metafacs.evaluation.diagnostics import Lost
from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.predictions import Predictions
from metafacs.evaluation.records import Record, TestedData
from metafacs.evaluation.scoring import score_predictions

AUS = (1, 2, 4, 6, 12)


def _predictions(
    *, skill: float = 1.0, fold: int = 1, seed: int = 0, people: int = 8, frames: int = 40
) -> Predictions:
    """Return predictions on the same people and labels for every skill and seed."""
    truth = np.random.default_rng(fold)
    subjects = np.repeat([f"F{fold}{person:02d}" for person in range(people)], frames)
    targets = (truth.random((len(subjects), len(AUS))) < 0.35).astype(np.float32)
    difficulty = np.repeat(truth.normal(0, 0.5, people), frames)[:, None]
    targets[truth.random(targets.shape) < 0.05] = np.nan
    noise = np.random.default_rng((fold, seed, 7)).normal(0, 1, targets.shape)
    logits = (np.nan_to_num(targets) - 0.5) * 2 * skill + difficulty + noise
    return Predictions(
        AUS, (1 / (1 + np.exp(-logits))).astype(np.float32), targets, subjects, np.arange(len(subjects))
    )


def _record(
    method: str = "mal", *, skill: float = 1.0, fold: int = 1, seed: int = 0, synthetic: bool = True
) -> Record:
    iterations = [float(i) for i in range(0, 200, 20)]
    curve = np.linspace(0, 1, len(iterations))
    history = {
        "iteration": iterations,
        "loss_action_units": (3 - 1.5 * curve).tolist(),
        "loss_expression": (2 - 1.8 * curve).tolist(),
    }
    if method == "single_task":
        del history["loss_expression"]
    if method == "mal":
        history["weight_action_units"] = (0.5 - 0.1 * curve).tolist()
        history["weight_expression"] = (0.5 + 0.1 * curve).tolist()
    return score_predictions(
        _predictions(skill=skill, fold=fold, seed=seed),
        method=method,
        data=TestedData("bp4d", synthetic, "3fold", f"hash{fold}", fold, 0 if synthetic else None),
        seed=seed,
        config={"backbone": "small"},
        seconds={"train": 60.0, "test": 2.0},
        iterations=200,
        history=history,
        bootstrap=50,
    )


@pytest.fixture(scope="session")
def predictions_of() -> Callable[..., Predictions]:
    """Return a maker of predictions whose quality grows with ``skill``."""
    return _predictions


@pytest.fixture(scope="session")
def record_of() -> Callable[..., Record]:
    """Return a maker of records from such predictions."""
    return _record


def _lost_record(method: str = "mal", **changes: int) -> Record:
    sound = _record(method, **changes)
    unknown = dict.fromkeys(AUS, math.nan)
    return replace(
        sound,
        f1=unknown,
        f1_average=math.nan,
        accuracy=unknown,
        auc=unknown,
        positives=dict.fromkeys(AUS, 0),
        per_subject={},
        interval=None,
        auc_by_unit=(),
        iterations=90,
        lost=Lost("the game of the toys is lost", 90, 200),
    )


@pytest.fixture(scope="session")
def lost_record_of() -> Callable[..., Record]:
    """Return a maker of records of runs that lost."""
    return _lost_record


def _few_shot_record(**changes: object) -> FewShotRecord:
    accuracy: dict = changes.pop("accuracy", {1: (0.5, 0.7), 4: (0.45, 0.65)})  # type: ignore[assignment]
    values: dict = {
        "learner": "maml",
        "trained_on": "bp4d",
        "tested_on": "bp4d",
        "synthetic": True,
        "protocol": "leave_one_subject_out",
        "subject": "F001",
        "shots": 5,
        "steps": (0, 1),
        "accuracy": accuracy,
        "deviation": {au: tuple(0.1 for _ in values) for au, values in accuracy.items()},
        "filled": (4,),
        "skipped": {12: "1 pictures show AU12, 2 are needed"},
        "trained_aus": (1, 4, 12),
        "training_tasks": 400,
        "skipped_training_tasks": 3,
        "iterations": 100,
        "seconds": {"train": 60.0, "test": 2.0},
        "config": {"testing": {"judged": 10, "repetitions": 50}},
        **changes,
    }
    return FewShotRecord(**values)


@pytest.fixture(scope="session")
def few_shot_record_of() -> Callable[..., FewShotRecord]:
    """Return a maker of few-shot records of two AUs and two numbers of steps."""
    return _few_shot_record
