"""The trained detector as a user meets it: pictures in, action units of every face out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metafacs.data.transforms import crop_centre
from metafacs.data.videos import FrameSource, Selection
from metafacs.faces.alignment import AlignmentSpec, align, alignment_matrix, turned_pose
from metafacs.faces.face import Face
from metafacs.faces.pictures import read_picture
from metafacs.faces.pipeline import find_faces
from metafacs.faces.tensors import to_tensor
from metafacs.faces.warping import invert
from metafacs.facs import HIGHEST_INTENSITY, check_aus
from metafacs.inference.result import FaceResult
from metafacs.methods.base import Prediction
from metafacs.models.backends import TORCH

if TYPE_CHECKING:
    from metafacs.inference.results import VideoResults

Picture = NDArray[np.uint8]

_MOST_PIXELS = 64 * 256**2
"""Pixels of faces that go through the predictor at once, so that memory stays bounded."""


@dataclass(frozen=True)
class Detector:
    """Finds faces and tells which action units they show. Cuts the faces exactly as training did.

    Attributes:
        predictor: ``batch x 3 x input_size x input_size`` in [-1, 1] -> what is predicted of each.
        aus: FACS numbers in the order of the predictor's columns.
        thresholds: AU -> probability from which on it counts as present.
        input_size: Side of the predictor's input in pixels.
        alignment: How faces are cut out.
        description: What is known of the model: method, training data, licence, synthetic or not.
        crop_size: Side of the aligned crop in pixels, of which the predictor sees the centre; None for
            ``input_size``.
        device: Where the networks run.
        batch_size: Most faces that go through the predictor at once; fewer where they are larger than 256 px.
        intensities: Whether the predictor tells how strong the AUs are. A model fitted to a person does not:
            its probabilities are fitted and its intensities are not, so that they would contradict each
            other.
        pose: Whether the predictor tells how the head is turned.
        experimental: AUs that are not shown to carry over to real people.
        backend: What runs the networks that find faces, see :mod:`metafacs.models.backends`; the predictor's
            is its own, and the same in what ``load_detector`` makes.

    Raises:
        ValueError: If the parts do not fit each other.

    >>> def smiling(faces: Tensor) -> Prediction:
    ...     return Prediction(torch.full((len(faces), 1), 0.9))
    >>> detector = Detector(smiling, (12,), {12: 0.5}, input_size=64)
    >>> [face.success for face in detector.analyse_picture(np.zeros((80, 80, 3), np.uint8))]
    [False]
    """

    predictor: Callable[[Tensor], Prediction]
    aus: tuple[int, ...]
    thresholds: Mapping[int, float]
    input_size: int
    alignment: AlignmentSpec = field(default_factory=AlignmentSpec)
    description: Mapping[str, object] = field(default_factory=dict)
    crop_size: int | None = None
    device: str = "cpu"
    batch_size: int = 64
    intensities: bool = False
    pose: bool = False
    experimental: tuple[int, ...] = ()
    backend: str = TORCH

    def __post_init__(self) -> None:
        check_aus(self.aus)
        if missing := [au for au in self.aus if au not in self.thresholds]:
            raise ValueError(f"no threshold is given for the action units {missing}; give one for each")
        if outside := {au: value for au, value in self.thresholds.items() if not 0 <= value <= 1}:
            raise ValueError(f"thresholds are probabilities between 0 and 1, not {outside}")
        if strange := [au for au in self.experimental if au not in self.aus]:
            raise ValueError(f"the experimental action units {strange} are not among {list(self.aus)}")
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
            path: A picture in one of :data:`metafacs.faces.pictures.FORMATS`.
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
        faces = sorted(
            find_faces(image, self.device, self.backend), key=lambda face: face.box[0] + face.box[2]
        )
        if not faces:
            return [FaceResult(input, frame, timestamp=timestamp)]
        said = self.read(self.crops(image, faces))
        return [
            self.result(said, row, face, FaceResult(input, frame, row, timestamp)).rounded()
            for row, face in enumerate(faces)
        ]

    def predict(
        self,
        source: str | Path | FrameSource,
        *,
        every: int = 1,
        fps: float | None = None,
        start: float | None = None,
        end: float | None = None,
        neutral: str | None = None,
        images: bool = False,
    ) -> VideoResults:
        """Return the results of a video, frame after frame.

        Nothing is analysed before the results are asked for: go through them, or take the table, the events
        or the plot.

        Args:
            source: A video file, a folder of numbered frames, or whatever gives frames, as a
                :class:`metafacs.data.videos.Camera`. Pictures of a folder have no times, and so neither
                events nor a plot, unless ``metafacs.data.videos.FrameFolder(path, rate=25)`` is given.
            every: Take every so many-th frame.
            fps: Take so many frames per second instead.
            start: Seconds from which on frames are taken.
            end: Seconds before which they are.
            neutral: Which frames show people at rest, so that it can be taken into account: ``auto``, or
                numbers of frames as ``100-200,250-300``.
            images: Give the pictures with the results.

        Raises:
            VideoError: If the source cannot be read.
            ValueError: If the options do not fit each other.
        """
        from metafacs.inference.results import VideoResults, open_frames

        opened = open_frames(source) if isinstance(source, str | Path) else source
        selection = Selection(every, fps, start, end)
        return VideoResults(self, opened, selection, neutral=neutral, images=images)

    def crops(self, image: Picture, faces: Sequence[Face]) -> NDArray[np.uint8]:
        """Return faces of one picture as training cut them, ``face x crop x crop x 3``.

        Args:
            image: ``height x width x 3``, uint8, RGB.
            faces: Faces in it, at least one.
        """
        return np.stack([align(image, face.landmarks, self._crop, self.alignment)[0] for face in faces])

    def read(self, crops: NDArray[np.uint8]) -> Prediction:
        """Return what is predicted of faces that :meth:`crops` cut, of any number of pictures.

        Args:
            crops: ``face x crop x crop x 3``, uint8, RGB.

        Returns:
            Rows as the faces, in float64 and on the CPU; the pose is that in the crops.

        Raises:
            ValueError: If the predictor gives another shape, something else than probabilities or
                intensities, or other parts than the detector was made for.
        """
        inputs = to_tensor(crop_centre(crops, self.input_size)[0])
        with torch.inference_mode():
            at_once = max(1, min(self.batch_size, _MOST_PIXELS // self.input_size**2))
            parts = [self.predictor(part.to(self.device)) for part in inputs.split(at_once)]
        said = Prediction(
            _joined([part.probabilities for part in parts]),
            *(
                None if any(value is None for value in values) else _joined(values)
                for values in list(zip(*parts, strict=True))[1:]
            ),
        )
        self._check(said, len(crops))
        return said

    def probabilities_of(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the ``face x au`` probabilities of :meth:`read` alone.

        Args:
            crops: ``face x crop x crop x 3``, uint8, RGB.

        Raises:
            ValueError: As :meth:`read`.
        """
        return self.read(crops).probabilities.numpy()

    @property
    def _crop(self) -> int:
        return self.crop_size or self.input_size

    def result(self, said: Prediction, row: int, face: Face, place: FaceResult) -> FaceResult:
        """Return one row of a prediction as the result of the face it was made of.

        Args:
            said: What :meth:`read` returned.
            row: Of which crop.
            face: The face that was cut out.
            place: Names input, frame, face and time.

        Returns:
            The result, with probabilities of 6 significant digits: fine enough to be moved as logits.
        """
        intensities: dict[int, float] = {}
        pose = None
        if said.intensities is not None:
            values = zip(self.aus, said.intensities[row].tolist(), strict=True)
            intensities = {au: round(value, 2) for au, value in values}
        if said.pose is not None:
            yaw, pitch, roll = said.pose[row].tolist()
            # The crop was turned level; the result tells the head as the picture shows it.
            to_picture = invert(alignment_matrix(face.landmarks, self._crop, self.alignment))
            yaw, pitch, roll = turned_pose((yaw, pitch, roll), to_picture)
            pose = (round(yaw, 4), round(pitch, 4), round(roll, 4))
        probabilities = zip(self.aus, said.probabilities[row].tolist(), strict=True)
        return replace(
            place,
            success=True,
            score=face.score,
            box=face.box,
            landmarks=face.landmarks,
            probabilities={au: float(f"{value:.6g}") for au, value in probabilities},
            intensities=intensities,
            pose=pose,
        )

    def _check(self, said: Prediction, faces: int) -> None:
        """Raise a ValueError if a prediction of a number of faces is not what the detector was made for."""
        model = self.description.get("model", "the model")
        shape = tuple(said.probabilities.shape)
        if shape != (faces, len(self.aus)):
            raise ValueError(f"{model} gave {shape} values for {faces} faces and {len(self.aus)} AUs")
        if not _within(said.probabilities, 1):
            raise ValueError(f"{model} gave values that are no probabilities; its weights may be damaged")
        for name, values, announced, columns in (
            ("intensities", said.intensities, self.intensities, len(self.aus)),
            ("pose", said.pose, self.pose, 3),
        ):
            if (values is not None) != announced:
                gave = name if values is not None else f"no {name}"
                raise ValueError(f"{model} gave {gave}, but its method has gives_{name} = {announced}")
            if values is not None and tuple(values.shape) != (faces, columns):
                raise ValueError(f"{model} gave {name} of shape {tuple(values.shape)} for {faces} faces")
        if said.intensities is not None and not _within(said.intensities, HIGHEST_INTENSITY):
            raise ValueError(f"{model} gave intensities outside 0 to 5; its weights may be damaged")
        if said.pose is not None and not bool(said.pose.isfinite().all()):
            raise ValueError(f"{model} gave a pose that is no angles; its weights may be damaged")


def _joined(batches: Sequence[Tensor]) -> Tensor:
    return torch.cat([rows.double().cpu() for rows in batches])


def _within(values: Tensor, highest: float) -> bool:
    """Return whether all values are numbers from 0 to the highest."""
    return bool(((values >= 0) & (values <= highest)).all())
