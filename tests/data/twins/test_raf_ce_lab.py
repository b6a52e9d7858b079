from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from metafacs.compounds import COMPOUND_EXPRESSIONS, LAB_RATES, OBSERVED_RATE
from metafacs.data.datasets.raf_ce import PARTS, read_raf_ce
from metafacs.data.twins.raf_ce_lab import HAPPILY_SAD, UNMET_CELLS, plan_posed_faces
from metafacs.data.twins.rendering import render_twin
from metafacs.synthesis.displays import EXCLUSIVE_PAIRS

pytestmark = pytest.mark.filterwarnings("ignore:.*action units, the paper counts 32.*")


def test_every_person_poses_every_expression_in_one_part() -> None:
    faces = plan_posed_faces("full", 0)
    assert len(faces) == 230 * 14
    assert set(Counter((face.person, face.compound) for face in faces).values()) == {1}
    people = {part: {face.person for face in faces if face.part == part} for part in PARTS}
    assert {part: len(some) for part, some in people.items()} == {"train": 137, "test": 46, "validation": 47}


def test_laboratory_rates_come_back_but_for_the_cells_that_conflict() -> None:
    faces = plan_posed_faces("full", 0)
    for name in COMPOUND_EXPRESSIONS:
        shown = Counter(au for face in faces if face.compound == name for au in face.action_units)
        wanted = HAPPILY_SAD if name == "happily sad" else LAB_RATES[name]
        for au, rate in wanted.items():
            if (name, au) in UNMET_CELLS:
                assert shown[au] / 230 < OBSERVED_RATE
            else:
                assert shown[au] / 230 == pytest.approx(rate, abs=0.005)
        assert all(count / 230 < OBSERVED_RATE for au, count in shown.items() if au not in wanted)


def test_unmet_cells_cannot_be_met() -> None:
    for name, au in UNMET_CELLS:
        rates = LAB_RATES[name]
        rivals = [b if a == au else a for a, b in EXCLUSIVE_PAIRS if au in (a, b)]
        assert rates[au] + max(rates.get(rival, 0.0) for rival in rivals) > 1


@pytest.mark.usefixtures("grey_portraits")
def test_layout_is_that_of_raf_ce(tmp_path: Path) -> None:
    summary = render_twin("raf_ce_lab", tmp_path, preset="tiny", workers=1, progress=False)
    assert summary.pictures == 42
    assert summary.counts["subjects"] == 3
    reading = read_raf_ce(tmp_path)
    assert not reading.skipped
    assert reading.twin is not None
    assert reading.twin["twin"] == "raf_ce_lab"
    planned = {face.name: face for face in plan_posed_faces("tiny", 0)}
    for sample in reading.samples:
        face = planned[sample.key]
        assert {au for au, value in sample.action_units.items() if value} == face.action_units
        assert COMPOUND_EXPRESSIONS[sample.expression or 0] == face.compound
        assert sample.part == face.part
    assert Counter(sample.part for sample in reading.samples) == dict.fromkeys(PARTS, 14)
    assert "none" in (tmp_path / "twin_provenance.csv").read_text().splitlines()[1].split(",")
