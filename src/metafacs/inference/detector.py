"""The trained detector as a user meets it: pictures in, action units of every face out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metafacs.data.transforms import crop_centre
from metafacs.faces.alignment import AlignmentSpec, align
from metafacs.faces.face import Face
from metafacs.faces.pictures import read_picture
from metafacs.faces.pipeline import find_faces
from metafacs.faces.tensors import to_tensor
from metafacs.facs import check_aus
from metafacs.inference.result import FaceResult

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Detector:
    """Finds faces and tells which action units they show. Cuts the faces exactly as training did.

    Attributes:
        predictor: ``batch x 3 x input_size x input_size`` in [-1, 1] -> ``batch x au`` probabilities.
        aus: FACS numbers in the order of the predictor's columns.
        thresholds: AU -> probability from which on it counts as present.
        input_size: Side of the predictor's input in pixels.
        alignment: How faces are cut out.
        description: What is known of the model: method, training data, licence, synthetic or not.
        crop_size: Side of the aligned crop in pixels, of which the predictor sees the centre; None for
            ``input_size``.
        device: Where the networks run.
        batch_size: Most faces that go through the predictor at once.

    Raises:
        ValueError: If the parts do not fit each other.

    >>> smiling = Detector(lambda faces: torch.full((len(faces), 1), 0.9), (12,), {12: 0.5}, input_size=64)
    >>> [face.success for face in smiling.analyse_picture(np.zeros((80, 80, 3), np.uint8))]
    [False]
    """

    predictor: Callable[[Tensor], Tensor]
    aus: tuple[int, ...]
    thresholds: Mapping[int, float]
    input_size: int
    alignment: AlignmentSpec = field(default_factory=AlignmentSpec)
    description: Mapping[str, object] = field(default_factory=dict)
    crop_size: int | None = None
    device: str = "cpu"
    batch_size: int = 64

    def __post_init__(self) -> None:
        check_aus(self.aus)
        if missing := [au for au in self.aus if au not in self.thresholds]:
            raise ValueError(f"no threshold is given for the action units {missing}; give one for each")
        if outside := {au: value for au, value in self.thresholds.items() if not 0 <= value <= 1}:
            raise ValueError(f"thresholds are probabilities between 0 and 1, not {outside}")
        if self.crop_size is not None and self.crop_size < self.input_size:
            raise ValueError(
                f"the crop of {self.crop_size} px is smaller than the input of {self.input_size} px"
            )

    @property
    def synthetic(self) -> bool:
        """Whether the model was trained on rendered faces."""
        return bool(self.description.get("synthetic", False))

    def analyse(self, path: str | Path, frame: int = 0) -> list[FaceResult]:
        """Return the action units of every face in a picture file.

        Args:
            path: A picture in any format that Pillow reads.
            frame: Number to give the picture.

        Returns:
            One result per face, numbered from left to right; one result with ``success`` False if there is
            none.

        Raises:
            PictureError: If the file cannot be read as a picture.
        """
        return self.analyse_picture(read_picture(path), input=str(path), frame=frame)

    def analyse_picture(
        self, image: Picture, input: str = "", frame: int = 0, timestamp: float = 0.0
    ) -> list[FaceResult]:
        """Return the action units of every face in a picture held in memory.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            input: Name of the picture or video.
            frame: Number to give the picture.
            timestamp: Seconds from the start of the video.

        Returns:
            One result per face, numbered from left to right; one result with ``success`` False if there is
            none.
        """
        faces = sorted(find_faces(image, self.device), key=lambda face: face.box[0] + face.box[2])
        if not faces:
            return [FaceResult(input, frame, timestamp=timestamp)]
        probabilities = self.probabilities(image, faces)
        return [
            FaceResult(
                input,
                frame,
                face_id,
                timestamp,
                success=True,
                score=face.score,
                box=face.box,
                landmarks=face.landmarks,
                probabilities={au: round(float(p), 4) for au, p in zip(self.aus, row, strict=True)},
            )
            for face_id, (face, row) in enumerate(zip(faces, probabilities, strict=True))
        ]

    def probabilities(self, image: Picture, faces: Sequence[Face]) -> NDArray[np.float64]:
        """Return ``face x au`` probabilities for faces of one picture.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            faces: Faces in it, at least one.

        Raises:
            ValueError: If the predictor gives another shape, or something else than probabilities.
        """
        return self.probabilities_of(self.crops(image, faces))

    def crops(self, image: Picture, faces: Sequence[Face]) -> NDArray[np.uint8]:
        """Return faces of one picture as training cut them, ``face x crop x crop x 3``.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            faces: Faces in it, at least one.
        """
        size = self.crop_size or self.input_size
        return np.stack([align(image, face.landmarks, size, self.alignment)[0] for face in faces])

    def probabilities_of(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return ``face x au`` probabilities for faces that :meth:`crops` cut, of any number of pictures.

        Args:
            crops: ``face x crop x crop x 3``, uint8, RGB.

        Raises:
            ValueError: If the predictor gives another shape, or something else than probabilities.
        """
        inputs = to_tensor(crop_centre(crops, self.input_size)[0])
        with torch.inference_mode():
            rows = [
                self.predictor(part.to(self.device)).double().cpu() for part in inputs.split(self.batch_size)
            ]
        result = torch.cat(rows).numpy()
        if result.shape != (len(crops), len(self.aus)):
            raise ValueError(
                f"the model gave {result.shape} values for {len(crops)} faces and {len(self.aus)} AUs"
            )
        if not ((result >= 0) & (result <= 1)).all():
            raise ValueError("the model gave values that are no probabilities; its weights may be damaged")
        return result
