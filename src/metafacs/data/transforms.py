"""What happens to crops between the store and the network: crop, mirror, light; on whole batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metafacs.faces.landmarks import mirror_landmarks


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training pictures.

    MAL (section 4.1.2): resize to 256, random crop to 224, random horizontal flip. The test picture is the
    centre crop. ``brightness`` and ``contrast`` are additions for robustness; 0 turns them off.

    Attributes:
        flip: Probability of mirroring left and right.
        brightness: Standard deviation of the additive change, in grey levels of 0..255.
        contrast: Standard deviation of the multiplicative change around the mean of the picture.

    >>> Augmentation(brightness=8.0)
    Augmentation(flip=0.5, brightness=8.0, contrast=0.0)
    """

    flip: float = 0.5
    brightness: float = 0.0
    contrast: float = 0.0


@dataclass(frozen=True)
class Windows:
    """Which part of each crop became the network's input.

    Attributes:
        corners: ``batch x 2``, (x, y) of the window's first pixel in the crop.
        mirrored: ``batch``, True where the window was mirrored left to right.
        size: Side of the windows in pixels.
    """

    corners: np.ndarray
    mirrored: np.ndarray
    size: int

    def move(self, landmarks: np.ndarray) -> np.ndarray:
        """Return points of the crops, ``batch x 68 x 2`` in pixels, as points of the windows."""
        moved = landmarks - self.corners[:, None, :].astype(np.float32)
        if self.mirrored.any():
            moved[self.mirrored] = mirror_landmarks(moved[self.mirrored], self.size)
        return moved

    def turn(self, pose: np.ndarray) -> np.ndarray:
        """Return head poses of the crops, ``batch x 3`` as yaw, pitch and roll, as poses in the windows."""
        turned = pose.copy()
        turned[self.mirrored] *= np.array([-1, 1, -1], np.float32)
        return turned


def crop_centre(images: np.ndarray, size: int) -> tuple[np.ndarray, Windows]:
    """Return the central ``size x size`` windows of ``batch x height x width x 3`` pictures."""
    check_crop(images.shape[1], size)
    offset = (images.shape[1] - size) // 2
    windows = Windows(np.full((len(images), 2), offset), np.zeros(len(images), bool), size)
    return images[:, offset : offset + size, offset : offset + size], windows


def augment(
    images: np.ndarray, size: int, augmentation: Augmentation, rng: np.random.Generator
) -> tuple[np.ndarray, Windows]:
    """Crop every picture at random, mirror some, change the light.

    Args:
        images: ``batch x height x width x 3`` uint8.
        size: Side of the output in pixels, at most the input's.
        augmentation: What to change and how much.
        rng: Random generator; the same state gives the same pictures.

    Returns:
        ``batch x size x size x 3`` uint8, and which windows of the crops these are.

    Raises:
        ValueError: If the pictures are smaller than ``size``.
    """
    count, side = images.shape[:2]
    check_crop(side, size)
    corners = rng.integers(0, side - size + 1, (count, 2))
    mirrored = np.less(rng.random(count), augmentation.flip)
    out = np.empty((count, size, size, 3), dtype=np.uint8)
    for i, (y, x) in enumerate(corners.tolist()):
        window = images[i, y : y + size, x : x + size]
        out[i] = window[:, ::-1] if mirrored[i] else window
    if augmentation.brightness or augmentation.contrast:
        gain = 1 + augmentation.contrast * rng.standard_normal((count, 1, 1, 1)).astype(np.float32)
        shift = augmentation.brightness * rng.standard_normal((count, 1, 1, 1)).astype(np.float32)
        mean = out.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float32)
        out = np.clip((out - mean) * gain + mean + shift, 0, 255).astype(np.uint8)
    return out, Windows(corners[:, ::-1], mirrored, size)


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
