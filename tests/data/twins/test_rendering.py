"""Every planner by its name in the table, and what any twin refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metafacs.data.twins import TWINS
from metafacs.data.twins.rendering import render_twin
from metafacs.data.twins.writer import TwinError


@pytest.mark.parametrize("name", TWINS)
def test_planner_plans_the_twin_it_is_listed_for(name: str) -> None:
    plan, other = TWINS[name]("tiny", 4), TWINS[name]("tiny", 5)
    assert (plan.twin, plan.preset, plan.seed, other.seed) == (name, "tiny", 4, 5)
    assert plan.chunks.keys() == plan.pictures.keys()
    assert all(pictures > 0 for pictures in plan.pictures.values())
    assert all("/" not in chunk for chunk in plan.chunks), "their manifests are named like them"


@pytest.mark.parametrize("name", TWINS)
def test_planner_tells_the_sizes_of_its_presets(name: str) -> None:
    told = " ".join((TWINS[name].__doc__ or "").split())
    assert re.search(r"Presets: ``tiny`` \(.+\), ``small`` \(.+\), ``full`` \(.+\)\.", told)


@pytest.mark.parametrize("name", TWINS)
def test_unknown_preset_is_refused_and_nothing_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown preset 'huge'"):
        render_twin(name, tmp_path / "twin", preset="huge", progress=False)  # type: ignore[arg-type]
    assert not (tmp_path / "twin").exists()


def test_unknown_name_is_refused_and_the_known_ones_are_told(tmp_path: Path) -> None:
    with pytest.raises(TwinError, match="no twin of 'affwild'; choose one of bp4d, disfa, gft"):
        render_twin("affwild", tmp_path, progress=False)
