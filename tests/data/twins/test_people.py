from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metafacs.data.datasets.people import COLUMNS, LIST_FILE, PEOPLE_AUS, TEST, VALIDATION, read_people
from metafacs.data.twins.people import _sample_display, plan_people
from metafacs.data.twins.rendering import render_twin
from metafacs.facs import EXPRESSIONS
from metafacs.synthesis.activations import is_present


def test_people_are_in_one_part_and_have_equal_numbers_of_pictures(people: Path) -> None:
    samples = read_people(people).samples
    parts = {(s.subject, s.part) for s in samples}
    assert len(parts) == 20
    assert {person for person, part in parts if part == TEST} == {"P00009", "P00019"}
    assert {person for person, part in parts if part == VALIDATION} == {"P00008", "P00018"}
    assert set(Counter(s.subject for s in samples).values()) == {3}
    with Image.open(samples[0].picture) as picture:
        assert (picture.size, picture.format) == ((96, 96), "JPEG")


def test_bytes_depend_on_seed_and_person_only(tmp_path: Path, people: Path) -> None:
    def rendered(seed: int) -> bytes:
        plan = plan_people("tiny", seed)
        record = plan.render(tmp_path, replace(plan.chunks["P00010"], numbers=(13,), pictures=1))
        assert record["files"] == ["pictures/P00013_0.jpg"]
        assert len(record["rows"][0]) == len(COLUMNS)
        return (tmp_path / "pictures" / "P00013_0.jpg").read_bytes()

    again = (people / "pictures" / "P00013_0.jpg").read_bytes()
    assert rendered(0) == again
    assert rendered(1) != again


def test_counts_are_those_of_the_list(people: Path) -> None:
    counts = render_twin("people", people, preset="tiny", seed=0, workers=1, progress=False).counts
    assert (counts["subjects"], counts["held_out_subjects"]) == (20, 4)
    with (people / LIST_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    shown = [is_present(float(row["AU25"])) for row in rows]
    assert counts["au_rates"]["25"] == pytest.approx(np.mean(shown), abs=1e-4)
    assert set(counts["au_rates"]) == {str(au) for au in PEOPLE_AUS}


def test_displays_are_mixtures_and_what_faces_do_by_themselves() -> None:
    drawn = [_sample_display(np.random.default_rng(seed)) for seed in range(3000)]
    shares = {name: count / len(drawn) for name, count in Counter(name for _, name in drawn).items()}
    assert set(shares) == {"", *EXPRESSIONS}
    assert 0.05 < shares["neutral"] < 0.2
    assert min(shares.values()) > 0.01
    free = [display.intensities for display, name in drawn if not name]
    assert {au for shown in free for au, x in shown.items() if is_present(x)} == set(PEOPLE_AUS)
    calm = [x for display, name in drawn if name == "neutral" for x in display.intensities.values()]
    assert not any(map(is_present, calm))
