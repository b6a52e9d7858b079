"""At which levels the telling curves of a run end, from the method's word to the record."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from metafacs.data.store import Store
from metafacs.evaluation.diagnostics import Level, last_levels
from metafacs.evaluation.protocols import evaluate
from metafacs.evaluation.records import Record, RecordError, read_record, write_record
from metafacs.methods.base import Diagnostic
from metafacs.training.run import train
from metafacs.training.training_data import BatchSizes

HISTORY = {
    "iteration": [20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 130.0],
    "loss": [9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0],
}


def level(**changes: object) -> float:
    told = Diagnostic("loss", "the loss", **changes)  # type: ignore[arg-type]
    return last_levels(HISTORY, [told], 130)["loss"].value


def test_a_level_is_the_mean_over_the_last_hundred_iterations() -> None:
    # Points end at 40 to 130; the last one is of ten iterations only.
    assert level() == pytest.approx((20 * (1 + 2 + 3 + 4 + 5) + 10 * 8) / 110)


def test_a_stage_that_ends_earlier_is_read_at_its_end() -> None:
    assert level(until=0.5) == pytest.approx((9 + 1 + 2) / 3)
    assert last_levels(HISTORY, [Diagnostic("loss", "t", until=0.1)], 130) == {}


def test_curves_that_an_earlier_version_did_not_draw_are_left_out() -> None:
    told = [Diagnostic("other", "t"), Diagnostic("loss", "the loss", 5.0, "high is bad")]
    found = last_levels(HISTORY, told, 130)
    assert list(found) == ["loss"]
    assert str(found["loss"]) == "the loss 3.45 (chance 5): high is bad"
    assert last_levels({}, told, 130) == {}


def test_records_keep_levels_and_old_ones_have_none(record_of: Callable[..., Record], tmp_path: Path) -> None:
    record = record_of()
    assert record.diagnostics == {}
    assert "diagnostics" not in record.to_json()
    told = {"loss_domain": Level("a game", 0.2, 0.25, "low is bad"), "other": Level("another", 1.0)}
    record = replace(record, diagnostics=told)
    write_record(record, tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") == record
    content = record.to_json()
    content["diagnostics"]["other"]["value"] = "high"
    with pytest.raises(RecordError, match=r"diagnostics.*value"):
        Record.from_json(content)


def test_a_tested_model_tells_how_its_games_ended(
    au_store: Store, expression_store: Store, tmp_path: Path
) -> None:
    model = train(
        "adld",
        au_store.path,
        tmp_path,
        options={"width": 2},
        target=expression_store.path,
        aus=[1, 4, 12],
        iterations=2,
        batch=BatchSizes(4),
        size=32,
        progress=False,
    )
    record = evaluate(model, au_store.path)
    told = record.diagnostics
    assert told["loss_domain_discriminator"].value == pytest.approx(
        record.history["loss_domain_discriminator"][-1]
    )
    assert told["loss_mixed_cells"].chance == pytest.approx(math.log(64))
    assert 0 < told["share_of_background"].value < 2
