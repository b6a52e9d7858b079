from __future__ import annotations

from pathlib import Path

import torch

from metafacs.cli.summary import describe, describe_all, describe_video
from metafacs.inference.counting import Counts
from metafacs.inference.detector import Detector
from metafacs.inference.result import FaceResult
from metafacs.methods.base import Prediction


def test_a_face_is_described_by_what_is_present() -> None:
    detector = Detector(
        lambda images: Prediction(torch.zeros(len(images), 3)),
        (1, 6, 12),
        {1: 0.5, 6: 0.5, 12: 0.5},
        input_size=64,
        experimental=(6,),
    )
    both = FaceResult("a.jpg", success=True, probabilities={1: 0.2, 6: 0.5, 12: 0.93})
    strong = FaceResult(
        "a.jpg", success=True, probabilities=both.probabilities, intensities={6: 1.25, 12: 3.1}
    )
    results = [both, strong, FaceResult("a.jpg", face_id=2, success=True, probabilities={1: 0.1})]
    assert describe(Path("a.jpg"), results, detector).splitlines() == [
        "a.jpg, face 0: AU6 0.50 (experimental), AU12 0.93",
        "a.jpg, face 0: AU6 0.50 (1.2) (experimental), AU12 0.93 (3.1)",
        "a.jpg, face 2: no action unit present",
    ]
    assert describe(Path("a.jpg"), [FaceResult("a.jpg")], detector) == "a.jpg: no face found"


def test_a_video_is_one_line() -> None:
    counts = Counts(frames=1200, undecodable=200, without_face=100, faces=900, people=1)
    counts.unseen = [(10, 20, "damaged"), (30, 30, "damaged"), (40, 50, "x"), (60, 228, "y")]
    assert describe_video("a.mp4", counts, Path("out/a.csv")) == (
        "a.mp4: 1,200 frames, 1 person, 10.0% of the frames without a face, 200 could not be decoded "
        "(10-20, 30, 40-50, ...); table: out/a.csv"
    )


def test_everything_together_names_what_was_present() -> None:
    detector = Detector(
        lambda images: Prediction(torch.zeros(len(images), 3)),
        (1, 6, 12),
        {1: 0.5, 6: 0.5, 12: 0.5},
        input_size=64,
        experimental=(6,),
    )
    counts = Counts(frames=4, faces=1, people=2, face_time=2.0, present_time={1: 0.0, 6: 0.5, 12: 1.0})
    assert describe_all(counts, "2 videos", detector) == [
        "2 videos: 4 frames, 1 face, 2 people, 0.0% of the frames without a face",
        "present, share of the time with a face:",
        "  AU12 Lip corner puller            50.0%",
        "  AU6  Cheek raiser                 25.0% (experimental)",
        "never present: AU1",
    ]
    assert len(describe_all(Counts(), "1 video", detector)) == 1
