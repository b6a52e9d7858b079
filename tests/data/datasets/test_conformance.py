"""What every entry of READERS does with hostile folders; a new reader is one layout here.

No problem may end in anything but a DatasetError. Where the rest can be read it is, and what was left out is
noted with file and line and counted in the summary.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metafacs.data.cutting import Cut, Job, cut_shard, read_note
from metafacs.data.datasets import READERS
from metafacs.data.datasets.reading import DatasetError, Reading
from metafacs.faces.alignment import AlignmentSpec
from reader_layouts import LAYOUTS, Layout, write

pytestmark = pytest.mark.filterwarnings("ignore:.*action units, the paper counts.*")


@pytest.fixture(params=LAYOUTS.values(), ids=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Layout:
    """Every layout in turn; ``readers_of_tables`` and ``readers_of_folders`` take some of them."""
    return request.param


readers_of_tables = pytest.mark.parametrize("layout", [x for x in LAYOUTS.values() if x.header])
readers_of_folders = pytest.mark.parametrize("layout", [x for x in LAYOUTS.values() if x.spare])
hostile = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def noted(reading: Reading, file: str, line: int | None = None) -> list[str]:
    """Return the reasons noted about a file, or about one of its lines; all of them must be counted."""
    counts = json.loads(json.dumps(reading.summary()))["skipped"]
    assert sum(counts.values()) == sum(entry.count for entry in reading.skipped)
    assert set(counts) == {entry.reason for entry in reading.skipped}
    return [entry.reason for entry in reading.skipped if entry.file == file and line in (None, entry.line)]


def outcome(layout: Layout, root: Path, *words: str) -> Reading | None:
    """Return the reading; None where the one label file of a set is an error that says the words."""
    try:
        return layout.read(root)
    except DatasetError as error:
        if layout.extra and "another code book" not in str(error):
            raise AssertionError("one file of many must not stop the rest") from error
        message = str(error)
    assert layout.extra or all(word in message for word in words), message
    return None


def test_every_reader_has_a_layout() -> None:
    # A folder of pictures has no file of labels that could be damaged.
    assert set(LAYOUTS) == set(READERS) - {"pictures"}


def test_a_clean_folder_is_read_whole(layout: Layout, tmp_path: Path) -> None:
    reading = layout.read(layout.write(tmp_path))
    assert len(reading.samples) == 2 + len(layout.extra)
    assert {s.picture for s in reading.samples} == {tmp_path / n for n in (*layout.pictures, *layout.extra)}
    assert reading.skipped == []


@pytest.mark.parametrize(
    "hurt",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\ufeff" + text,
        lambda text: "\n \n" + text.replace("\n", "\n\n\t\n"),
        lambda text: text.replace("\n", ",\n"),
        lambda text: text.replace("\n", " \t\n"),
        lambda text: text.rstrip("\n"),
        lambda text: "\ufeff\r\n" + text.replace("\n", " ,\r\n\r\n"),
    ],
    ids=["CRLF", "CR", "BOM", "blank lines", "trailing commas", "trailing blanks", "no last newline", "all"],
)
def test_harmless_differences_are_none(layout: Layout, hurt: Callable[[str], str], tmp_path: Path) -> None:
    expected = layout.read(layout.write(tmp_path)).samples
    layout.write(tmp_path, hurt(layout.text))
    if layout.reported:  # rows that belong together line by line
        write(tmp_path / layout.reported, hurt(layout.files[layout.reported]))
    reading = layout.read(tmp_path)
    assert reading.samples == expected
    assert reading.skipped == []


def test_any_name_of_a_folder_will_do(layout: Layout, tmp_path: Path) -> None:
    plain, strange = tmp_path / "plain", tmp_path / "Zoë & 表情, 'a b' [x]"
    expected = layout.read(layout.write(plain)).samples
    found = layout.read(layout.write(strange)).samples
    assert found == [replace(s, picture=strange / s.picture.relative_to(plain)) for s in expected]


@pytest.mark.parametrize(
    "rubbish", ["?", "9" * 5000, "-1", "1e400", "²,²,²", "٣ ٣ ٣", "\x00", "\x0c0001.jpg\u2028", "nan nan nan"]
)
def test_a_row_of_rubbish_is_noted_and_the_rest_read(layout: Layout, rubbish: str, tmp_path: Path) -> None:
    expected = layout.read(layout.write(tmp_path)).samples
    spoilt = layout.text.replace(layout.rows[1], rubbish)
    reading = layout.read(layout.write(tmp_path, spoilt))
    assert noted(reading, layout.reported or layout.labels, layout.second)
    second = tmp_path / layout.pictures[1]
    assert [s.key for s in reading.samples] == [s.key for s in expected if s.picture != second]


def test_a_foreign_header_is_noted(layout: Layout, tmp_path: Path) -> None:
    rows = layout.text.removeprefix(f"{layout.header}\n")
    root = layout.write(tmp_path, f"name,label\n{rows}")
    words = "differ in length: 2 paths, 3" if layout.reported else f"{layout.labels}, line 1: wrong header"
    if reading := outcome(layout, root, words):
        assert noted(reading, layout.labels)
        assert len(reading.samples) == len(layout.extra) + (0 if layout.header else 2)


@readers_of_tables
def test_a_column_twice_is_a_wrong_header(layout: Layout, tmp_path: Path) -> None:
    column = layout.header.rpartition(",")[2]
    doubled = layout.text.replace("\n", ",0\n").replace(f"{layout.header},0", f"{layout.header},{column}")
    if reading := outcome(layout, layout.write(tmp_path, doubled), "line 1: wrong header"):
        assert "wrong header" in noted(reading, layout.labels, 1)[0]
        assert len(reading.samples) == len(layout.extra)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xef\xbb\xbf\r\n \r\n", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "0,1,2\n1,0,1\n".encode("utf-16")],
    ids=["empty", "blank", "a picture", "UTF-16"],
)
def test_a_file_without_text_is_noted_by_name(layout: Layout, content: bytes, tmp_path: Path) -> None:
    if reading := outcome(layout, layout.write(tmp_path, content), layout.labels):
        places = noted(reading, layout.labels)
        assert any("empty file" in reason or "UTF-8" in reason for reason in places)
        assert len(reading.samples) == len(layout.extra)


def test_files_of_macos_beside_all_others_change_nothing(layout: Layout, tmp_path: Path) -> None:
    expected = layout.read(layout.write(tmp_path)).samples
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
    reading = layout.read(tmp_path)
    assert reading.samples == expected
    assert {entry.reason for entry in reading.skipped} == {"file ._* of macOS is no picture and no label"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_in_place_of_a_file_does_not_keep_anybody_waiting(layout: Layout, tmp_path: Path) -> None:
    (layout.write(tmp_path) / layout.labels).unlink()
    os.mkfifo(tmp_path / layout.labels)
    if reading := outcome(layout, tmp_path):
        assert noted(reading, layout.reported or layout.labels)
        assert len(reading.samples) == len(layout.extra)


def test_a_folder_in_place_of_a_file_is_noted(layout: Layout, tmp_path: Path) -> None:
    (layout.write(tmp_path) / layout.labels).unlink()
    (tmp_path / layout.labels).mkdir()
    if reading := outcome(layout, tmp_path, layout.labels):
        assert noted(reading, layout.reported or layout.labels)
        assert len(reading.samples) == len(layout.extra)


def test_a_label_without_a_picture_is_noted_with_its_line(layout: Layout, tmp_path: Path) -> None:
    layout.write(tmp_path)
    (tmp_path / layout.pictures[1]).unlink()
    reading = layout.read(tmp_path)
    (reason,) = noted(reading, layout.reported or layout.labels, layout.second)
    assert reason.startswith("label without a ")
    assert len(reading.samples) == 1 + len(layout.extra)


@readers_of_folders
def test_a_picture_without_a_label_is_counted(layout: Layout, tmp_path: Path) -> None:
    expected = layout.read(layout.write(tmp_path)).samples
    write(tmp_path / layout.spare, "a picture")
    reading = layout.read(tmp_path)
    assert reading.samples == expected
    (entry,) = reading.skipped
    assert any(Path(name).is_relative_to(entry.file) for name in (layout.spare, layout.labels))
    ((reason, count),) = reading.summary()["skipped"].items()  # type: ignore[attr-defined]
    assert (reason.endswith("without a label"), count) == (True, 1)


def test_a_missing_sequence_is_noted_and_the_rest_read(layout: Layout, tmp_path: Path) -> None:
    layout.write(tmp_path)
    for name in layout.pictures:
        (tmp_path / name).unlink()
    folder = (tmp_path / layout.pictures[0]).parent
    folder.rmdir()
    words = ["none of its 2 pictures is there"] if layout.reported else [str(folder), "is missing"]
    if reading := outcome(layout, tmp_path, *words):
        places = {Path(layout.labels), Path(layout.labels).parent}
        assert any(Path(entry.file) in places for entry in reading.skipped)
        assert len(reading.samples) == len(layout.extra)


def test_a_repeated_label_counts_once(layout: Layout, tmp_path: Path) -> None:
    expected = layout.read(layout.write(tmp_path)).samples
    layout.write(tmp_path, f"{layout.text}{layout.rows[1]}\n")
    if layout.reported:
        paths = layout.files[layout.reported]
        write(tmp_path / layout.reported, paths + paths.splitlines()[-1] + "\n")
    reading = layout.read(tmp_path)
    assert reading.samples == expected
    (reason,) = noted(reading, layout.reported or layout.labels, layout.second + 1)
    assert "twice" in reason


def test_pictures_are_only_opened_when_they_are_prepared(layout: Layout, tmp_path: Path) -> None:
    """The one rule for empty and damaged pictures: the reader hands them on, the store names the file."""
    layout.write(tmp_path)
    write(tmp_path / layout.pictures[1], b"")
    reading = layout.read(tmp_path)
    assert reading.skipped == []
    cut = Cut("", tmp_path, reading.aus, reading.expressions, 16, AlignmentSpec(), reading.pre_aligned)
    cut_shard(Job(tmp_path / "shard.arrow", reading.samples, {}), cut)
    notes = read_note(tmp_path / "shard.arrow").skipped
    assert [tmp_path / note.file for note in notes] == [sample.picture for sample in reading.samples]
    assert all(note.reason.startswith("unreadable picture: ") for note in notes)
    assert any("is empty (0 bytes)" in note.reason for note in notes)


def test_a_twin_says_so_and_a_damaged_note_stops_everything(layout: Layout, tmp_path: Path) -> None:
    layout.write(tmp_path)
    write(tmp_path / "TWIN.json", '{"synthetic": true}')
    assert layout.read(tmp_path).summary()["synthetic"] is True
    for damaged, said in (
        ("{", "is damaged"),
        ("[]", "Expected `?object"),
        ('{"complete": false}', "not finished"),
    ):
        write(tmp_path / "TWIN.json", damaged)
        with pytest.raises(DatasetError, match=rf"TWIN\.json.* {said}"):
            layout.read(tmp_path)


def test_nothing_at_all_is_one_sentence(layout: Layout, tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetError, match=r"is missing|holds no|holds neither|has no"):
            layout.read(root)


@hostile
@given(content=st.binary(max_size=120) | st.text(max_size=60).map(str.encode))
def test_no_content_breaks_a_reader(layout: Layout, tmp_path: Path, content: bytes) -> None:
    if reading := outcome(layout, layout.write(tmp_path, content), layout.labels):
        noted(reading, layout.labels)
        assert len(reading.samples) <= 2 + len(layout.extra)


@hostile
@given(more=st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=60))
def test_no_further_text_spoils_the_rows_before_it(layout: Layout, tmp_path: Path, more: str) -> None:
    expected = layout.read(layout.write(tmp_path)).samples
    reading = outcome(layout, layout.write(tmp_path, f"{layout.text}{more}\n"), "differ in length: 2 paths")
    if reading is None:
        assert layout.reported
        return
    found = {sample.key: sample for sample in reading.samples}
    assert [found[sample.key].picture for sample in expected] == [sample.picture for sample in expected]
