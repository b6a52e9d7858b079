from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from metafacs.data.datasets.disfa_landmarks import (
    LandmarkFiles,
    frame_of,
    read_points,
    refuse_moved_landmarks,
)
from metafacs.data.datasets.reading import DatasetError, Reading

POINTS = np.arange(132, dtype=float).reshape(66, 2) + 1


def matlab_file(*, compress: bool = False, **content: object) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, content, do_compression=compress)
    return buffer.getvalue()


WHOLE = matlab_file(pts=POINTS)


@given(st.integers(1, 4845), st.sampled_from(["SN001", "sn032"]), st.sampled_from(["l0", "r0", "xy"]))
def test_both_namings_tell_the_frame(frame: int, subject: str, prefix: str) -> None:
    assert frame_of(f"{subject}_{frame - 1:04d}_lm.mat") == frame
    assert frame_of(f"{prefix}{frame:04d}_lm.mat") == frame


@pytest.mark.parametrize(
    "name", ["notes.mat", "SN001_0000_lm.txt", "l012345_lm.mat", "l0001.mat", ".DS_Store"]
)
def test_other_names_tell_none(name: str) -> None:
    assert frame_of(name) is None


def test_points_count_pixels_from_zero(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(matlab_file(pts=POINTS, other=1, text="a", more={"cell": [1, "b"]}))
    points = read_points(tmp_path / "a.mat")
    assert points is not None
    np.testing.assert_array_equal(points, POINTS - 1)


def test_compressed_points_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(matlab_file(compress=True, other=[1.0], pts=POINTS))
    np.testing.assert_array_equal(read_points(tmp_path / "a.mat"), POINTS - 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a matlab file" * 20,
        b"\x89HDF\r\n\x1a\n" + b"\x00" * 600,
        matlab_file(pts=POINTS)[:300],
        matlab_file(points=POINTS),
        matlab_file(pts=POINTS.T),
        matlab_file(pts=POINTS[:10]),
        matlab_file(pts=np.full((66, 2), np.nan)),
        matlab_file(pts="66 x 2"),
        # The type of the numbers, which SciPy would look up beyond the end of its table.
        WHOLE[:176] + b"\x00\xff" + WHOLE[178:],
        WHOLE[:176] + b"\x00\x00" + WHOLE[178:],
    ],
)
def test_damaged_and_foreign_files_hold_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    assert read_points(tmp_path / "a.mat") is None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(100, 400), st.binary(min_size=1, max_size=8))
def test_no_damage_breaks_the_reader(tmp_path: Path, place: int, noise: bytes) -> None:
    content = bytearray(WHOLE)
    content[place : place + len(noise)] = noise
    (tmp_path / "a.mat").write_bytes(bytes(content))
    points = read_points(tmp_path / "a.mat")
    assert points is None or (points.shape == (66, 2) and np.isfinite(points).all())


def test_files_may_lie_in_the_persons_folder_itself(tmp_path: Path) -> None:
    (tmp_path / "l00007_lm.mat").write_bytes(matlab_file(pts=POINTS))
    reading = Reading("disfa", tmp_path)
    origin = tmp_path / "labels.txt", 7
    assert LandmarkFiles(reading, tmp_path).read(reading, 7, origin) is not None
    assert LandmarkFiles(reading, tmp_path / "none").read(reading, 7, origin) is None
    assert [str(s) for s in reading.skipped] == [
        "labels.txt:7: frame without delivered landmarks; its face is found instead"
    ]


def test_landmarks_named_from_zero_but_counted_from_one_are_refused(tmp_path: Path) -> None:
    def files_of(subject: str, indices: range) -> LandmarkFiles:
        (tmp_path / subject).mkdir()
        for index in indices:
            (tmp_path / subject / f"{subject}_{index:04d}_lm.mat").touch()
        return LandmarkFiles(Reading("disfa", tmp_path), tmp_path / subject)

    moved, short = files_of("SN001", range(1, 10)), files_of("SN002", range(1, 8))
    refuse_moved_landmarks({short: 9})
    with pytest.raises(DatasetError, match="landmark files are numbered 1 to 9, but names such as"):
        refuse_moved_landmarks({short: 9, moved: 9})
    # Somebody has the file of the first frame: SN001 has lost it, and has more frames than labels.
    refuse_moved_landmarks({moved: 9, files_of("SN003", range(10)): 10})


def test_what_is_no_landmark_file_is_named(tmp_path: Path) -> None:
    for name in ("SN001_0000_lm.mat", "l00001_lm.mat", "notes.mat", "._l00002_lm.mat", "read.me"):
        (tmp_path / name).touch()
    reading = Reading("disfa", tmp_path)
    LandmarkFiles(reading, tmp_path)
    assert {str(entry) for entry in reading.skipped} == {
        "notes.mat: name of the landmark file tells no frame",
        "l00001_lm.mat: second landmark file of one frame; the first is read",
        "._l00002_lm.mat: file ._* of macOS is no picture and no label",
        "read.me: file ending in .me is not read",
    }


def test_a_small_file_that_unpacks_to_much_is_no_landmark_file(tmp_path: Path) -> None:
    savemat(tmp_path / "bomb.mat", {"pts": np.zeros((66, 200_000))}, do_compression=True)
    assert (tmp_path / "bomb.mat").stat().st_size < 1 << 20
    assert read_points(tmp_path / "bomb.mat") is None
