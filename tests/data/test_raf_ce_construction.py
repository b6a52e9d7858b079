from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metafacs.compounds import BASIC_EXPRESSIONS, COMPONENTS, COMPOUND_EXPRESSIONS, compound_of
from metafacs.data.datasets.raf_ce import read_raf_ce
from metafacs.data.datasets.reading import DatasetError
from metafacs.data.raf_ce_construction import (
    NO_PART,
    ONE_EXPRESSION,
    ONLY_IN_RAF_AU,
    ONLY_IN_RAF_ML,
    OUT_OF_CATEGORY,
    PUBLISHED_PART_SIZES,
    TIE,
    assign_parts,
    construct_raf_ce,
    two_highest,
    write_raf_ce,
)
from metafacs.locks import FolderInUseError, claimed

pytestmark = pytest.mark.filterwarnings("ignore:.*action units, the paper counts.*")

DISTRIBUTIONS = {
    "0001": "0.6 0 0 0.4 0 0",  # happily surprised
    "0002": "0.5 0.5 0 0 0 0",  # fearfully surprised: a tie of both is none
    "0003": "0.4 0.3 0.3 0 0 0",  # tie for the second place
    "0004": "0.25 0.25 0.25 0.25 0 0",  # tie of all
    "0005": "0 0 0 0.6 0 0.4",  # happily angry
    "0006": "0 0 0 0 1 0",  # sadness alone
    "0007": "0.1 0 0.2 0 0.7 0",  # sadly disgusted
    "0008": "0 0 0 0.5 0.5 0",  # not in RAF-AU
}
CODES = {
    "0001": "L12+1+25",
    "0002": "null",
    "0003": "4",
    "0004": "4",
    "0005": "4",
    "0006": "4",
    "0007": "4+AD19+4",
    "0009": "12",  # not in RAF-ML
}


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    ml, au = tmp_path / "raf_ml", tmp_path / "raf_au"
    for folder in (ml / "EmoLabel", ml / "Image" / "aligned", au / "aligned"):
        folder.mkdir(parents=True)
    (ml / "EmoLabel" / "distribution.txt").write_text(
        "".join(f"{key}.jpg {shares}\n" for key, shares in DISTRIBUTIONS.items())
    )
    (au / "RAFAU_label.txt").write_text("".join(f"{key}.jpg {codes} \n" for key, codes in CODES.items()))
    for key in DISTRIBUTIONS:
        (ml / "Image" / "aligned" / f"{key}_aligned.jpg").write_bytes(key.encode())
    for key in CODES:
        (au / "aligned" / f"{key}_aligned.jpg").write_bytes(key.encode())
    return ml, au


def describe_twin(root: Path, **changes: object) -> None:
    twin = {"synthetic": True, "generator": "metafacs", "preset": "tiny", "seed": 3, "pictures": 8}
    (root / "TWIN.json").write_text(json.dumps(twin | changes))


def test_intersection_two_highest_and_reasons(roots: tuple[Path, Path]) -> None:
    built = construct_raf_ce(*roots)
    assert {picture.key: COMPOUND_EXPRESSIONS[picture.expression] for picture in built.pictures} == {
        "0001": "happily surprised",
        "0002": "fearfully surprised",
        "0007": "sadly disgusted",
    }
    assert {entry.key: entry.reason for entry in built.discarded} == {
        "0003": TIE,
        "0004": TIE,
        "0005": OUT_OF_CATEGORY,
        "0006": ONE_EXPRESSION,
        "0008": ONLY_IN_RAF_ML,
        "0009": ONLY_IN_RAF_AU,
    }
    details = {entry.key: entry.detail for entry in built.discarded}
    assert details["0003"] == "surprise 0.4, fear 0.3, disgust 0.3"
    assert details["0005"] == "happiness and anger"
    assert "discarded 2: tie" in str(built)
    assert built.twin is None


def test_what_is_written_is_what_the_reader_reads(roots: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "raf_ce"
    built = construct_raf_ce(*roots)
    write_raf_ce(built, out, progress=False)
    assert (out / "RAFCE_AUlabel.txt").read_text() == "0001.jpg L12+1+25\n0002.jpg null\n0007.jpg 4+AD19+4\n"
    reading = read_raf_ce(out)
    assert not reading.skipped
    assert [(s.key, s.expression, s.part) for s in reading.samples] == [
        (picture.key, picture.expression, picture.part) for picture in built.pictures
    ]
    assert reading.aus == (1, 4, 12, 19, 25)
    assert [s.picture.read_bytes() for s in reading.samples] == [b"0001", b"0002", b"0007"]
    described = json.loads((out / "construction.json").read_text())
    assert described["pictures"] == 3
    assert described["discarded"][TIE] == 2
    assert {entry["key"] for entry in described["discarded_pictures"]} == {
        *("0003", "0004", "0005", "0006"),
        "0008",
        "0009",
    }
    assert not (out / "TWIN.json").exists()


def test_stopped_writing_goes_on_and_other_folders_are_left_alone(
    roots: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "raf_ce"
    built = construct_raf_ce(*roots)
    write_raf_ce(built, out, progress=False)
    (out / "RAFCE_emolabel.txt").unlink()
    (out / "aligned" / "0002_aligned.jpg").unlink()
    write_raf_ce(built, out, progress=False)
    assert len(read_raf_ce(out).samples) == 3
    (roots[1] / "RAFAU_label.txt").write_text("0001.jpg 1\n")
    with pytest.raises(DatasetError, match="holds another construction"):
        write_raf_ce(construct_raf_ce(*roots), out, progress=False)
    (out / "construction.json").write_text("{")
    with pytest.raises(DatasetError, match="is damaged"):
        write_raf_ce(built, out, progress=False)
    (out / "construction.json").unlink()
    with pytest.raises(DatasetError, match="not an empty folder"):
        write_raf_ce(built, out, progress=False)


@pytest.mark.parametrize("left", [b"", b"[]", b"{}", b"\0" * 9, b"[" * 100_000, b'{"content": 7}'])
def test_a_damaged_description_says_what_to_delete(
    roots: tuple[Path, Path], tmp_path: Path, left: bytes
) -> None:
    out = tmp_path / "raf_ce"
    built = construct_raf_ce(*roots)
    write_raf_ce(built, out, progress=False)
    (out / "construction.json").write_bytes(left)
    with pytest.raises(DatasetError, match=r"delete (it|.*raf_ce and build again)"):
        write_raf_ce(built, out, progress=False)


def test_damaged_pictures_and_lists_are_written_again_and_one_process_at_a_time(
    roots: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "raf_ce"
    built = construct_raf_ce(*roots)
    write_raf_ce(built, out, progress=False)
    whole = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for name in ("aligned/0002_aligned.jpg", "RAFCE_AUlabel.txt", "RAFCE_emolabel.txt"):
        (out / name).write_bytes(b"")
    (out / "aligned" / ".0001_aligned.jpg.4711.partial").write_bytes(b"half")
    with claimed(out, "painting"), pytest.raises(FolderInUseError, match="painting"):
        write_raf_ce(built, out, progress=False)
    write_raf_ce(built, out, progress=False)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == whole


def test_published_partition_decides(roots: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "RAFCE_partition.txt"
    path.write_text("0001.jpg 2\n0002.jpg 1\n0042.jpg 0\nnonsense\n")
    built = construct_raf_ce(*roots, partition=path)
    assert {picture.key: picture.part for picture in built.pictures} == {"0001": "validation", "0002": "test"}
    assert ("0007", NO_PART) in {(entry.key, entry.reason) for entry in built.discarded}
    assert any(entry.line == 4 for entry in built.skipped)


def test_two_twins_make_a_twin(roots: tuple[Path, Path], tmp_path: Path) -> None:
    describe_twin(roots[0])
    with pytest.raises(DatasetError, match=r"raf_ml is a synthetic twin and .*raf_au is not"):
        construct_raf_ce(*roots)
    describe_twin(roots[1], seed=4)
    with pytest.raises(DatasetError, match="different preset or seed"):
        construct_raf_ce(*roots)
    describe_twin(roots[1])
    built = construct_raf_ce(*roots)
    write_raf_ce(built, tmp_path / "raf_ce", progress=False)
    twin = read_raf_ce(tmp_path / "raf_ce").twin
    assert twin is not None
    assert (twin["synthetic"], twin["seed"], twin["built_from"]) == (True, 3, ["raf_ml", "raf_au"])
    assert "pictures" not in twin
    assert "synthetic" in str(built)


def test_sets_without_a_common_picture_are_refused(roots: tuple[Path, Path]) -> None:
    (roots[1] / "RAFAU_label.txt").write_text("0009.jpg 1\n")
    with pytest.raises(DatasetError, match=r"no picture of .* makes a compound expression"):
        construct_raf_ce(*roots)


@given(counts=st.lists(st.integers(0, 40), min_size=6, max_size=6).filter(any))
def test_two_highest_are_the_two_highest_or_a_reason(counts: list[int]) -> None:
    pair = two_highest([count / sum(counts) for count in counts])
    ranked = sorted(counts, reverse=True)
    if ranked[1] == 0:
        assert pair == ONE_EXPRESSION
    elif ranked[1] == ranked[2]:
        assert pair == TIE
    else:
        assert not isinstance(pair, str)
        assert [counts[BASIC_EXPRESSIONS.index(name)] for name in pair] == ranked[:2]


@given(name=st.sampled_from(COMPOUND_EXPRESSIONS), swapped=st.booleans())
def test_every_compound_can_be_built(name: str, swapped: bool) -> None:
    first, second = COMPONENTS[name][:: -1 if swapped else 1]
    shares = [0.05] * 6
    shares[BASIC_EXPRESSIONS.index(first)], shares[BASIC_EXPRESSIONS.index(second)] = 0.45, 0.35
    pair = two_highest(shares)
    assert pair == (first, second)
    assert compound_of(*pair) == name


@given(labels=st.lists(st.integers(0, 13), min_size=1, max_size=300), seed=st.integers(0, 9))
def test_parts_have_the_published_shares_in_every_expression(labels: list[int], seed: int) -> None:
    named = {f"{number:04d}": label for number, label in enumerate(labels)}
    parts = assign_parts(named, seed=seed)
    assert parts.keys() == named.keys()
    for wanted, part in zip(PUBLISHED_PART_SIZES, ("train", "test", "validation"), strict=True):
        share = wanted / sum(PUBLISHED_PART_SIZES)
        assert abs(sum(p == part for p in parts.values()) - share * len(labels)) < 2
        for label in set(labels):
            members = [key for key in named if named[key] == label]
            assert abs(sum(parts[key] == part for key in members) - share * len(members)) < 2.5


def test_published_size_gives_the_published_parts() -> None:
    labels = {f"{number:04d}": number % 14 for number in range(4549)}
    parts = assign_parts(labels)
    assert tuple(Counter(parts.values())[p] for p in ("train", "test", "validation")) == PUBLISHED_PART_SIZES
    assert parts == assign_parts(dict(reversed(labels.items())))
    assert parts != assign_parts(labels, seed=1)
