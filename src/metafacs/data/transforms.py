"""Which part of a crop the network sees, and how it may be changed: windows, and what a run says of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from math import pi, radians

import numpy as np

from metafacs.data.styles import BEST_QUALITY
from metafacs.faces.landmarks import mirror_landmarks
from metafacs.faces.warping import similarity, warp
from metafacs.parsing import check_number
from metafacs.ranks import Rows


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training pictures.

    MAL (section 4.1.2): resize to 256, random crop to 224, random horizontal flip. The test picture is the
    centre crop. All else is an addition for robustness, and 0 turns it off. Pictures are turned, shifted and
    scaled first; what is below follows in its order. :meth:`styled` has values for pictures of any origin.

    Attributes:
        flip: Probability of mirroring left and right.
        brightness: Standard deviation of the additive change, in grey levels of 0..255.
        contrast: Standard deviation of the multiplicative change around the mean of the picture.
        rotation: Largest turn in degrees, either way.
        shift: Largest shift across and down, as a share of the network's input.
        scale: Largest change of size, as a share: .1 shows faces at 90 to 110 %. Up to .5.
        colour: Standard deviation of the factors of red, green and blue.
        grey: Probability of turning the picture grey.
        blur: Probability of blurring the picture.
        blur_width: Largest standard deviation of the blur, as a share of the network's input.
        noise: Largest standard deviation of the noise, in grey levels of 0..255.
        compression: Probability of writing the picture as JPEG and reading it again.
        quality: Lowest JPEG quality, 1 to 95.

    Raises:
        ValueError: If a value is outside its range.

    >>> Augmentation(brightness=8.0).settings()
    {'flip': 0.5, 'brightness': 8.0, 'contrast': 0.0}
    """

    flip: float = 0.5
    brightness: float = 0.0
    contrast: float = 0.0
    rotation: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    colour: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    blur_width: float = 0.015
    noise: float = 0.0
    compression: float = 0.0
    quality: int = 20

    def __post_init__(self) -> None:
        highest = {"flip": 1, "grey": 1, "blur": 1, "compression": 1, "rotation": 180, "shift": 0.5}
        highest |= {"scale": 0.5, "blur_width": 0.5, "quality": BEST_QUALITY}
        highest |= {"brightness": 255, "contrast": 10, "colour": 10, "noise": 255}
        for name, value in asdict(self).items():
            check_number(f"augmentation's {name}", value, 1 if name == "quality" else 0, highest[name])

    @classmethod
    def styled(cls) -> Augmentation:
        """Return strong changes of place, light, colour and quality: for learning from rendered faces.

        >>> Augmentation.styled().rotation
        10.0
        """
        return cls(
            brightness=20.0,
            contrast=0.2,
            rotation=10.0,
            shift=0.06,
            scale=0.12,
            colour=0.06,
            grey=0.35,
            blur=0.4,
            noise=10.0,
            compression=0.4,
        )

    def settings(self) -> dict[str, float]:
        """Return what a run says of it: flip, brightness and contrast, and whatever else is not as usual."""
        usual = {field.name: field.default for field in fields(self)}
        always = ("flip", "brightness", "contrast")
        return {name: value for name, value in asdict(self).items() if name in always or value != usual[name]}

    @property
    def moves(self) -> bool:
        """Whether pictures are turned, shifted or scaled."""
        return bool(self.rotation or self.shift or self.scale)


@dataclass(frozen=True)
class Windows:
    """Which part of each crop became the network's input.

    Attributes:
        corners: ``batch x 2``, (x, y) of the window's first pixel in the crop.
        mirrored: ``batch``, True where the window was mirrored left to right.
        size: Side of the windows in pixels.
        matrices: ``batch x 2 x 3``, from points of the crop to those of the window before it is mirrored;
            None where windows were cut out as they are.
    """

    corners: np.ndarray
    mirrored: np.ndarray
    size: int
    matrices: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.corners)

    def of(self, rows: Rows) -> Windows:
        """Return the windows of some pictures of the batch."""
        matrices = None if self.matrices is None else self.matrices[rows]
        return replace(self, corners=self.corners[rows], mirrored=self.mirrored[rows], matrices=matrices)

    def cut(self, images: Iterable[np.ndarray], border: int = 128) -> np.ndarray:
        """Return the windows of pictures, ``batch x size x size x 3`` uint8.

        Args:
            images: ``height x width x 3`` uint8, one for each window.
            border: Grey value 0-255 where a turned or shifted window reaches over the edge of the picture.
        """
        size = self.size
        out = np.empty((len(self), size, size, 3), dtype=np.uint8)
        for i, (image, (x, y)) in enumerate(zip(images, self.corners.tolist(), strict=True)):
            if self.matrices is None:
                window = image[y : y + size, x : x + size]
            else:
                window = warp(image, self.matrices[i], size, border)
            if self.mirrored[i]:
                # As pixels of three bytes: twice as fast as byte by byte.
                out[i].view("V3")[:] = window.view("V3")[:, ::-1]
            else:
                out[i] = window
        return out

    def move(self, landmarks: np.ndarray) -> np.ndarray:
        """Return points of the crops, ``batch x 68 x 2`` in pixels, as points of the windows."""
        if self.matrices is None:
            moved = landmarks - self.corners[:, None, :].astype(np.float32)
        else:
            turned = landmarks @ self.matrices[:, :, :2].swapaxes(1, 2) + self.matrices[:, None, :, 2]
            moved = turned.astype(landmarks.dtype)
        if self.mirrored.any():
            moved[self.mirrored] = mirror_landmarks(moved[self.mirrored], self.size)
        return moved

    def turn(self, pose: np.ndarray) -> np.ndarray:
        """Return head poses of the crops, ``batch x 3`` as yaw, pitch and roll, as poses in the windows."""
        turned = pose.copy()
        if self.matrices is not None:
            roll = pose[:, 2] + np.arctan2(self.matrices[:, 0, 1], self.matrices[:, 0, 0])
            turned[:, 2] = (roll + pi) % (2 * pi) - pi
        turned[self.mirrored] *= np.array([-1, 1, -1], np.float32)
        return turned


def crop_centre(images: np.ndarray, size: int) -> tuple[np.ndarray, Windows]:
    """Return the central ``size x size`` windows of ``batch x height x width x 3`` pictures."""
    windows = central_windows(len(images), images.shape[1], size)
    offset = (images.shape[1] - size) // 2
    return images[:, offset : offset + size, offset : offset + size], windows


def central_windows(count: int, side: int, size: int) -> Windows:
    """Return where the central windows of pictures are.

    Args:
        count: Number of pictures.
        side: Their side in pixels.
        size: Side of the windows in pixels.

    Raises:
        ValueError: If the pictures are smaller than ``size``.
    """
    check_crop(side, size)
    return Windows(np.full((count, 2), (side - size) // 2), np.zeros(count, bool), size)


def draw_windows(
    count: int, side: int, size: int, augmentation: Augmentation, rng: np.random.Generator
) -> Windows:
    """Draw a window for every picture of a batch: where it lies, how it is turned, whether it is mirrored.

    Args:
        count: Number of pictures.
        side: Their side in pixels.
        size: Side of the windows in pixels, at most that of the pictures.
        augmentation: What to change and how much.
        rng: Random generator; the same state gives the same windows.

    Raises:
        ValueError: If the pictures are smaller than ``size``.
    """
    check_crop(side, size)
    corners = rng.integers(0, side - size + 1, (count, 2))
    mirrored = np.less(rng.random(count), augmentation.flip)
    matrices = _moved(corners[:, ::-1], size, augmentation, rng) if augmentation.moves else None
    return Windows(corners[:, ::-1], mirrored, size, matrices)


def _moved(
    corners: np.ndarray, size: int, augmentation: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    """Return the matrices from crops to turned, shifted and scaled windows, ``batch x 2 x 3``."""
    drawn = rng.uniform(-1, 1, (len(corners), 4))
    turns = radians(augmentation.rotation) * drawn[:, 0]
    sides = size / (1 + augmentation.scale * drawn[:, 1])
    centres = corners + (size - 1) / 2 + augmentation.shift * size * drawn[:, 2:]
    return np.stack(
        [
            similarity((x, y), side, turn, size)
            for (x, y), side, turn in zip(centres.tolist(), sides.tolist(), turns.tolist(), strict=True)
        ]
    )


def check_crop(side: int, size: int) -> None:
    """Fail if a window of ``size`` does not fit into pictures of ``side`` pixels.

    Raises:
        ValueError: Saying which of the two to change.
    """
    if size > side:
        raise ValueError(
            f"the network reads {size} px but the store holds {side} px crops; prepare the store with "
            f"--size {size} or more, or lower the input size"
        )
