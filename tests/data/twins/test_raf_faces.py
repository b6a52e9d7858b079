"""The shared plan of RAF-ML, RAF-AU and RAF-CE, and the three tiny twins that are rendered from it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from metafacs.analysis.co_occurrence import CoOccurrence, co_occurrence, count_co_occurrence
from metafacs.cli import main
from metafacs.compounds import COMPOUND_EXPRESSIONS, OBSERVED_RATE, WILD_RATES
from metafacs.data.datasets.raf_au import read_raf_au
from metafacs.data.datasets.raf_ce import PARTS, read_raf_ce
from metafacs.data.datasets.raf_ml import read_raf_ml
from metafacs.data.datasets.reading import Reading
from metafacs.data.raf_ce_construction import (
    ONE_EXPRESSION,
    ONLY_IN_RAF_ML,
    OUT_OF_CATEGORY,
    TIE,
    construct_raf_ce,
)
from metafacs.data.twins.compound_faces import Face
from metafacs.data.twins.portraits import PIXELS, Album, render_album
from metafacs.data.twins.raf_faces import (
    DISCARDED,
    POOL,
    TEST_COUNTS,
    UNCODED,
    compound_counts,
    plan_raf_faces,
    real_counts,
)
from metafacs.synthesis.activations import is_present
from metafacs.synthesis.closure import foreseen_action_units
from metafacs.synthesis.displays import sample_exact_display
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import resting_mesh

pytestmark = pytest.mark.filterwarnings("ignore:.*action units, the paper counts 32.*")


def in_raf_ce(faces: Iterable[Face]) -> list[Face]:
    return [face for face in faces if face.part in PARTS]


def planned_patterns(faces: list[Face]) -> CoOccurrence:
    aus = tuple(sorted(frozenset[int]().union(*(face.action_units for face in faces))))
    labels: NDArray[np.float64] = np.array([[au in face.action_units for au in aus] for face in faces], float)
    classes = np.array([COMPOUND_EXPRESSIONS.index(face.compound or "") for face in faces])
    return count_co_occurrence(
        labels, classes, aus=aus, expressions=COMPOUND_EXPRESSIONS, dataset="raf_ce", synthetic=True
    )


@pytest.fixture(scope="module")
def full() -> list[Face]:
    return plan_raf_faces("full", 0)


@pytest.fixture(scope="module")
def tiny() -> dict[str, Face]:
    return {face.name: face for face in plan_raf_faces("tiny", 0)}


def provenance(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row["name"].removesuffix(".jpg"): row for row in csv.DictReader(file)}


def true_action_units(row: dict[str, str]) -> set[int]:
    cell = row["action_units"]
    return set() if cell == "null" else {int(au) for au in cell.split("+")}


def read_action_units(reading: Reading) -> dict[str, set[int]]:
    return {
        sample.key: {au for au, value in sample.action_units.items() if value} for sample in reading.samples
    }


def test_full_has_the_sizes_of_the_real_sets(full: list[Face]) -> None:
    parts = Counter(face.part for face in full)
    assert len(full) == 4908
    assert len(full) - parts[UNCODED] == 4601
    assert parts[DISCARDED] == 52
    assert tuple(parts[part] for part in PARTS) == (2709, 909, 931)
    tested = Counter(face.compound for face in full if face.part == "test")
    assert tuple(tested[name] for name in COMPOUND_EXPRESSIONS) == TEST_COUNTS
    totals = Counter(face.compound for face in in_raf_ce(full))
    assert [totals[name] for name in ("fearfully disgusted", "happily sad", "happily fearful")] == [
        36,
        29,
        11,
    ]
    assert len({face.name for face in full}) == len(full)


def test_printed_table_comes_back(full: list[Face]) -> None:
    found = planned_patterns(in_raf_ce(full))
    for name, row in found.rates.items():
        for au, rate in row.items():
            if au in WILD_RATES[name]:
                assert rate == pytest.approx(WILD_RATES[name][au], abs=0.005)
                assert rate >= OBSERVED_RATE
            else:
                assert rate < OBSERVED_RATE, (name, au)
    # Observation 3 of the paper, up to the rounding of whole pictures.
    assert found.means.prototypical == pytest.approx(0.73, abs=0.005)
    assert found.means.variant == pytest.approx(2.12, abs=0.005)
    assert found.means.total == pytest.approx(2.85, abs=0.005)
    assert len(found.means.aus) == 13
    assert 11 not in found.aus
    assert len(found.aus) == 24


def test_blank_faces_are_about_as_many_as_in_the_real_set(full: list[Face]) -> None:
    blank = sum(not face.action_units for face in full if face.part != UNCODED)
    assert 230 <= blank <= 260


def test_nobody_is_in_two_parts_and_has_more_than_four_pictures(full: list[Face]) -> None:
    parts: dict[int, set[str]] = {}
    for face in full:
        parts.setdefault(face.person, set()).add(face.part)
    assert {len(some) for some in parts.values()} == {1}
    assert max(Counter(face.person for face in full).values()) == 4


@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_smaller_presets_have_every_class_in_every_part_and_all_reasons(preset: str) -> None:
    faces = plan_raf_faces(preset, 1)  # type: ignore[arg-type]
    cells = Counter((face.part, face.compound) for face in in_raf_ce(faces))
    assert len(cells) == 3 * 14
    for part, counts in compound_counts(preset).items():  # type: ignore[arg-type]
        assert tuple(cells[part, name] for name in COMPOUND_EXPRESSIONS) == counts
    assert {len(face.winners) for face in faces if face.part == DISCARDED} == {1, 2, 3}
    assert any(face.part == UNCODED for face in faces)


def test_people_of_the_full_twin_can_show_what_is_planned(full: list[Face]) -> None:
    for face in full[::80]:
        identity = sample_identity(face.person, pool=f"{POOL}-0")
        head = resting_mesh(identity)
        display = sample_exact_display(np.random.default_rng(0), face.action_units, identity, head)
        found = foreseen_action_units(identity, head, display)
        assert {au for au, x in found.items() if is_present(x)} == face.action_units


def test_totals_that_are_not_printed_follow_the_test_part() -> None:
    totals = np.sum(list(real_counts().values()), axis=0)
    assert totals.sum() == 4549
    unknown = [i for i, name in enumerate(COMPOUND_EXPRESSIONS) if name not in ("happily fearful",)][:8]
    shares = totals[unknown] / np.array(TEST_COUNTS)[unknown]
    assert shares.max() - shares.min() < 0.03


def test_labels_of_every_twin_are_what_was_planned_and_rendered(
    raf_twins: dict[str, Path], tiny: dict[str, Face]
) -> None:
    shares, coded, compounds = (
        read_raf_ml(raf_twins["raf_ml"]),
        read_raf_au(raf_twins["raf_au"]),
        read_raf_ce(raf_twins["raf_ce"]),
    )
    for reading in (shares, coded, compounds):
        assert reading.twin is not None
        assert reading.twin["synthetic"] is True
        assert not reading.skipped
    assert {sample.key for sample in shares.samples} == tiny.keys()
    assert {s.key for s in coded.samples} == {name for name, face in tiny.items() if face.part != UNCODED}
    assert {s.key for s in compounds.samples} == {face.name for face in in_raf_ce(tiny.values())}
    truth = provenance(raf_twins["raf_ml"] / "EmoLabel" / "twin_provenance.csv")
    for reading, path in ((coded, raf_twins["raf_au"]), (compounds, raf_twins["raf_ce"])):
        rows = provenance(path / "twin_provenance.csv")
        for key, found in read_action_units(reading).items():
            assert found == tiny[key].action_units == true_action_units(rows[key])
            assert rows[key] == truth[key]
    for sample in shares.samples:
        votes = [int(count) for count in truth[sample.key]["votes"].split("+")]
        assert sample.votes == pytest.approx([count / 40 for count in votes])
        assert true_action_units(truth[sample.key]) == tiny[sample.key].action_units
    for sample in compounds.samples:
        assert sample.expression == COMPOUND_EXPRESSIONS.index(tiny[sample.key].compound or "")
        assert sample.part == tiny[sample.key].part


def test_tiny_table_has_the_planned_counts(raf_twins: dict[str, Path], tiny: dict[str, Face]) -> None:
    found = co_occurrence(read_raf_ce(raf_twins["raf_ce"]))
    planned = planned_patterns(in_raf_ce(tiny.values()))
    assert found.rates == planned.rates
    for name, row in WILD_RATES.items():
        pictures = found.pictures[COMPOUND_EXPRESSIONS.index(name)]
        for au, rate in row.items():
            limit = 1 if rate == OBSERVED_RATE else 0.5
            assert abs(found.rates[name].get(au, 0.0) - rate) * pictures <= limit + 1e-9


def test_raf_ce_built_from_the_twins_is_the_twin(
    raf_twins: dict[str, Path], tiny: dict[str, Face], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roots = [f"--{name}={raf_twins[name]}" for name in ("raf_ml", "raf_au")]
    partition = raf_twins["raf_ce"] / "RAFCE_partition.txt"
    words = ["build", "raf_ce", *roots, f"--partition={partition}", f"--out={tmp_path}", "--progress=false"]
    assert main(words) == 0
    assert "raf_ce (synthetic): 60 pictures, 9 discarded" in capsys.readouterr().out
    twin, built = read_raf_ce(raf_twins["raf_ce"]), read_raf_ce(tmp_path)
    assert [s.key for s in built.samples] == [s.key for s in twin.samples]
    for ours, theirs in zip(built.samples, twin.samples, strict=True):
        assert (ours.expression, ours.part) == (theirs.expression, theirs.part)
        assert ours.action_units == theirs.action_units
        assert ours.picture.read_bytes() == theirs.picture.read_bytes()
    discarded = construct_raf_ce(raf_twins["raf_ml"], raf_twins["raf_au"], partition=partition).discarded
    reasons = {1: ONE_EXPRESSION, 2: OUT_OF_CATEGORY, 3: TIE}
    assert {entry.key: entry.reason for entry in discarded} == {
        name: ONLY_IN_RAF_ML if face.part == UNCODED else reasons[len(face.winners)]
        for name, face in tiny.items()
        if face.part not in PARTS
    }


def test_pictures_do_not_depend_on_each_other(raf_twins: dict[str, Path], tmp_path: Path) -> None:
    faces = tuple(face for face in plan_raf_faces("tiny", 0) if face.person == 3)[1:3]
    render_album(tmp_path, Album(POOL, 0, "aligned", PIXELS["tiny"], faces))
    for face in faces:
        name = f"aligned/{face.name}_aligned.jpg"
        alone = (tmp_path / name).read_bytes()
        assert alone == (raf_twins["raf_au"] / name).read_bytes() == (raf_twins["raf_ce"] / name).read_bytes()
        assert alone == (raf_twins["raf_ml"] / "Image" / name).read_bytes()


def test_lists_have_the_notation_of_the_real_sets(raf_twins: dict[str, Path]) -> None:
    shares = (raf_twins["raf_ml"] / "EmoLabel" / "distribution.txt").read_text().splitlines()
    codes = (raf_twins["raf_au"] / "RAFAU_label.txt").read_text().splitlines()
    assert all(len(line.split()) == 7 for line in shares)
    assert all(line.endswith(" ") and len(line.split()) == 2 for line in codes)
    assert any(line.endswith(".jpg null ") for line in codes)
    compounds = (raf_twins["raf_ce"] / "RAFCE_AUlabel.txt").read_text().splitlines()
    assert not any(line.endswith(" ") for line in compounds)
    names = [int(line[:4]) for line in codes]
    assert names == sorted(names)
    assert names != list(range(names[0], names[0] + len(names))), "not contiguous"
    picture = next((raf_twins["raf_ce"] / "aligned").iterdir())
    with Image.open(picture) as image:
        assert image.size == (100, 100)
