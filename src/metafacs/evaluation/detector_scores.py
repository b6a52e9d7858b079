"""What a detector that tells more than presence is worth on held-out rendered people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from metafacs.data.streams import Stream
from metafacs.methods.base import Method
from metafacs.metrics.intensity import intraclass_correlation, mean_absolute_error
from metafacs.metrics.outcomes import count_outcomes, f1
from metafacs.metrics.ranking import area_under_roc

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Told:
    """Everything a method says about pictures, beside what is true.

    Attributes:
        aus: FACS numbers of the columns.
        probabilities: ``picture x au``.
        targets: ``picture x au``, 1 present, 0 absent, NaN unknown.
        intensities: ``picture x au``, 0 to 5; None from a method that tells none.
        known_intensities: ``picture x au``, 0 to 5, NaN unknown.
        pose: ``picture x 3``, yaw, pitch and roll in radians; None from a method that tells none.
        known_pose: ``picture x 3``, NaN unknown.
    """

    aus: tuple[int, ...]
    probabilities: Floats
    targets: Floats
    intensities: Floats | None
    known_intensities: Floats
    pose: Floats | None
    known_pose: Floats


@dataclass(frozen=True)
class AUScore:
    """One action unit on held-out pictures.

    Attributes:
        positives: On how many pictures it is present.
        auc: Area under the ROC curve of its probability.
        f1: F1 at its threshold.
        icc: ICC(3,1) of its intensity; NaN where none is told.
        mae: Mean absolute error of its intensity in FACS levels.
    """

    positives: int
    auc: float
    f1: float
    icc: float
    mae: float


@dataclass(frozen=True)
class DetectorScores:
    """A detector on held-out people.

    Attributes:
        pictures: Number of pictures.
        people: Number of people.
        aus: AU -> its scores.
        pose_degrees: Mean absolute error of yaw, pitch and roll in degrees.
    """

    pictures: int
    people: int
    aus: Mapping[int, AUScore]
    pose_degrees: tuple[float, float, float]

    def mean(self, name: str) -> float:
        """Return a score averaged over the action units for which it is known; NaN where it is for none."""
        known = [value for score in self.aus.values() if (value := getattr(score, name)) == value]
        return float(np.mean(known)) if known else float("nan")

    def to_json(self) -> dict[str, Any]:
        """Return plain data; what is unknown is None."""
        rows = {str(au): _rounded(asdict(score)) for au, score in self.aus.items()}
        return {
            "pictures": self.pictures,
            "people": self.people,
            "mean": _rounded({name: self.mean(name) for name in ("auc", "f1", "icc", "mae")}),
            "pose_degrees": [None if angle != angle else round(angle, 2) for angle in self.pose_degrees],
            "aus": rows,
        }


def _rounded(values: Mapping[Any, float]) -> dict[Any, float | None]:
    """Return numbers for JSON, NaN as None."""
    return {name: None if value != value else round(value, 4) for name, value in values.items()}


def collect_told(method: Method, stream: Stream) -> Told:
    """Ask a method about every picture of a stream, in order, in evaluation mode.

    Args:
        method: The trained method.
        stream: Labelled pictures, centre-cropped.
    """
    parts: dict[str, list[Floats]] = {}
    method.eval()
    with torch.inference_mode():
        for positions in stream.sequential():
            batch = stream.at(positions)
            said = method.predict(batch.images)
            found = {
                "probabilities": said.probabilities,
                "intensities": said.intensities,
                "pose": said.pose,
                "targets": batch.require("action_units"),
                "known_intensities": batch.require("intensities"),
                "known_pose": batch.require("pose"),
            }
            for name, values in found.items():
                if values is not None:
                    parts.setdefault(name, []).append(values.float().cpu().numpy())
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    return Told(tuple(method.aus), **{"intensities": None, "pose": None, **joined})  # type: ignore[arg-type]


def score_told(told: Told, thresholds: Mapping[int, float], people: int) -> DetectorScores:
    """Return the scores of what was told.

    Args:
        told: From :func:`collect_told`.
        thresholds: AU -> probability from which on it counts as present.
        people: How many people are on the pictures.
    """
    probabilities, targets = torch.from_numpy(told.probabilities), torch.from_numpy(told.targets)
    outcomes = count_outcomes(probabilities, targets, torch.tensor([thresholds[au] for au in told.aus]))
    columns = zip(
        outcomes.positives.tolist(), area_under_roc(probabilities, targets), f1(outcomes), strict=True
    )
    rows = {}
    for column, (au, (positives, area, score)) in enumerate(zip(told.aus, columns, strict=True)):
        icc = mae = float("nan")
        if told.intensities is not None:
            pair = told.intensities[:, column], told.known_intensities[:, column]
            icc, mae = intraclass_correlation(*pair), mean_absolute_error(*pair)
        rows[au] = AUScore(positives, float(area), float(score), icc, mae)
    angles = [float("nan")] * 3
    if told.pose is not None:
        angles = [
            float(np.degrees(mean_absolute_error(told.pose[:, axis], told.known_pose[:, axis])))
            for axis in range(3)
        ]
    return DetectorScores(len(told.targets), people, rows, (angles[0], angles[1], angles[2]))
