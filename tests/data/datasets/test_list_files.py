from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.datasets.list_files import parse_landmarks, read_list_files
from metafacs.data.datasets.reading import DatasetError, Reading

AUS = (1, 2, 12)


def layout(
    root: Path, paths: str, codes: str | None, land: str | None = None, part: str = "BP4D_part1"
) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / f"{part}_path.txt").write_bytes(paths.encode())
    for name, text in (("AUoccur", codes), ("land", land)):
        if text is not None:
            (root / f"{part}_{name}.txt").write_bytes(text.encode())
    for path in ("F001/T1/2440.jpg", "M002/T3/0007.jpg"):
        (root / "img" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "img" / path).touch()
    return root


def read(root: Path, **options: object):
    return read_list_files(root, aus=AUS, pictures=root / "img", **options)  # type: ignore[arg-type]


def test_codes_follow_the_given_order_of_aus(tmp_path: Path) -> None:
    root = layout(tmp_path, "F001/T1/2440.jpg\nM002/T3/0007.jpg\n", "1 0 -1\n0 9 1\n")
    reading = read(root)
    assert [sample.action_units for sample in reading.samples] == [{1: 1.0, 2: 0.0}, {1: 0.0, 12: 1.0}]
    assert [sample.subject for sample in reading.samples] == ["F001", "M002"]
    assert {sample.part for sample in reading.samples} == {"BP4D_part1"}
    assert reading.samples[0].key == "F001/T1/2440"
    other = read_list_files(root, aus=(12, 4, 25), pictures=root / "img", dataset="bp4d")
    assert other.samples[0].action_units == {12: 1.0, 4: 0.0}
    assert (other.dataset, other.aus) == ("bp4d", (4, 12, 25))


def test_names_of_me_graphau(tmp_path: Path) -> None:
    root = layout(tmp_path, "", "")
    (root / "BP4D_train_img_path_fold1.txt").write_text("F001/T1/2440.jpg\n")
    (root / "BP4D_train_label_fold1.txt").write_text("0 1 1\n")
    (sample,) = read(root, parts=("BP4D_train_fold1",)).samples
    assert sample.action_units == {1: 0.0, 2: 1.0, 12: 1.0}
    assert sample.part == "BP4D_train_fold1"


def test_pictures_of_a_twin_stay_synthetic(tmp_path: Path) -> None:
    """Lists of one's own about a twin's pictures must not make them pass for real."""
    lists = layout(tmp_path / "lists", "F001/T1/2440.jpg\n", "1 0 1\n")
    assert read(lists).twin is None
    twin = tmp_path / "twin"
    twin.mkdir()
    (lists / "img").rename(twin / "img")
    (twin / "TWIN.json").write_text('{"synthetic": true}')
    assert read_list_files(lists, aus=AUS, pictures=twin / "img").twin == {"synthetic": True}


def test_a_picture_of_two_lists_is_taken_once(tmp_path: Path) -> None:
    layout(tmp_path, "F001/T1/2440.jpg\n", "1 1 1\n", part="BP4D_combine_1_2")
    root = layout(tmp_path, "F001/T1/2440.jpg\n", "1 1 1\n")
    reading = read(root)
    assert [sample.part for sample in reading.samples] == ["BP4D_combine_1_2"]
    assert [str(s) for s in reading.skipped] == [
        "BP4D_part1_path.txt:1: picture is listed twice; the first row counts"
    ]
    assert [sample.part for sample in read(root, parts=("BP4D_part1",)).samples] == ["BP4D_part1"]


@pytest.mark.parametrize("count", [49, 66, 68])
def test_landmarks_count_pixels_from_one(tmp_path: Path, count: int) -> None:
    points = np.arange(2 * count, dtype=float).reshape(count, 2) + 1
    land = "\t".join(f"{value:.2f}" for value in points.ravel()) + "\n"
    root = layout(tmp_path, "F001/T1/2440.jpg\n", "1 1 1\n", land)
    (sample,) = read(root, landmarks=True).samples
    assert sample.landmarks is not None
    assert np.allclose(sample.landmarks, points - 1)
    assert read(root).samples[0].landmarks is None


def test_subjects_by_another_folder_or_not_at_all(tmp_path: Path) -> None:
    root = layout(tmp_path, "F001/T1/2440.jpg\n", "1 1 1\n")
    assert read(root, subject_folder=1).samples[0].subject == "T1"
    assert read(root, subject_folder=None).samples[0].subject is None
    assert "folder number 2" in read(root, subject_folder=2).skipped[0].reason


def test_hostile_but_readable_text(tmp_path: Path) -> None:
    root = tmp_path / "Zoë"
    (root / "img" / "Änne B").mkdir(parents=True)
    (root / "img" / "Änne B" / "1.jpg").touch()
    layout(root, "\ufeffÄnne B\\1.jpg,\r\n\r\n", "\ufeff1, 0.0, -1,\r\n\r\n \r\n")
    (sample,) = read(root).samples
    assert (sample.subject, sample.action_units) == ("Änne B", {1: 1.0, 2: 0.0})


LISTED = [f"F{number // 10:03d}/{number:04d}.jpg" for number in range(30)]
CODES = [f"{number % 2} {number // 2 % 2} {number // 4 % 2}" for number in range(30)]


def long_lists(root: Path, paths: list[str], codes: list[str]) -> Path:
    for name in LISTED:
        (root / "img" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "img" / name).touch()
    return layout(root, "\n".join(paths) + "\n", "\n".join(codes) + "\n")


def without(lines: list[str], *numbers: int) -> list[str]:
    """Return lines with some, counted from 1, left blank."""
    return ["" if number in numbers else line for number, line in enumerate(lines, start=1)]


def labels_of(reading: Reading) -> dict[str, str]:
    """Return picture -> codes."""
    codes = {sample.key: sample.action_units for sample in reading.samples}
    return {f"{key}.jpg": " ".join(str(int(known[au])) for au in AUS) for key, known in codes.items()}


@pytest.mark.parametrize(
    ("paths", "codes", "said"),
    [
        (
            without(LISTED, 4),
            without(CODES, 13),
            r"path\.txt, line 4 is blank, while .*AUoccur\.txt has a row",
        ),
        (LISTED[:-1], without(CODES, 13), r"AUoccur\.txt, line 13 is blank, while .*path\.txt has a row"),
        (without(LISTED, 1), CODES[:-1], r"path\.txt, line 1 is blank"),
        (without(LISTED, 4), CODES, "differ in length: 29 paths, 30 rows"),
        (LISTED, [*CODES[:4], "", *CODES[4:]], r"AUoccur\.txt, line 5 is blank"),
        (LISTED, CODES[1:], "differ in length: 30 paths, 29 rows"),
    ],
)
def test_rows_are_never_moved_against_each_other(
    tmp_path: Path, paths: list[str], codes: list[str], said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        read(long_lists(tmp_path, paths, codes))


def test_blank_lines_at_the_same_places_or_at_the_end_do_no_harm(tmp_path: Path) -> None:
    root = long_lists(tmp_path, [*without(LISTED, 4, 13), ""], [*without(CODES, 4, 13), " ", "", ""])
    expected = dict(zip(LISTED, CODES, strict=True))
    del expected[LISTED[3]], expected[LISTED[12]]
    assert labels_of(read(root)) == expected


def test_presence_is_no_intensity(tmp_path: Path) -> None:
    """With a threshold of 2 no action unit would be present anywhere."""
    root = long_lists(tmp_path, LISTED, [f"{number % 2} 1 0 0" for number in range(30)])
    aus, pictures = (1, 2, 4, 12), root / "img"
    with pytest.raises(DatasetError, match=r"of 120 intensities 45 are 1 and none is higher.*threshold 1"):
        read_list_files(root, aus=aus, pictures=pictures, threshold=2)
    reading = read_list_files(root, aus=aus, pictures=pictures, threshold=1)
    assert reading.samples[0].action_units == {1: 0.0, 2: 1.0, 4: 0.0, 12: 0.0}


def test_intensities_are_no_presence(tmp_path: Path) -> None:
    """1 would be present and 2 to 5 be dropped row by row: a store of traces only."""
    levels = [f"{number % 6} 0 9" for number in range(30)]
    root = long_lists(tmp_path, LISTED, levels)
    with pytest.raises(
        DatasetError, match=r"AUoccur\.txt: 20 of 30 rows .* for AU1 .*--options\.threshold 2"
    ):
        read(root)
    reading = read(root, threshold=2)
    assert [sample.action_units for sample in reading.samples] == [
        {1: float(number % 6 >= 2), 2: 0.0} for number in range(30)
    ]
    assert [sample.intensities[1] for sample in reading.samples] == [number % 6 for number in range(30)]
    layout(root, "\n".join(LISTED), "\n".join([*levels[:-2], "2.0 0 9", "1.5 0 9"]))
    assert [sample.intensities[1] for sample in read(root, threshold=2).samples[-2:]] == [2.0, 1.5]
    with pytest.raises(DatasetError, match="these are intensities"):
        read(root)
    with pytest.raises(ValueError, match="1 to 5, not 6"):
        read(root, threshold=6)
    with pytest.raises(DatasetError, match="hold other codes than 0 to 5, or -1, 9 and 999"):
        read(long_lists(tmp_path, LISTED, [f"{number} 0 9" for number in range(30)]), threshold=2)


def test_a_list_of_other_pictures_is_refused(tmp_path: Path) -> None:
    root = long_lists(tmp_path, [f"BP4D/{name}" for name in LISTED], CODES)
    with pytest.raises(DatasetError, match=r"none of its 30 pictures is there, e\.g\. BP4D/F000/0000\.jpg"):
        read(root)
    assert labels_of(read_list_files(long_lists(tmp_path, LISTED, CODES), aus=AUS, pictures=root / "img"))


@pytest.mark.parametrize(("first_listed", "first"), [(0, 1), (1, 0)])
def test_pictures_that_count_from_another_number_than_the_list_are_refused(
    tmp_path: Path, first_listed: int, first: int
) -> None:
    """FFmpeg counts from 1, the lists of others from 0: each picture would get the label of the next."""
    layout(tmp_path, "".join(f"SN001/{first_listed + k}.jpg\n" for k in range(20)), "1 0 1\n" * 20)
    (tmp_path / "img" / "SN001").mkdir()
    for number in range(first, first + 20):
        (tmp_path / "img" / "SN001" / f"{number}.jpg").touch()
    with pytest.raises(DatasetError, match=r"moved by .1 fit 20 pictures, as they are 19"):
        read(tmp_path)


def test_other_aus_than_the_list_has_are_refused(tmp_path: Path) -> None:
    root = long_lists(tmp_path, LISTED, CODES)
    with pytest.raises(
        DatasetError, match=r"AUoccur\.txt: 30 of 30 rows do not hold 2 codes, one for each AU"
    ):
        read_list_files(root, aus=(1, 2), pictures=root / "img")


def test_lists_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    root = long_lists(tmp_path, LISTED, CODES)
    layout(root, "\n".join(LISTED), "\n".join(CODES[1:] + CODES[:1]), part="BP4D_part2")
    with pytest.raises(DatasetError, match=r"part2_path\.txt: 30 pictures, first in line 1, .* other codes"):
        read(root)
    assert len(read(root, parts=("BP4D_part2",)).samples) == 30


def test_pictures_that_differ_in_their_ending_are_two(tmp_path: Path) -> None:
    root = layout(tmp_path, "F001/T1/2440.jpg\nF001/T1/2440.png\nM002/T3/0007.jpg\n", "1 0 1\n0 1 0\n1 1 1\n")
    (root / "img" / "F001/T1/2440.png").touch()
    found = {sample.key: sample.action_units[1] for sample in read(root).samples}
    assert found == {"F001/T1/2440.jpg": 1.0, "F001/T1/2440.png": 0.0, "M002/T3/0007": 1.0}


def test_files_of_no_list_are_named(tmp_path: Path) -> None:
    root = layout(tmp_path, "F001/T1/2440.jpg\n", "1 0 1\n")
    for name in ("BP4D_part2_paths.txt", "BP4D_part1_biocular.txt", "._BP4D_part1_path.txt"):
        (root / name).touch()
    assert [str(entry) for entry in read(root).skipped] == [
        "._BP4D_part1_path.txt: file ._* of macOS is no picture and no label",
        "BP4D_part2_paths.txt: file belongs to no list, whose paths would be in <name>_path.txt",
    ]


@pytest.mark.parametrize(
    ("path", "codes", "reason"),
    [
        ("F001/T1/2440.jpg", "1 0", "number of codes"),
        ("F001/T1/2440.jpg", "1 0 7", "code other than"),
        ("F001/T1/2440.jpg", "1 0 x", "code other than"),
        ("F001/T1/none.jpg", "1 0 1", "label without a picture"),
        ("../img/F001/T1/2440.jpg", "1 0 1", "does not stay below"),
        ("/etc/hosts", "1 0 1", "does not stay below"),
        ("x" * 5000 + "/1.jpg", "1 0 1", "label without a picture"),
        ("F001/" + "9" * 5000 + ".jpg", "1 0 1", "label without a picture"),
    ],
)
def test_bad_rows_are_reported_and_do_not_stop_the_rest(
    tmp_path: Path, path: str, codes: str, reason: str
) -> None:
    reading = read(layout(tmp_path, f"{path}\nM002/T3/0007.jpg\n", f"{codes}\n0 0 1\n"))
    assert [sample.key for sample in reading.samples] == ["M002/T3/0007"]
    (skipped,) = reading.skipped
    assert (skipped.file, skipped.line) == ("BP4D_part1_path.txt", 1)
    assert reason in skipped.reason


@pytest.mark.parametrize(
    ("paths", "codes", "land", "reason"),
    [
        ("F001/T1/2440.jpg\n", None, None, "list without BP4D_part1_AUoccur.txt"),
        ("F001/T1/2440.jpg\n", "1 0 1\n", None, "list without BP4D_part1_land.txt"),
        ("", "", "", "empty file"),
        ("F001/T1/2440.jpg\n", "1 0 1\n", "1 2 3\n", "landmarks are not"),
    ],
)
def test_lists_that_do_not_fit_are_left_out_whole(
    tmp_path: Path, paths: str, codes: str | None, land: str | None, reason: str
) -> None:
    layout(tmp_path, "M002/T3/0007.jpg\n", "1 1 1\n", "1 " * 98 + "\n", part="other")
    reading = read(layout(tmp_path, paths, codes, land), landmarks=True)
    assert [sample.key for sample in reading.samples] == ["M002/T3/0007"]
    (skipped,) = reading.skipped
    assert reason in skipped.reason


def test_nothing_to_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no list"):
        read_list_files(tmp_path, aus=AUS)
    root = layout(tmp_path, "", "")
    with pytest.raises(DatasetError, match="no list part9; it holds BP4D_part1"):
        read(root, parts=("part9",))
    with pytest.raises(ValueError, match="repeated"):
        read_list_files(root, aus=(1, 1))
    with pytest.raises(DatasetError, match="none is missing"):
        read_list_files(root, aus=AUS, pictures=root / "none")


@given(
    count=st.sampled_from([49, 66, 68]),
    first=st.floats(-500, 5000, width=32),
    separator=st.sampled_from(["\t", " ", ", ", ","]),
)
def test_every_written_line_of_landmarks_is_read_back(count: int, first: float, separator: str) -> None:
    points = first + np.arange(2.0 * count).reshape(count, 2)
    read_back = parse_landmarks(separator.join(f"{value:.4f}" for value in points.ravel() + 1))
    assert read_back is not None
    np.testing.assert_allclose(read_back, points, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("value", ["1e300", "nan", "-inf", "1e6"])
def test_numbers_that_are_no_pixels_are_no_landmarks(value: str) -> None:
    assert parse_landmarks(" ".join(["5"] * 97 + [value])) is None


@given(st.text(alphabet="0123456789.-e \tnaif", max_size=400))
def test_no_text_breaks_the_landmarks(line: str) -> None:
    points = parse_landmarks(line)
    assert points is None or (points.shape[0] in (49, 66, 68) and np.isfinite(points).all())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    codes=st.lists(
        st.lists(st.sampled_from(["0", "1", "-1", "9"]), min_size=3, max_size=3), min_size=2, max_size=2
    )
)
def test_every_written_row_is_read_back(tmp_path: Path, codes: list[list[str]]) -> None:
    paths = "F001/T1/2440.jpg\nM002/T3/0007.jpg\n"
    reading = read(layout(tmp_path, paths, "".join(" ".join(cells) + "\n" for cells in codes)))
    assert [sample.action_units for sample in reading.samples] == [
        {au: float(code) for au, code in zip(AUS, cells, strict=True) if code in "01"} for cells in codes
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    paths=st.text(alphabet="F01/T1\\.jpg \r\né\x00", max_size=60),
    codes=st.text(alphabet="019-. \r\nx", max_size=60),
)
def test_no_text_breaks_the_reader(tmp_path: Path, paths: str, codes: str) -> None:
    for text in (paths, "F001/T1/2440.jpg\n" * (len(codes.split("\n")))):
        with suppress(DatasetError):
            for sample in read(layout(tmp_path, text, codes)).samples:
                assert set(sample.action_units.values()) <= {0.0, 1.0}
                assert sample.picture.is_file()
