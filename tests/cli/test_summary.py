from __future__ import annotations

from pathlib import Path

import torch

from metafacs.cli.summary import describe
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
