from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.datasets.reading import DatasetError
from metafacs.data.store import Store
from metafacs.data.twins.carried_pictures import read_carriers
from metafacs.data.twins.carriers import CARRIERS


def test_carriers_and_people_are_matched_by_name(expression_store: Store, provenance: Path) -> None:
    found = read_carriers(provenance, expression_store)
    neutral = expression_store.expression == expression_store.expressions.index("neutral")
    assert (found.carriers[neutral] == "neutral").all()
    assert found.carriers[0] == CARRIERS[0]
    assert found.carriers[7] == CARRIERS[1]
    assert found.people[7] == "P00001"
    expected = np.array([kind in CARRIERS[1:] for kind in found.carriers])
    assert (found.without_action_units == expected).all()
    assert 0 < expected.sum() < len(expected) - neutral.sum()


def test_licensed_data_other_twins_and_gaps_are_refused(
    expression_store: Store, provenance: Path, licensed_copy: Callable[[Store], Store]
) -> None:
    licensed = licensed_copy(expression_store)
    with pytest.raises(DatasetError, match="known of rendered faces only"):
        read_carriers(provenance, licensed)
    lines = provenance.read_text().splitlines()
    for text, told in (
        ("\n".join(lines[:-1]), "does not tell of 1 pictures"),
        ("\n".join([*lines, "00099.jpg,P1,luck"]), "'luck' is none of"),
        ("\n".join([*lines, "00099.jpg,P1"]), "2 cells under 3 heads"),
        ("name,subject\n", "no column carrier"),
    ):
        provenance.write_text(text)
        with pytest.raises(DatasetError, match=told):
            read_carriers(provenance, expression_store)
    (provenance.parent / "TWIN.json").write_text('{"seed": 1}')
    with pytest.raises(DatasetError, match="not of the twin"):
        read_carriers(provenance, expression_store)
