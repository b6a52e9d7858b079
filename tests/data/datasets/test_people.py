from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.datasets.people import COLUMNS, LIST_FILE, PEOPLE_AUS, read_people
from metafacs.data.datasets.reading import DatasetError
from metafacs.data.prepare import prepare_store
from metafacs.facs import EXPRESSIONS, au_column
from metafacs.synthesis.activations import intensity_level, is_present

MALFORMED = "line is not name, person, part, expression, three angles, 25 intensities 0 to 1 and 68 points"


@pytest.fixture
def root(people: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(people, tmp_path / "people"))


def rows_of(root: Path) -> list[dict[str, str]]:
    with (root / LIST_FILE).open(newline="") as file:
        return list(csv.DictReader(file))


def test_everything_that_was_written_comes_back(people: Path) -> None:
    reading = read_people(people, landmarks=True)
    assert (reading.aus, reading.expressions, reading.pre_aligned) == (PEOPLE_AUS, EXPRESSIONS, False)
    assert reading.twin is not None
    assert reading.twin["twin"] == "people"
    assert not reading.skipped
    assert len(reading.samples) == 60
    for row, sample in zip(rows_of(people), reading.samples, strict=True):
        assert (sample.picture.name, sample.key) == (row["name"], Path(row["name"]).stem)
        assert (sample.subject, sample.part) == (row["person"], row["part"])
        assert ("" if sample.expression is None else EXPRESSIONS[sample.expression]) == row["expression"]
        assert sample.pose == pytest.approx([float(row[name]) for name in ("yaw", "pitch", "roll")])
        assert sample.landmarks is not None
        assert sample.landmarks.shape == (68, 2)
        assert sample.landmarks[30] == pytest.approx([float(row["x30"]), float(row["y30"])])


def test_levels_have_fractions_and_round_to_those_of_facs(people: Path) -> None:
    samples = read_people(people).samples
    seen = set()
    for row, sample in zip(rows_of(people), samples, strict=True):
        shown = {au: float(row[au_column(au)]) for au in PEOPLE_AUS}
        assert sample.action_units == {au: float(is_present(x)) for au, x in shown.items()}
        levels = {au: int(level + 0.5) for au, level in sample.intensities.items()}
        assert levels == {au: intensity_level(x) for au, x in shown.items()}
        seen |= set(levels.values())
    assert seen == {0, 1, 2, 3, 4, 5}
    assert any(level % 1 for sample in samples for level in sample.intensities.values())


@pytest.mark.parametrize(("x", "level"), [("0.05", 1), ("0.2", 2), ("0.4", 3), ("0.65", 4), ("0.9", 5)])
def test_thresholds_belong_to_the_higher_level(root: Path, x: str, level: int) -> None:
    edit(root, 1, "AU12", x)
    sample = read_people(root).samples[0]
    assert sample.intensities[12] == level - 0.5
    assert sample.action_units[12] == float(level >= 2)


def test_faces_are_found_unless_landmarks_are_wanted(people: Path, tmp_path: Path) -> None:
    found, exact = read_people(people), read_people(people, landmarks=True)
    assert all(sample.landmarks is None for sample in found.samples)
    assert all(sample.pose is not None for sample in found.samples)
    stores = []
    for name, reading in (("found", found), ("exact", exact)):
        reading.samples = reading.samples[:6]
        stores.append(prepare_store(reading, tmp_path / name, size=48, workers=1, progress=False))
    levels = [[sample.intensities[au] for au in PEOPLE_AUS] for sample in exact.samples]
    assert stores[1].intensities == pytest.approx(np.array(levels))
    assert len(stores[0]) >= 5
    common = np.isin(stores[1].keys, stores[0].keys)
    apart = np.linalg.norm(stores[0].landmarks - stores[1].landmarks[common], axis=-1)
    assert 0 < np.nanmedian(apart) < 3


def edit(root: Path, line: int, column: str, cell: str) -> None:
    """Write another cell into a line of the list, counted from 0 with the header."""
    path = root / LIST_FILE
    lines = path.read_text().splitlines()
    cells = lines[line].split(",")
    cells[COLUMNS.index(column)] = cell
    lines[line] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("part", "held_out"),
        ("expression", "boredom"),
        ("yaw", "left"),
        ("AU12", "1.0001"),
        ("AU12", "-0.1"),
        ("AU12", "nan"),
        ("AU43", ""),
        ("x0", "inf"),
        ("y67", "1e400"),
        ("name", "P00000_1.jpg,P00000"),
    ],
)
def test_a_malformed_line_is_noted_and_the_rest_read(root: Path, column: str, cell: str) -> None:
    edit(root, 3, column, cell)
    reading = read_people(root)
    assert [str(e) for e in reading.skipped if e.file == LIST_FILE] == [f"people.csv:4: {MALFORMED}"]
    unnamed = "pictures: picture without a label"
    assert [str(e) for e in reading.skipped[1:]] == ([unnamed] if column == "name" else [])
    assert len(reading.samples) == 59


def repeat(root: Path) -> None:
    edit(root, 3, "name", "P00000_0.jpg")


def lose(root: Path) -> None:
    (root / "pictures" / "P00000_2.jpg").unlink()


@pytest.mark.parametrize(
    ("hurt", "reason"),
    [(repeat, "picture is listed twice; the first line counts"), (lose, "label without a picture")],
)
def test_a_repeated_or_missing_picture_is_noted(
    root: Path, hurt: Callable[[Path], None], reason: str
) -> None:
    hurt(root)
    reading = read_people(root)
    assert str(reading.skipped[0]) == f"people.csv:4: {reason}"
    unnamed = "pictures: picture without a label"
    assert [str(e) for e in reading.skipped[1:]] == ([unnamed] if hurt is repeat else [])
    assert len(reading.samples) == 59


def test_two_pictures_called_alike_are_refused(root: Path) -> None:
    (root / "pictures" / "P00000_2.jpg").rename(root / "pictures" / "P00000_0.png")
    edit(root, 3, "name", "P00000_0.png")
    with pytest.raises(DatasetError, match=r"people\.csv lists 2 pictures called P00000_0; give each a name"):
        read_people(root)


def test_missing_list_and_foreign_header_say_what_to_do(root: Path) -> None:
    edit(root, 0, "AU12", "AU13")
    with pytest.raises(DatasetError, match=r"people\.csv, line 1: wrong header: expected 'name,person,part"):
        read_people(root)
    (root / LIST_FILE).unlink()
    with pytest.raises(DatasetError, match="render it with 'metafacs twin people'"):
        read_people(root)
    shutil.rmtree(root / "pictures")
    with pytest.raises(DatasetError, match=r"the pictures that people\.csv lists"):
        read_people(root)
