"""What a pre-trained backbone knows about people it has never seen."""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees

import torch

from metafacs.data.streams import Stream
from metafacs.methods.pretraining import FaceDescription, FacePretraining
from metafacs.metrics.landmarks import interocular_distance, normalised_mean_error
from metafacs.metrics.ranking import area_under_roc


@dataclass(frozen=True)
class PretrainingScores:
    """Scores on held-out people, rendered faces unless the store says otherwise.

    Attributes:
        people: Number of people.
        pictures: Number of pictures.
        verification_auc: Probability that two pictures of one person are more alike than two of two people.
        landmark_error: Mean distance of the 68 points over the distance of the outer eye corners.
        pose_error: Mean absolute error of yaw, pitch and roll in degrees; roll is what alignment left of it.
    """

    people: int
    pictures: int
    verification_auc: float
    landmark_error: float
    pose_error: tuple[float, float, float]

    def __str__(self) -> str:
        yaw, pitch, roll = self.pose_error
        return (
            f"{self.pictures} pictures of {self.people} held-out people: verification AUC "
            f"{self.verification_auc:.4f}, landmark error {100 * self.landmark_error:.2f} % of the distance "
            f"of the outer eye corners, pose error {yaw:.1f}, {pitch:.1f} and {roll:.1f} degrees "
            "(yaw, pitch, roll)"
        )


def score_pretraining(learner: FacePretraining, stream: Stream) -> PretrainingScores:
    """Return the scores of a learner in evaluation mode on all pictures of a stream, centre-cropped.

    Raises:
        ValueError: If there are not two people, one of them with two pictures.
    """
    batches = [stream.at(piece) for piece in stream.sequential()]
    with torch.inference_mode():
        found = [learner.describe(batch.images) for batch in batches]
    said = FaceDescription(*(torch.cat(values) for values in zip(*found, strict=True)))
    people, landmarks, pose = (
        torch.cat([batch.require(name) for batch in batches]) for name in ("subject", "landmarks", "pose")
    )
    one, other = torch.triu_indices(len(people), len(people), 1)
    same = people[one] == people[other]
    if not same.any() or same.all():
        raise ValueError("verification needs pictures of two people, and two pictures of one of them")
    alike = (said.embedding @ said.embedding.T)[one, other]
    area = area_under_roc(alike[:, None], same[:, None].float())
    errors = normalised_mean_error(said.landmarks, landmarks, interocular_distance(landmarks))
    yaw, pitch, roll = (degrees(value) for value in (said.pose - pose).abs().mean(0).tolist())
    return PretrainingScores(
        stream.people, len(people), float(area), float(errors.mean()), (yaw, pitch, roll)
    )
