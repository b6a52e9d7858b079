"""Each layout both ways: the tiny twin is read, prepared and inspected, and its labels come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metafacs.data.datasets import READERS
from metafacs.data.inspection import inspect_store
from metafacs.data.prepare import prepare_store
from metafacs.data.twins.writer import TwinSummary

_PICTURES = 10


@pytest.fixture
def roots(
    bp4d_twin: tuple[Path, TwinSummary],
    disfa_twin: tuple[Path, TwinSummary],
    gft_twin: tuple[Path, TwinSummary],
    raf_db_twin: tuple[Path, TwinSummary],
    emotionet_twin: tuple[Path, TwinSummary],
    raf_twins: dict[str, Path],
) -> dict[str, Path]:
    """Return the folder of every tiny twin by the name of its data set."""
    return {
        "bp4d": bp4d_twin[0],
        "disfa": disfa_twin[0],
        "gft": gft_twin[0],
        "raf_db": raf_db_twin[0],
        "emotionet": emotionet_twin[0],
        **raf_twins,
    }


@pytest.mark.filterwarnings("ignore:.*the paper counts:UserWarning")
@pytest.mark.parametrize(
    "name", ["bp4d", "disfa", "gft", "raf_db", "raf_ml", "raf_au", "raf_ce", "emotionet"]
)
def test_twin_is_read_prepared_and_inspected(name: str, roots: dict[str, Path], tmp_path: Path) -> None:
    reading = READERS[name](roots[name])
    assert reading.twin is not None
    # The first pictures are enough to show the way; preparing all of them would take a minute.
    reading.samples = [s for s in reading.samples if s.part != "train" or name != "emotionet"][:_PICTURES]
    store = prepare_store(reading, tmp_path / "store", size=48, workers=1, progress=False)
    by_key = {sample.key: sample for sample in reading.samples}
    assert len(store) >= _PICTURES - 2
    for row, key in enumerate(store.keys):
        sample = by_key[key]
        wanted = [sample.action_units.get(au, np.nan) for au in store.aus]
        assert np.array_equal(store.action_units[row], np.array(wanted, np.float32), equal_nan=True)
        assert store.expression[row] == (-1 if sample.expression is None else sample.expression)
    found = inspect_store(store)
    assert found.synthetic
    assert name in str(found)
