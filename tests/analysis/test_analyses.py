"""Weights of pictures, gradients of tasks and attention, on small painted stores."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metafacs.analysis.attention import attention_maps
from metafacs.analysis.sample_weights import WeighedPictures, weigh_pictures
from metafacs.analysis.task_gradients import gradient_cosines
from metafacs.analysis.told_apart import WeightOfKind, told_apart
from metafacs.data.expression_pictures import ChosenPictures
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.data.twins.carried_pictures import CarriedPictures
from metafacs.facs import EXPRESSIONS
from metafacs.methods import METHODS
from metafacs.methods.base import Method
from metafacs.reports.analysis import told_apart_table

AUS = (1, 4, 12)


def build(name: str) -> Method:
    torch.manual_seed(0)
    return METHODS[name].build(AUS, EXPRESSIONS, {"backbone": "small"}).eval()  # type: ignore[call-arg]


def stream(store: Store, name: str, aus: tuple[int, ...] = ()) -> Stream:
    return Stream(store, np.arange(32), aus=aus, name=name, batch_size=8, size=32, seed=0)


def test_every_training_picture_is_weighed(expression_store: Store) -> None:
    found = weigh_pictures(build("mal"), expression_store, 32, batch_size=16)
    assert set(expression_store.parts[found.rows]) == {"train"}
    assert np.allclose(found.weights, 0.5)
    assert found.consistency is not None
    assert np.allclose(found.consistency, 0.7)
    with pytest.raises(ValueError, match="learns no weights"):
        weigh_pictures(build("multi_task"), expression_store, 32)


def test_weights_by_loss_are_of_the_labels_that_were_learned(expression_store: Store) -> None:
    method = build("meta_weight_net")
    rows = np.array([0, 1, 2])
    labels = (expression_store.expression + 1) % len(EXPRESSIONS)
    learned = ChosenPictures(rows, labels, labels != expression_store.expression, {})
    found = weigh_pictures(method, expression_store, 32, learned=learned)
    batch = Stream(expression_store, rows, aus=(), name="expression", batch_size=3, size=32, seed=0).at(rows)
    with torch.no_grad():
        logits = method.network(batch.images).expressions
        each = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels[rows]), reduction="none")
        expected = method.weight_net(each)
    assert found.rows.tolist() == [0, 1, 2]
    assert np.allclose(found.weights, expected.numpy(), atol=1e-6)
    assert found.labels.tolist() == expression_store.expression[rows].tolist()


def test_areas_tell_carriers_and_wrong_labels_apart() -> None:
    carriers = np.array(["action_units", "gaze", "none", "action_units", "neutral", "pose"])
    carried = CarriedPictures(carriers, np.array(["P0", "P0", "P1", "P1", "P2", "P2"]))
    weights = np.array([0.9, 0.5, 0.7, 0.6, 0.1, 0.2])
    weighed = WeighedPictures(np.arange(6), weights, np.zeros(6, int), None)
    wrong = np.array([False, False, True, False, False, True])
    learned = ChosenPictures(np.arange(6), np.zeros(6, int), wrong, {})
    found = told_apart(weighed, carried, learned)
    assert found.carriers["action_units"] == WeightOfKind(2, 0.75)
    assert list(found.carriers) == ["action_units", "gaze", "pose", "none", "neutral"]
    # .9 is above .5, .7 and .2; .6 above .5 and .2 only.
    assert found.carrier is not None
    assert found.carrier.value == pytest.approx(5 / 6, abs=1e-3)
    # Of the wrong ones .7 is below .9 of four right ones, .2 below .9, .5 and .6.
    assert found.label is not None
    assert found.label.value == pytest.approx(4 / 8, abs=1e-3)
    assert found.labels["wrong"].mean == pytest.approx(0.45)
    assert found.carrier.low <= found.carrier.value <= found.carrier.high
    unlabelled = told_apart(weighed, carried, None)
    assert unlabelled.label is None
    assert not unlabelled.labels
    table = told_apart_table({"mal": found})
    assert "synthetic" in table.title
    assert table.rows[0][:2] == ("mal", "0.750 (2)")
    assert table.columns[4].head == "situation only"


def test_cosine_is_that_of_the_two_gradients(au_store: Store, expression_store: Store) -> None:
    method = build("multi_task")
    faces, expressive = stream(au_store, "au", AUS), stream(expression_store, "expression")
    cosines = gradient_cosines(method, faces, expressive, batches=2)
    gradients = []
    for losses in (
        lambda: (
            torch.nn.functional.binary_cross_entropy_with_logits(
                method.network(faces.batch(1).images).action_units,
                torch.nan_to_num(faces.batch(1).require("action_units")),
                weight=torch.isfinite(faces.batch(1).require("action_units")).float(),
                reduction="sum",
            )
            / 8
        ),
        lambda: torch.nn.functional.cross_entropy(
            method.network(expressive.batch(1).images).expressions, expressive.batch(1).require("expression")
        ),
    ):
        method.zero_grad()
        losses().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in method.network.backbone.parameters()]))
    expected = torch.dot(*gradients) / (gradients[0].norm() * gradients[1].norm())
    assert cosines[1] == pytest.approx(float(expected), abs=1e-5)
    assert len(cosines) == 2
    with pytest.raises(ValueError, match="both tasks"):
        gradient_cosines(build("single_task"), faces, expressive)


def test_attention_is_where_the_evidence_is(au_store: Store) -> None:
    method = build("single_task")
    batch = stream(au_store, "au", AUS).at(np.arange(3))
    maps = attention_maps(method, batch.images, 4)
    assert maps.shape == (3, 32, 32)
    assert maps.min() >= 0
    assert maps.max() <= 1
    with torch.no_grad():
        method.network.action_units.weight.zero_()
    assert not attention_maps(method, batch.images, 4).any()
    with pytest.raises(ValueError, match=r"does not know AU9; it detects \[1, 4, 12\]"):
        attention_maps(method, batch.images, 9)
