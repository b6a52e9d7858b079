from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
import torch

from metafacs.inference import baseline as baseline_module
from metafacs.inference.baseline import (
    BaselineError,
    apply_baseline,
    find_baseline,
    parse_neutral,
    quiet_rows,
    resting_logits,
)
from metafacs.inference.detector import Detector
from metafacs.inference.engine import FrameResults
from metafacs.inference.result import FaceResult
from metafacs.methods.base import Prediction

Maker = Callable[..., Detector]
AUS = (1, 6, 12)
USUAL = (-3.0, -2.0, -1.0)
"""What rest looks like to the detector of these tests."""


def probability(logit: float) -> float:
    return 1 / (1 + exp(-logit))


@pytest.fixture
def detector(make_detector: Maker) -> Detector:
    def look(images: torch.Tensor) -> Prediction:
        said = torch.tensor(USUAL).sigmoid().expand(len(images), 3)
        return Prediction(said, intensities=torch.zeros(len(images), 3))

    return make_detector(predictor=look, intensities=True)


def frames(people: dict[int, np.ndarray], level: float = 0.5) -> list[FrameResults]:
    """Return frames in which every person has these logits, ``frame x au``; NaN is a frame without them."""
    results = []
    for number in range(max(map(len, people.values()))):
        faces = [
            FaceResult(
                "a.mp4",
                number,
                person,
                number / 25,
                success=True,
                probabilities={au: probability(x) for au, x in zip(AUS, rows[number], strict=True)},
                intensities=dict.fromkeys(AUS, level),
            )
            for person, rows in people.items()
            if number < len(rows) and not np.isnan(rows[number]).any()
        ]
        results.append(FrameResults(number, number / 25, faces or [FaceResult("a.mp4", number)]))
    return results


def logits_of(results: Iterable[FrameResults], person: int) -> np.ndarray:
    faces = [face for frame in results for face in frame.faces if face.success and face.face_id == person]
    return np.array([[log(p / (1 - p)) for p in face.probabilities.values()] for face in faces])


def session(rest: tuple[float, ...], rng: np.random.Generator, count: int = 120) -> np.ndarray:
    """Return logits of a person who is at rest half of the time and smiles otherwise."""
    rows = np.array(rest) + rng.normal(0, 0.1, (count, 3))
    rows[: count // 2, 1:] += rng.uniform(2, 5, (count // 2, 1))
    return rows


def test_people_at_rest_look_alike_afterwards(detector: Detector) -> None:
    rng = np.random.default_rng(0)
    before = frames({0: session((-3.5, -1.0, 1.5), rng), 4: session((-2.0, -4.0, -2.0), rng)})
    baseline = find_baseline(before, detector)
    assert list(baseline.people) == [0, 4]
    assert baseline.unknown == ()
    assert list(baseline.people[0].logits.values()) == pytest.approx([-0.5, 1.0, 2.5], abs=0.25)
    assert list(baseline.people[4].logits.values()) == pytest.approx([1.0, -2.0, -1.0], abs=0.25)
    after = list(apply_baseline(before, baseline))
    for person in (0, 4):
        assert np.median(logits_of(after, person)[60:], axis=0) == pytest.approx(USUAL, abs=0.25)
        moved = logits_of(after, person)[:60].mean(0) - logits_of(before, person)[:60].mean(0)
        expected = [-value for value in baseline.people[person].logits.values()]
        assert moved == pytest.approx(expected, abs=0.1)


def test_what_is_told_of_faces_is_rounded_and_the_rest_is_left(detector: Detector) -> None:
    people = frames({0: session(USUAL, np.random.default_rng(1), 40)})
    after = list(apply_baseline(people, find_baseline(people, detector)))
    for a, b in zip(people, after, strict=True):
        (face,), (moved,) = a.faces, b.faces
        assert all(value == round(value, 4) for value in moved.probabilities.values())
        assert (moved.frame, moved.face_id, moved.timestamp) == (face.frame, face.face_id, face.timestamp)
        assert moved.intensities == dict.fromkeys(AUS, 0.0)


def test_intensities_lose_those_of_rest_and_stay_in_their_range(detector: Detector) -> None:
    people = frames({0: session(USUAL, np.random.default_rng(1), 40)}, level=0.5)
    baseline = find_baseline(people, detector)
    assert baseline.people[0].intensities == dict.fromkeys(AUS, 0.5)
    stronger = frames({0: np.zeros((1, 3))}, level=2.75)
    (after,) = apply_baseline(stronger, baseline)
    assert after.faces[0].intensities == dict.fromkeys(AUS, 2.25)


def test_frames_can_be_named(detector: Detector) -> None:
    rows = session((0.0, 0.0, 0.0), np.random.default_rng(2))
    rows[7:10] = 3.0
    baseline = find_baseline(frames({0: rows}), detector, "7-8, 9")
    assert baseline.people[0].frames == 3
    assert list(baseline.people[0].logits.values()) == pytest.approx([6.0, 5.0, 4.0], abs=1e-4)


def test_who_is_not_seen_at_rest_stays_as_they_are(detector: Detector) -> None:
    rng = np.random.default_rng(3)
    late, short = session((0.0, 0.0, 0.0), rng), session((0.0, 0.0, 0.0), rng)
    late[:50], short[9:] = np.nan, np.nan
    people = frames({0: session(USUAL, rng), 1: late, 2: short})
    named = find_baseline(people, detector, "0-20")
    assert (list(named.people), named.unknown) == ([0, 2], (1,))
    chosen = find_baseline(people, detector)
    assert (list(chosen.people), chosen.unknown) == ([0, 1], (2,))
    after = list(apply_baseline(people, chosen))
    assert logits_of(after, 2) == pytest.approx(logits_of(people, 2), abs=1e-2)
    with pytest.raises(BaselineError, match=r"from 500 to 600, .* the last one is 119, and the first"):
        find_baseline(people, detector, "500-600")
    with pytest.raises(BaselineError, match="from 500 to 600"):
        find_baseline(people, detector, "0-20,500-600")
    with pytest.raises(BaselineError, match="nobody is seen in the frames 0-20"):
        find_baseline(frames({1: late}), detector, "0-20")


def test_a_video_without_faces_has_no_baseline(detector: Detector) -> None:
    empty = [FrameResults(number, 0.0, [FaceResult("a.mp4", number)]) for number in range(3)]
    baseline = find_baseline(empty, detector, "0-2")
    assert (baseline.people, baseline.unknown) == ({}, ())
    assert [frame.faces for frame in apply_baseline(empty, baseline)] == [frame.faces for frame in empty]


def test_quiet_frames_are_those_in_which_little_happens() -> None:
    rng = np.random.default_rng(4)
    logits = rng.normal(-2, 0.2, (200, 20))
    logits[:100, 3:6] += rng.uniform(2, 5, (100, 1))
    # A smile takes much else away, which must not make it quiet.
    logits[:100, 6:] -= 1
    rows = 1 / (1 + np.exp(-logits))
    quiet = quiet_rows(rows)
    assert len(quiet) == 50
    assert (quiet >= 100).all()
    assert len(quiet_rows(rows[:9])) == 0
    assert len(quiet_rows(rows[:10])) == 10


@pytest.mark.parametrize(
    "neutral", ["", "none", "5-3", "1-", "a-b", "-4", "1;2", "9" * 5000, "\u0661-2", "1_0"]
)
def test_what_names_no_frames_is_refused(neutral: str) -> None:
    with pytest.raises(BaselineError, match="names no quiet frames"):
        parse_neutral(neutral)


def test_a_long_video_takes_no_more_memory(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond some frames every second counts, then every fourth; the rest found is the same."""
    rng = np.random.default_rng(5)
    people = frames({0: session((-3.5, -1.0, 1.5), rng, 900)})
    whole = find_baseline(people, detector).people[0]
    monkeypatch.setattr(baseline_module, "_MOST_FRAMES", 128)
    thinned = find_baseline(people, detector).people[0]
    assert thinned.frames <= 32 < whole.frames
    assert list(thinned.logits.values()) == pytest.approx(list(whole.logits.values()), abs=0.1)


def test_rest_is_what_the_packaged_faces_show(detector: Detector, make_detector: Maker) -> None:
    assert resting_logits(detector) == pytest.approx(USUAL, abs=1e-5)
    seen: list[torch.Tensor] = []

    def look(images: torch.Tensor) -> Prediction:
        seen.append(images)
        return Prediction(torch.full((len(images), 3), 0.5))

    resting_logits(make_detector(predictor=look))
    assert sum(map(len, seen)) == 32
    # Faces, cut out where they are: neither one colour nor all alike.
    assert float(seen[0].std(dim=(1, 2, 3)).min()) > 0.1
    assert float(seen[0].std(dim=0).mean()) > 0.1


def test_the_sidecar_tells_what_was_moved(detector: Detector) -> None:
    rng = np.random.default_rng(6)
    people = frames({3: session((-2.0, -2.0, -2.0), rng)})
    told = json.loads(json.dumps(find_baseline(people, detector).to_json()))
    assert told["frames"] == "auto"
    assert told["people"]["3"]["quiet_frames"] == 30
    assert told["people"]["3"]["logits"]["AU01"] == pytest.approx(-1.0, abs=0.2)
    assert told["people"]["3"]["intensities"]["AU12"] == -0.5


@pytest.mark.parametrize(("name", "old", "new"), [("json", b"36.84", b"36.85"), ("jpg", b"", b"\0")])
def test_damaged_resting_faces_of_the_package_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, old: bytes, new: bytes
) -> None:
    shutil.copytree(Path(baseline_module.__file__).parent / "assets", tmp_path / "assets")
    monkeypatch.setattr(baseline_module, "files", lambda _: tmp_path)
    whole = baseline_module._resting_faces.__wrapped__()
    assert {picture.shape for picture, _ in whole} == {(208, 208, 3)}
    path = tmp_path / "assets" / f"resting_faces.{name}"
    content = path.read_bytes()
    path.write_bytes(content.replace(old, new, 1) if old else content[:-1] + new)
    with pytest.raises(ValueError, match=rf"resting_faces\.{name} is damaged.*; reinstall metafacs"):
        baseline_module._resting_faces.__wrapped__()
