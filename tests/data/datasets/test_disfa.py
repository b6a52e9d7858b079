from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from metafacs.data.datasets.disfa import BAD_FRAMES, read_disfa
from metafacs.data.datasets.intensities import NO_INTENSITY
from metafacs.data.datasets.reading import DatasetError
from metafacs.data.facts import DISFA


def layout(
    root: Path,
    labels: dict[int, str],
    subject: str = "SN003",
    video: str | None = "Videos_LeftCamera/leftvideo{}_Comp.avi",
) -> Path:
    folder = root / "ActionUnit_Labels" / subject
    folder.mkdir(parents=True, exist_ok=True)
    for au, text in labels.items():
        (folder / f"{subject}_au{au}.txt").write_bytes(text.encode())
    if video is not None:
        path = root / video.format(subject)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.mark.parametrize(("threshold", "present"), [(1, [0, 1, 1]), (2, [0, 0, 1]), (3, [0, 0, 0])])
def test_intensities_become_present_at_the_threshold(
    tmp_path: Path, threshold: int, present: list[int]
) -> None:
    root = layout(tmp_path, {1: "1,0\n2,1\n3,2\n", 12: "1,5\n2,5\n"})
    reading = read_disfa(root, threshold=threshold)
    assert [sample.action_units[1] for sample in reading.samples] == present
    assert [sample.action_units.get(12) for sample in reading.samples] == [1.0, 1.0, None]
    assert [sample.frame for sample in reading.samples] == [0, 1, 2]
    assert [sample.key for sample in reading.samples] == ["SN003/0001", "SN003/0002", "SN003/0003"]
    assert {sample.picture.name for sample in reading.samples} == {"leftvideoSN003_Comp.avi"}
    assert (reading.aus, reading.samples[0].subject) == ((1, 12), "SN003")


def test_intensities_are_kept_whatever_the_threshold(tmp_path: Path) -> None:
    root = layout(tmp_path, {1: "1,0\n2,1\n", 12: "2,5\n"})
    for threshold in (1, 5):
        samples = read_disfa(root, threshold=threshold).samples
        assert [sample.intensities for sample in samples] == [{1: 0.0}, {1: 1.0, 12: 5.0}]


POINTS = np.arange(132, dtype=float).reshape(66, 2) + 1


def write_landmarks(root: Path, name: str, points: object = POINTS, subject: str = "SN003") -> Path:
    path = root / "Landmark_Points" / subject / "tmp_frame_lm" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"pts": points})
    return path


@pytest.mark.parametrize(
    "names", [("SN003_0000_lm.mat", "SN003_0001_lm.mat"), ("l00001_lm.mat", "l00002_lm.mat")]
)
def test_landmarks_of_both_namings_are_read_on_demand(tmp_path: Path, names: tuple[str, str]) -> None:
    root = layout(tmp_path, {1: "1,0\n2,3\n"})
    with pytest.raises(DatasetError, match="Landmark_Points is missing"):
        read_disfa(root, landmarks=True)
    for shift, name in enumerate(names):
        write_landmarks(root, name, POINTS + shift)
    assert [sample.landmarks for sample in read_disfa(root).samples] == [None, None]
    reading = read_disfa(root, landmarks=True)
    assert not reading.skipped
    for shift, sample in enumerate(reading.samples):
        np.testing.assert_allclose(sample.landmarks, POINTS - 1 + shift)


def test_frames_without_usable_landmarks_are_kept_and_counted(tmp_path: Path) -> None:
    root = layout(tmp_path, {1: "1,0\n2,3\n3,1\n4,0\n"})
    write_landmarks(root, "SN003_0000_lm.mat")
    damaged = write_landmarks(root, "SN003_0001_lm.mat")
    damaged.write_bytes(damaged.read_bytes()[:200])
    write_landmarks(root, "SN003_0002_lm.mat", POINTS[:5])
    reading = read_disfa(root, landmarks=True)
    assert [sample.landmarks is None for sample in reading.samples] == [False, True, True, True]
    assert [str(s) for s in reading.skipped] == [
        *(
            f"Landmark_Points/SN003/tmp_frame_lm/SN003_000{k}_lm.mat: "
            "landmark file holds no 'pts' of 66 x 2; the face is found instead"
            for k in (1, 2)
        ),
        "ActionUnit_Labels/SN003/SN003_au1.txt:4: "
        "frame without delivered landmarks; its face is found instead",
    ]
    layout(tmp_path, {1: "1,0\n"}, "SN004")
    assert sum(sample.landmarks is None for sample in read_disfa(root, landmarks=True).samples) == 4


def test_two_is_the_default_and_nonsense_is_refused(tmp_path: Path) -> None:
    root = layout(tmp_path, {1: "1,1\n2,2\n"})
    assert [sample.action_units[1] for sample in read_disfa(root).samples] == [0.0, 1.0]
    with pytest.raises(ValueError, match="1 to 5"):
        read_disfa(root, threshold=0)


def test_extracted_frames_count_from_zero(tmp_path: Path) -> None:
    root = layout(tmp_path, {1: "1,0\n2,3\n9,1\n"}, video=None)
    for name in ("0.jpg", "1.jpg"):
        (root / "SN003").mkdir(exist_ok=True)
        (root / "SN003" / name).touch()
    reading = read_disfa(root)
    assert [(s.picture.name, s.frame, s.action_units[1]) for s in reading.samples] == [
        ("0.jpg", None, 0.0),
        ("1.jpg", None, 1.0),
    ]
    assert [(s.line, s.reason) for s in reading.skipped] == [(3, "label without a frame")]


def extracted(root: Path, numbers: Iterable[int], labels: int = 12, subject: str = "SN003") -> Path:
    """Write labels of frames 1, 2, ..., those after the sixth present, and pictures of some numbers."""
    text = "".join(f"{frame},{3 * (frame > 6)}\n" for frame in range(1, labels + 1))
    layout(root, {12: text}, subject, video=None)
    (root / subject).mkdir(exist_ok=True)
    for number in numbers:
        (root / subject / f"{number:04d}.jpg").touch()
    return root


def matched(root: Path, **options: object) -> dict[int, float]:
    """Return number of the picture -> label of AU12."""
    samples = read_disfa(root, **options).samples  # type: ignore[arg-type]
    return {int(sample.picture.stem): sample.action_units[12] for sample in samples}


@pytest.mark.parametrize("first", [0, 1])
def test_pictures_tell_whether_they_count_from_zero_or_one(tmp_path: Path, first: int) -> None:
    root = extracted(tmp_path, range(first, first + 12))
    expected = {number: float(number - first >= 6) for number in range(first, first + 12)}
    assert matched(root) == matched(root, first_frame=first) == expected


def test_a_picture_that_counts_from_zero_contradicts_the_option(tmp_path: Path) -> None:
    root = extracted(tmp_path, range(12))
    with pytest.raises(DatasetError, match="count from 0, first_frame says 1"):
        read_disfa(root, first_frame=1)


def test_a_lost_first_picture_moves_no_label(tmp_path: Path) -> None:
    """As SN010, whose last frame has no label."""
    root = extracted(tmp_path, range(1, 12), labels=11, subject="SN010")
    expected = {f"SN010/{frame:04d}": (f"{frame - 1:04d}.jpg", float(frame > 6)) for frame in range(2, 12)}
    extracted(root, range(12))
    told = r"SN003 has a picture 0, .* SN010 begin with 1 .* last label, 11: .*first_frame 0"
    with pytest.raises(DatasetError, match=told):
        read_disfa(root)
    found = {
        sample.key: (sample.picture.name, sample.action_units[12])
        for sample in read_disfa(root, first_frame=0).samples
        if sample.subject == "SN010"
    }
    assert found == expected


def test_pictures_that_do_not_tell_are_asked_about(tmp_path: Path) -> None:
    root = extracted(tmp_path, range(4, 9))
    with pytest.raises(DatasetError, match=r"numbers 4 to 8, its labels the frames 1 to 12.*first_frame 1"):
        read_disfa(root)
    assert matched(root, first_frame=1) == {4: 0.0, 5: 0.0, 6: 0.0, 7: 1.0, 8: 1.0}
    assert matched(root, first_frame=0) == {4: 0.0, 5: 0.0, 6: 1.0, 7: 1.0, 8: 1.0}
    # What the pictures of other people tell holds for all, unless these differ.
    extracted(root, range(1, 13), subject="SN004")
    assert {s.picture.name for s in read_disfa(root).samples if s.key == "SN003/0004"} == {"0004.jpg"}
    extracted(root, range(12), subject="SN005")
    with pytest.raises(DatasetError, match="do the names count from 0 or from 1"):
        read_disfa(root)
    with pytest.raises(ValueError, match="first_frame is 0 or 1"):
        read_disfa(root, first_frame=2)  # type: ignore[arg-type]


@pytest.mark.parametrize("slip", ["12,7", "12,", "12,x"])
def test_a_slip_in_the_last_line_moves_no_label(tmp_path: Path, slip: str) -> None:
    root = extracted(tmp_path, range(4, 12), subject="SN004")
    path = root / "ActionUnit_Labels" / "SN004" / "SN004_au12.txt"
    path.write_text(path.read_text().replace("12,3", slip))
    # Picture 11 is the last frame counted from 0, and not the last whose label can be read counted from 1.
    with pytest.raises(DatasetError, match=r"numbers 4 to 11, its labels the frames 1 to 12"):
        read_disfa(root)
    extracted(root, range(12))
    assert {s.picture.name for s in read_disfa(root).samples if s.key == "SN004/0007"} == {"0006.jpg"}


def test_labels_that_count_from_zero_are_refused(tmp_path: Path) -> None:
    root = layout(tmp_path, {1: "1,0\n2,3\n3,0\n", 12: "0,0\n1,3\n2,0\n"})
    with pytest.raises(DatasetError, match=r"SN003_au12\.txt counts its frames from 0"):
        read_disfa(root)


def test_another_code_book_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"SN003_au1\.txt: 2 of 3 rows hold other codes than an intensity"):
        read_disfa(layout(tmp_path / "a", {1: "1,0\n2,60\n3,100\n"}))
    presence = layout(tmp_path / "b", {1: "".join(f"{frame},{frame % 2}\n" for frame in range(1, 121))})
    with pytest.raises(DatasetError, match="look like codes of presence"):
        read_disfa(presence)
    assert sum(sample.action_units[1] for sample in read_disfa(presence, threshold=1).samples) == 60


def test_what_is_there_twice_is_never_mixed(tmp_path: Path) -> None:
    root = layout(tmp_path, {1: "1,0\n2,3\n"})
    (root / "ActionUnit_Labels" / "SN003" / "SN003_au01.txt").write_text("1,5\n2,5\n")
    reading = read_disfa(root)
    assert [str(entry) for entry in reading.skipped] == [
        "ActionUnit_Labels/SN003/SN003_au1.txt: second file of one action unit; the first is read"
    ]
    assert [sample.intensities[1] for sample in reading.samples] == [5.0, 5.0]
    (root / "ActionUnit_Labels" / "sn003").mkdir()
    with pytest.raises(DatasetError, match="two folders whose names differ in upper and lower case only"):
        read_disfa(root)


def test_frames_that_one_action_unit_lacks_are_counted(tmp_path: Path) -> None:
    reading = read_disfa(layout(tmp_path, {1: "1,0\n2,3\n3,0\n", 12: "1,5\n3,5\n"}))
    assert [sample.action_units.get(12) for sample in reading.samples] == [1.0, None, 1.0]
    assert [str(entry) for entry in reading.skipped] == [
        f"ActionUnit_Labels/SN003/SN003_au12.txt: {NO_INTENSITY}"
    ]


def test_what_has_no_counterpart_is_named(tmp_path: Path) -> None:
    root = layout(tmp_path, {1: "1,0\n2,3\n"})
    (root / "ActionUnit_Labels" / "S004").mkdir()
    (root / "ActionUnit_Labels" / "SN003" / "SN003_au2.csv").touch()
    (root / "ActionUnit_Labels" / "SN003" / "._SN003_au2.txt").touch()
    (root / "Videos_LeftCamera" / "LeftVideoSN009_comp.avi").touch()
    (root / "Videos_LeftCamera" / "leftVideoSN003_comp.mp4").touch()
    assert [str(entry) for entry in read_disfa(root).skipped] == [
        "ActionUnit_Labels/S004: name of the folder is no person such as SN001",
        "Videos_LeftCamera/leftvideoSN003_Comp.avi: second video of one recording; the first is read",
        "ActionUnit_Labels/SN003/._SN003_au2.txt: file ._* of macOS is no picture and no label",
        "ActionUnit_Labels/SN003/SN003_au2.csv: file ending in .csv is not read",
        "Videos_LeftCamera/LeftVideoSN009_comp.avi: video without labels (2 times)",
    ]


def test_frames_of_a_video_without_labels_are_counted(
    tmp_path: Path, write_video: Callable[..., Path]
) -> None:
    root = layout(tmp_path, {1: "1,0\n2,3\n"}, video=None)
    path = root / "Videos_LeftCamera" / "leftvideoSN003_Comp.mp4"
    write_video(path, [np.zeros((64, 64, 3), np.uint8)] * 9, codec="libx264")
    assert read_disfa(root).summary()["skipped"] == {"frame without a label": 7}


def test_the_other_camera(tmp_path: Path) -> None:
    root = layout(tmp_path, {1: "1,0\n"}, video="Videos_RightCamera/RightVideo{}_comp.avi")
    assert read_disfa(root, camera="right").samples[0].picture.parent.name == "Videos_RightCamera"
    assert "without a video of the left camera" in read_disfa(root).skipped[0].reason
    with pytest.raises(ValueError, match="for the left camera only"):
        read_disfa(root, camera="right", landmarks=True)


def test_bad_frames_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    root = layout(tmp_path, {1: "799,0\n800,0\n826,0\n827,0\n"}, "SN002")
    reading = read_disfa(root)
    assert [sample.key for sample in reading.samples] == ["SN002/0799", "SN002/0827"]
    assert {s.reason for s in reading.skipped} == {"frame is in DISFA's list of bad frames"}
    assert len(read_disfa(root, keep_bad_frames=True).samples) == 4


def test_bad_frames_give_the_published_sizes() -> None:
    """JAA-Net's lists keep 43,173, 40,344 and 42,627 frames of the three parts."""
    kept = []
    for part in DISFA.published_parts:
        rows = sum(4844 if person == "SN010" else 4845 for person in part)
        bad = sum(last - first + 1 for person in part for first, last in BAD_FRAMES.get(person, ()))
        kept.append(rows - bad)
    assert kept == [43173, 40344, 42627]
    assert sum(kept) == 126144


def test_hostile_but_readable_text(tmp_path: Path) -> None:
    root = layout(tmp_path / "Zoë", {1: "\ufeff1,2\r\n\r\n 2 , 0 ,\r\n", 2: ""})
    reading = read_disfa(root)
    assert [sample.action_units for sample in reading.samples] == [{1: 1.0}, {1: 0.0}]
    assert [str(s) for s in reading.skipped] == ["ActionUnit_Labels/SN003/SN003_au2.txt: empty file"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("frame,intensity", "line is not"),
        ("2,6", "line is not"),
        ("0,1", "line is not"),
        ("2;1", "line is not"),
        ("²,1", "line is not"),
        ("1,1", "labelled twice"),
    ],
)
def test_bad_lines_are_reported_and_do_not_stop_the_rest(tmp_path: Path, line: str, reason: str) -> None:
    reading = read_disfa(layout(tmp_path, {1: f"1,3\n{line}\n3,0\n"}))
    assert [sample.key for sample in reading.samples] == ["SN003/0001", "SN003/0003"]
    (skipped,) = reading.skipped
    assert (skipped.file, skipped.line) == ("ActionUnit_Labels/SN003/SN003_au1.txt", 2)
    assert reason in skipped.reason


def test_strange_files_and_people_without_video_are_counted(tmp_path: Path) -> None:
    root = layout(tmp_path, {1: "1,0\n", 99: "1,0\n"})
    (root / "ActionUnit_Labels" / "SN003" / "SN004_au1.txt").write_text("1,0\n")
    (root / "ActionUnit_Labels" / "SN003" / "SN003_au4.txt").write_bytes(b"\xff\xfe\x00")
    layout(tmp_path, {1: "1,0\n"}, "SN004", video=None)
    reading = read_disfa(root)
    assert len(reading.samples) == 1
    reasons = [s.reason for s in reading.skipped]
    assert reasons.count("file name is not SN003_au<FACS number>.txt") == 2
    assert "not a UTF-8 text file" in reasons
    assert "labels without a video of the left camera and without frames" in reasons


def test_missing_parts_of_the_layout(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="ActionUnit_Labels is missing"):
        read_disfa(tmp_path)
    (tmp_path / "ActionUnit_Labels").mkdir()
    with pytest.raises(DatasetError, match="no folder such as SN001"):
        read_disfa(tmp_path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text(alphabet="012345,-. \r\nxé²\x00", max_size=60))
def test_no_text_breaks_the_reader(tmp_path: Path, body: str) -> None:
    with suppress(DatasetError):  # of a pattern
        for sample in read_disfa(layout(tmp_path, {1: body})).samples:
            assert set(sample.action_units.values()) <= {0.0, 1.0}
            assert sample.frame is not None
            assert sample.frame >= 0
