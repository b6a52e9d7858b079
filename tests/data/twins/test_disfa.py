from __future__ import annotations

import shutil

import numpy as np
import pytest
from scipy.io import loadmat

from metafacs.data.datasets.disfa import BAD_FRAMES, read_disfa
from metafacs.data.facts import DISFA
from metafacs.data.twins import disfa
from metafacs.data.twins.disfa import (
    CODED_AUS,
    COUNTED_FROM_ONE,
    FILM,
    SUBJECTS,
    TINY_SUBJECTS,
    _plan_recording,
    _sitter,
    _Size,
    landmark_file,
)
from metafacs.data.twins.recordings import film
from metafacs.data.twins.rendering import render_twin
from metafacs.data.twins.sessions import sample_session
from metafacs.data.videos import decode_frames
from metafacs.faces.landmarks import LANDMARKS_68_TO_66
from metafacs.synthesis.activations import RENDERED_AUS, intensity_level

PUBLISHED = DISFA.rates[0].rates


def contents(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def filmed(subject):
    """Render the frames of a person of the tiny twin again."""
    recording = _plan_recording(0, subject, _Size(TINY_SUBJECTS, (12, 12), 128))
    sitter, who = _sitter(0, subject)
    rng = recording.generator("session")
    session = sample_session(rng, FILM, who.person, recording.length, frames_per_second=20, shares=who.shares)
    return film(recording, sitter, session, disfa._CAMERA)


def test_people_are_those_of_disfa_and_tiny_covers_the_published_parts():
    assert len(SUBJECTS) == 27
    assert not {"SN014", "SN015", "SN019", "SN020", "SN022"} & set(SUBJECTS)
    assert [len(set(part) & set(TINY_SUBJECTS)) for part in DISFA.published_parts] == [2, 2, 2]
    assert 0 < len(set(TINY_SUBJECTS) & set(COUNTED_FROM_ONE)) < len(TINY_SUBJECTS)


def test_layout_is_that_of_disfa(disfa_twin):
    root, summary = disfa_twin
    assert summary.pictures == 71, "12 frames each; the last of SN010 has no label"
    assert summary.counts["subjects"] == 6
    for subject in TINY_SUBJECTS:
        labels = root / "ActionUnit_Labels" / subject
        assert {path.name for path in labels.iterdir()} == {f"{subject}_au{au}.txt" for au in CODED_AUS}
        rows = 11 if subject == "SN010" else 12
        for path in labels.iterdir():
            lines = [line.split(",") for line in path.read_text().splitlines()]
            assert [int(frame) for frame, _ in lines] == list(range(1, rows + 1))
            assert {level for _, level in lines} <= set("012345")
        names = sorted(path.name for path in (root / "Landmark_Points" / subject / "tmp_frame_lm").iterdir())
        first = "l00001_lm.mat" if subject in COUNTED_FROM_ONE else f"{subject}_0000_lm.mat"
        assert (len(names), names[0]) == (12, first)
    videos = {path.name for path in (root / "Videos_LeftCamera").iterdir()}
    assert {"LeftVideoSN001_comp.avi", "leftVideoSN010_Comp.avi"} < videos
    frames = list(decode_frames(root / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi", range(12)))
    assert {frame.shape for frame in frames} == {(128, 128, 3)}


@pytest.mark.parametrize("subject", ["SN010", "SN003"])
def test_the_reader_gets_back_what_was_rendered(disfa_twin, subject):
    root, _ = disfa_twin
    reading = read_disfa(root, landmarks=True)
    assert reading.summary()["skipped"] == {"frame without a label": 1}
    assert (reading.aus, len(reading.samples)) == (CODED_AUS, 71)
    samples = {sample.key: sample for sample in reading.samples}
    video = reading.root / "Videos_LeftCamera" / disfa.video_name(subject)
    decoded = list(decode_frames(video, range(12)))
    for picture, frame in filmed(subject):
        assert np.abs(picture.astype(int) - decoded[frame.number - 1]).mean() < 6
        sample = samples.get(f"{subject}/{frame.number:04d}")
        if sample is None:
            assert (subject, frame.number) == ("SN010", 12)
            continue
        levels = {au: intensity_level(frame.action_units.get(au, 0.0)) for au in CODED_AUS}
        assert sample.intensities == levels
        assert sample.action_units == {au: float(level >= 2) for au, level in levels.items()}
        wanted = frame.landmarks[list(LANDMARKS_68_TO_66)]
        np.testing.assert_allclose(sample.landmarks, wanted, atol=1e-4)


def test_a_stopped_rendering_is_taken_up_and_ends_with_the_same_bytes(disfa_twin, tmp_path, monkeypatch):
    root, _ = disfa_twin
    render, done = disfa._render, []

    def stopping(folder, recording):
        if len(done) == 2:
            # Killed while the video was written: its partial file stays.
            (folder / "Videos_LeftCamera" / ".LeftVideoSN006_comp.avi.1.partial").write_bytes(b"half")
            raise KeyboardInterrupt
        done.append(recording.subject)
        return render(folder, recording)

    monkeypatch.setattr(disfa, "_render", stopping)
    with pytest.raises(KeyboardInterrupt):
        render_twin("disfa", tmp_path / "twin", preset="tiny", workers=1, progress=False)
    monkeypatch.setattr(disfa, "_render", render)
    summary = render_twin("disfa", tmp_path / "twin", preset="tiny", workers=1, progress=False)
    assert summary.rendered == 71 - 12 - 11, "two people were finished, one of them SN010"
    assert contents(tmp_path / "twin") == contents(root)


def test_a_lost_video_is_rendered_again(disfa_twin, tmp_path):
    root = tmp_path / "twin"
    shutil.copytree(disfa_twin[0], root)
    video = next((root / "Videos_LeftCamera").iterdir())
    content = video.read_bytes()
    video.unlink()
    assert len(read_disfa(root).samples) < 71
    assert 0 < render_twin("disfa", root, preset="tiny", workers=1, progress=False).rendered < 71
    assert video.read_bytes() == content
    assert len(read_disfa(root).samples) == 71


def test_landmark_files_are_matlabs_and_do_not_tell_the_time(tmp_path):
    landmarks = np.arange(136, dtype=np.float32).reshape(68, 2)
    content = landmark_file(landmarks)
    assert content == landmark_file(landmarks)
    (tmp_path / "a.mat").write_bytes(content)
    assert content.startswith(b"MATLAB 5.0 MAT-file")
    points = loadmat(tmp_path / "a.mat")["pts"]
    assert points.shape == (66, 2)
    np.testing.assert_array_equal(points[60], landmarks[61] + 1)


def test_rates_are_near_the_published_ones_before_the_lips_are_looked_at():
    assert set(CODED_AUS) <= set(FILM.rates) <= set(RENDERED_AUS)
    assert set(DISFA.evaluated_aus) <= set(PUBLISHED)
    for au, rate in PUBLISHED.items():
        # Other AUs part the lips too, so less of AU25 is asked for than is seen.
        assert FILM.rates[au] == pytest.approx(rate - 0.09 * (au == 25), rel=0.15, abs=0.003)


def test_presets_have_the_sizes_of_the_real_set():
    full = disfa._SIZES["full"]
    rows = [disfa._labelled(_plan_recording(0, subject, full)) for subject in SUBJECTS]
    assert sum(rows) == 130_814, "the rows of ME-GraphAU's lists"
    small = [len(_plan_recording(0, subject, disfa._SIZES["small"]).rendered) for subject in SUBJECTS]
    assert 110 <= min(small) <= max(small) <= 150
    assert max(small) < min(first for frames in BAD_FRAMES.values() for first, _ in frames)
