from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.methods import METHODS
from metafacs.training.checkpoint import Checkpoint
from metafacs.training.pseudo_labels import PseudoLabelled
from metafacs.training.trainer import Trainer, TrainingPlan

AUS = (1, 4, 12)


def detector(aus: tuple[int, ...], **changes: object) -> Checkpoint:
    torch.manual_seed(0)
    method = METHODS["source_only"](aus, (), width=4)  # type: ignore[call-arg]
    alignment = {"box_enlarge": 2.9, "border": 128}
    description = {"input_size": 32, "crop_size": 36, "alignment": alignment, "threshold": 0.5, **changes}
    return Checkpoint("source_only", {"width": 4}, aus, (), method.state_dict(), description)


def stream(store: Store, name: str, aus: tuple[int, ...]) -> Stream:
    return Stream(store, np.arange(48), aus=aus, name=name, batch_size=8, size=32, seed=0)


def test_labels_are_the_decisions_of_the_detector(au_store: Store) -> None:
    checkpoint = detector((12, 25, 1))
    # The pictures' own labels would be known; they must not get through.
    labelled = PseudoLabelled(stream(au_store, "target", AUS), checkpoint, AUS)
    batch = labelled.batch(3)
    with torch.inference_mode():
        probabilities = checkpoint.build_method().predict(batch.images).probabilities
    assert batch.action_units is not None
    assert torch.equal(batch.action_units[:, 2], (probabilities[:, 0] >= 0.5).float())
    assert torch.equal(batch.action_units[:, 0], (probabilities[:, 2] >= 0.5).float())
    assert batch.action_units[:, 1].isnan().all()
    assert labelled.aus == ()
    assert labelled.targets().shape == (48, 0)


def test_a_detector_that_does_not_fit_is_refused(au_store: Store) -> None:
    with pytest.raises(ValueError, match="none of"):
        PseudoLabelled(stream(au_store, "target", ()), detector((25,)), AUS)
    with pytest.raises(ValueError, match="prepared alike"):
        PseudoLabelled(stream(au_store, "target", ()), detector(AUS, input_size=64), AUS)


@pytest.mark.parametrize("name", ["adld", "dual_domain"])
def test_methods_learn_from_them(name: str, tmp_path: Path, au_store: Store, expression_store: Store) -> None:
    target = PseudoLabelled(stream(expression_store, "target", ()), detector(AUS), AUS)
    options = {"width": 4, "pseudo_labels": True}
    method = METHODS[name](AUS, (), **options)  # type: ignore[arg-type]
    streams = {"source": stream(au_store, "source", AUS), "target": target}
    path = Trainer(name, method, options, streams, TrainingPlan(1), tmp_path, {}).run(progress=False)
    assert path.exists()
