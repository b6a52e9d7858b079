"""How far predicted landmarks are from the known ones on a test stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metafacs.data.streams import Stream
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
    faces: int
    per_subject: dict[str, float]
    synthetic: bool


def known_landmarks(stream: Stream) -> np.ndarray:
    """Return which pictures of a stream have a known inner landmark, boolean, ``row``."""
    points = stream.store.landmarks[stream.rows][:, list(LANDMARKS_68_TO_49)]
    return ~np.isnan(points).any(axis=2).all(axis=1)


def score_landmarks(
    predict: Callable[[Tensor], Tensor],
    stream: Stream,
    *,
    device: torch.device | str = "cpu",
    batch_size: int | None = None,
) -> LandmarkScores:
    """Return the errors of a landmark detector, the measures of Table 6 of Shang & Liu.

    Args:
        predict: ``batch x 3 x height x width`` pictures -> ``batch x 49 x 2`` in pixels, such as
            ``lambda images: method.predict_landmarks(images, "source")`` of a method in evaluation mode.
        stream: Test pictures with known landmarks, centre-cropped.
        device: Where the detector's parameters are.
        batch_size: Pictures at a time; the stream's own if None.

    Raises:
        ValueError: If no picture has known landmarks.
    """
    errors: list[Tensor] = []
    rows: list[np.ndarray] = []
    with torch.inference_mode():
        for positions in stream.sequential(batch_size):
            batch = stream.at(positions)
            known = batch.require("landmarks")[:, list(LANDMARKS_68_TO_49)]
            scale = interocular_distance(known, LEFT_EYE_49, RIGHT_EYE_49)
            found = predict(batch.images.to(device)).float().cpu()
            errors.append(normalised_mean_error(found, known, scale))
            rows.append(batch.require("index").numpy())
    joined = torch.cat(errors)
    measured = ~torch.isnan(joined)
    if not measured.any():
        raise ValueError(f"no picture of {stream.store.path} has known landmarks to compare with")
    people = np.asarray(stream.store.subjects)[np.concatenate(rows)]
    return LandmarkScores(
        mean_error=float(joined[measured].mean()),
        failure_rate=float(failure_rate(joined)),
        faces=int(measured.sum()),
        per_subject={
            str(person): float(joined[measured & torch.from_numpy(people == person)].mean())
            for person in sorted(set(people[measured.numpy()]))
        },
        synthetic=stream.store.synthetic,
    )
