from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from metafacs.data.datasets.disfa import BAD_FRAMES, read_disfa
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
    for sample in read_disfa(layout(tmp_path, {1: body})).samples:
        assert set(sample.action_units.values()) <= {0.0, 1.0}
        assert sample.frame is not None
        assert sample.frame >= 0
