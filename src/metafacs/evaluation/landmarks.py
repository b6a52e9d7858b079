"""How far predicted landmarks are from the known ones on a test stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metafacs.data.streams import Stream
from metafacs.evaluation.expression_results import Count
from metafacs.faces.landmarks import LANDMARKS_68_TO_49, LEFT_EYE_49, RIGHT_EYE_49
from metafacs.metrics.landmarks import failure_rate, interocular_distance, normalised_mean_error


@dataclass(frozen=True)
class LandmarkScores:
    """Errors of the 49 inner landmarks in units of the distance of the eye centres; 0.0316 is 3.16 %.

    Attributes:
        mean_error: Mean over the faces.
        failure_rate: Share of the faces with an error above 10 %.
        faces: Faces with a known landmark.
        per_subject: Person -> mean error of the person's faces.
        synthetic: True if the faces are rendered.
    """

    mean_error: float
    failure_rate: float
    faces: Count
    per_subject: dict[str, float]
    synthetic: bool


def measurable(stream: Stream) -> np.ndarray:
    """Return the positions of a stream's pictures whose landmark error is defined: both eyes are known."""
    points = stream.store.landmarks[stream.rows][:, list(LANDMARKS_68_TO_49)]
    eyes = np.concatenate([points[:, LEFT_EYE_49], points[:, RIGHT_EYE_49]], axis=1)
    return np.flatnonzero(~np.isnan(eyes).any(axis=(1, 2)))


def score_landmarks(
    predict: Callable[[Tensor], Tensor],
    stream: Stream,
    *,
    device: torch.device | str = "cpu",
) -> LandmarkScores:
    """Return the errors of a landmark detector, the measures of Table 6 of Shang & Liu.

    Args:
        predict: ``batch x 3 x height x width`` pictures -> ``batch x 49 x 2`` in pixels, such as
            ``lambda images: method.predict_landmarks(images, "source")`` of a method in evaluation mode.
        stream: Test pictures with known landmarks, centre-cropped.
        device: Where the detector's parameters are.

    Raises:
        ValueError: If no picture has known landmarks.
    """
    faces, step = measurable(stream), stream.batch_size
    if not len(faces):
        raise ValueError(f"no picture of {stream.store.path} has known landmarks to compare with")
    batches: list[Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(faces), step):
            batch = stream.at(faces[start : start + step])
            known = batch.require("landmarks")[:, list(LANDMARKS_68_TO_49)]
            scale = interocular_distance(known, LEFT_EYE_49, RIGHT_EYE_49)
            found = predict(batch.images.to(device)).float().cpu()
            batches.append(normalised_mean_error(found, known, scale))
    errors, people = torch.cat(batches), stream.store.subjects[stream.rows[faces]]
    return LandmarkScores(
        mean_error=float(errors.mean()),
        failure_rate=float(failure_rate(errors)),
        faces=len(faces),
        per_subject={
            str(person): float(errors[torch.from_numpy(people == person)].mean())
            for person in sorted(set(people))
        },
        synthetic=stream.store.synthetic,
    )
