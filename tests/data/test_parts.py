"""A folder of parts is one table, of which its videos are read one by one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metafacs.data.codings import CodingError, read_coding
from metafacs.data.codings.raw_tables import read_raw_table
from metafacs.data.parts import RECEIPT, Failure, Receipt, holds_parts, part_files, videos_of_parts
from metafacs.evaluation.agreement_pairs import pair_files


def write_part(folder: Path, number: int, inputs: dict[str, int], *, videos: bool = True) -> None:
    """Write a part with so many frames of every input, in which AU12 is there in odd frames."""
    folder.mkdir(exist_ok=True)
    frames = [(name, frame) for name, count in inputs.items() for frame in range(count)]
    table = pa.table(
        {
            "frame": [frame for _, frame in frames],
            "face_id": [0] * len(frames),
            "timestamp": [frame / 25 for _, frame in frames],
            "confidence": [1.0] * len(frames),
            "success": [1] * len(frames),
            "input": [name for name, _ in frames],
            "AU12_p": [float(frame % 2) / 2 + 0.1 for _, frame in frames],
            "AU12_c": [frame % 2 for _, frame in frames],
        }
    )
    failed = tuple(Failure(i, name, "no video", 3) for i, name in enumerate(inputs) if not inputs[name])
    names = tuple(inputs) if videos else ()
    path = folder / f"{number:06d}-0.parquet"
    receipt = Receipt(path.name, 0, tuple(inputs.values()), len(frames), failed, names)
    pq.write_table(table.replace_schema_metadata({RECEIPT: receipt.to_json()}), path)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    folder = tmp_path / "parts"
    write_part(folder, 0, {"day/a.mp4": 6, "day/b.mp4": 4})
    write_part(folder, 1, {"day/c.mp4": 0, "day/d.mp4": 8})
    return folder


def test_a_folder_of_parts_is_known(parts: Path, tmp_path: Path) -> None:
    assert holds_parts(parts)
    assert not holds_parts(tmp_path)
    pq.write_table(pa.table({"frame": [1]}), tmp_path / "table.parquet")
    assert not holds_parts(tmp_path)
    assert not holds_parts(tmp_path / "gone")
    (parts / ".000000-0.parquet.7.partial").touch()
    assert [path.name for path in part_files(parts)] == ["000000-0.parquet", "000001-0.parquet"]
    assert {name: len(found) for name, found in videos_of_parts(parts).items()} == {
        "day/a.mp4": 1,
        "day/b.mp4": 1,
        "day/d.mp4": 1,
    }
    assert len(pd.read_parquet(parts)) == 18


def test_videos_are_read_one_by_one(parts: Path) -> None:
    raw = read_raw_table(parts, "day/b.mp4")
    assert raw.numbers("frame", what="the frame").tolist() == [0, 1, 2, 3]
    coding = read_coding(parts, video="day/d.mp4")
    assert coding.rows == 8
    assert coding.people["0"][12].presence.tolist() == [0, 1] * 4
    with pytest.raises(CodingError, match="holds 3 videos; name a coding of one of them"):
        read_coding(parts)
    with pytest.raises(CodingError, match=r"holds no video day/c\.mp4"):
        read_coding(parts, video="day/c.mp4")


def test_pictures_are_read_together(tmp_path: Path) -> None:
    for number in range(2):
        write_part(tmp_path / "parts", number, {f"{number}.png": 1}, videos=False)
    assert read_raw_table(tmp_path / "parts").texts("input") == ["0.png", "1.png"]


def test_videos_of_parts_are_paired_with_their_codings(parts: Path, tmp_path: Path) -> None:
    codings = tmp_path / "codings"
    codings.mkdir()
    for name in ("a", "d", "e"):
        (codings / f"{name}.csv").write_text("frame,AU12\n0,0\n")
    pairs, warnings = pair_files([parts, codings])
    assert [(pair.video, pair.left, pair.left_input, pair.right.name) for pair in pairs] == [
        ("a", parts, "day/a.mp4", "a.csv"),
        ("d", parts, "day/d.mp4", "d.csv"),
    ]
    assert len(warnings) == 2
    pairs, _ = pair_files([parts, codings / "d.csv"])
    assert [(pair.video, pair.left_input) for pair in pairs] == [("d", "day/d.mp4")]
    with pytest.raises(CodingError, match=r"holds no video with the name of e\.csv but for the ending"):
        pair_files([parts, codings / "e.csv"])
    write_part(parts, 2, {"night/a.mp4": 2})
    with pytest.raises(CodingError, match=r"holds day/a\.mp4 and night/a\.mp4, .* write the table of each"):
        pair_files([parts, codings])
