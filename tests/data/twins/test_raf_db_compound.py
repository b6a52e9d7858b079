from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from metafacs.compounds import RAF_DB_COMPOUNDS, WILD_RATES
from metafacs.data.datasets.raf_db_compound import read_raf_db_compound
from metafacs.data.twins.raf_db_compound import plan_compound_faces
from metafacs.data.twins.rendering import render_twin


def test_full_has_the_size_of_the_real_set_and_the_wild_rates() -> None:
    faces = plan_compound_faces("full", 0)
    assert Counter(face.part for face in faces) == {"train": 3162, "test": 792}
    people = {part: {face.person for face in faces if face.part == part} for part in ("train", "test")}
    assert not people["train"] & people["test"]
    for name in RAF_DB_COMPOUNDS:
        members = [face for face in faces if face.compound == name]
        for au, rate in WILD_RATES[name].items():
            shown = sum(au in face.action_units for face in members)
            assert shown / len(members) == pytest.approx(rate, abs=0.01)


@pytest.mark.usefixtures("grey_portraits")
def test_reader_gets_back_what_was_planned(tmp_path: Path) -> None:
    summary = render_twin("raf_db_compound", tmp_path, preset="tiny", workers=1, progress=False)
    assert summary.pictures == 33
    reading = read_raf_db_compound(tmp_path)
    assert not reading.skipped
    planned = {face.name: face for face in plan_compound_faces("tiny", 0)}
    assert {
        sample.key: (RAF_DB_COMPOUNDS[sample.expression or 0], sample.part) for sample in reading.samples
    } == {name: (face.compound, face.part) for name, face in planned.items()}
    counts = Counter((sample.part, sample.expression) for sample in reading.samples)
    assert len(counts) == 22, "every class in either part"
    with (tmp_path / "compound" / "EmoLabel" / "twin_provenance.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            shown = planned[row["name"].removesuffix(".jpg")].action_units
            assert row["action_units"] == ("+".join(map(str, sorted(shown))) or "null")
