"""What a camera and a file format do to a picture: blur, lost resolution, noise, tone, JPEG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from metafacs.synthesis.activations import Activation
from metafacs.synthesis.occluders import occlude
from metafacs.synthesis.occluders.geometry import FaceGeometry
from metafacs.synthesis.renderer import Rendering, Subject, render
from metafacs.synthesis.scenes import Scene
from metafacs.synthesis.skin import HAIR_TONES

Range = tuple[float, float]


@dataclass(frozen=True)
class Camera:
    """Statistics of the pictures of one set. Lengths refer to a picture 112 px wide and scale with its size.

    Attributes:
        noise: Range of the standard deviation of the noise in grey levels of 255.
        noise_share: Share of pictures with noise.
        blur: Range of the blur's radius in pixels.
        blur_share: Share of pictures that are blurred.
        reduction: Range of the factor by which a picture was once smaller.
        reduction_share: Share of pictures enlarged from a smaller one.
        jpeg: Range of the quality, 1 to 95.
        jpeg_share: Share of pictures that went through JPEG before they are stored.
        contrast: Range of the contrast factor.
        brightness: Standard deviation of the brightness shift in grey levels.
        saturation: Range of the colour saturation factor.
        grey_share: Share of black-and-white pictures.
        white_balance: Factors on red, green and blue: the colour cast that all pictures share.
        occluders: Kind of occluder -> share of pictures; see ``metafacs.synthesis.occluders``.
    """

    noise: Range = (0.0, 0.0)
    noise_share: float = 1.0
    blur: Range = (0.0, 0.0)
    blur_share: float = 0.0
    reduction: Range = (1.0, 1.0)
    reduction_share: float = 0.0
    jpeg: Range = (90.0, 95.0)
    jpeg_share: float = 0.0
    contrast: Range = (1.0, 1.0)
    brightness: float = 0.0
    saturation: Range = (1.0, 1.0)
    grey_share: float = 0.0
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    occluders: Mapping[str, float] = field(default_factory=dict)


LAB = Camera(noise=(1.0, 2.0), blur=(0.2, 0.35), blur_share=0.3, brightness=0.8)
"""A good camera on a tripod."""

WILD = Camera(
    noise=(1.0, 9.0),
    noise_share=0.6,
    blur=(0.3, 1.2),
    blur_share=0.35,
    reduction=(0.4, 0.75),
    reduction_share=0.15,
    jpeg=(35.0, 92.0),
    jpeg_share=0.7,
    contrast=(0.8, 1.15),
    brightness=8.0,
    saturation=(0.7, 1.15),
    grey_share=0.08,
    occluders={"glasses": 0.12, "hand": 0.06, "object": 0.05, "hair": 0.05, "sunglasses": 0.02},
)
"""Pictures from the web: any camera, any compression, something in front of the face in three of ten."""


def photograph(
    subject: Subject,
    activation: Activation,
    scene: Scene,
    camera: Camera,
    rng: np.random.Generator,
    occluder: str | None = None,
) -> Rendering:
    """Render a face, put an occluder before it, and pass the picture through a camera.

    Landmarks, pose and action units stay those of the face itself, also where the occluder hides it.

    Args:
        subject: Who.
        activation: What the face does.
        scene: Pose, light, background and size.
        camera: What happens to the picture.
        rng: Decides the occluder's form and the camera's noise.
        occluder: A kind of ``metafacs.synthesis.occluders.OCCLUDERS``, or None. The caller chooses it
            (``sample_occluder(rng, camera.occluders)``), so it also knows it.

    Returns:
        The rendering with the finished picture, (size, size, 3), uint8.
    """
    rendering = render(subject, activation, scene)
    if occluder is not None:
        rendering = cover(rendering, subject, scene, occluder, rng)
    return replace(rendering, image=expose(rendering.image, camera, rng))


def cover(
    rendering: Rendering, subject: Subject, scene: Scene, occluder: str, rng: np.random.Generator
) -> Rendering:
    """Return a rendering with something in front of the face.

    Args:
        rendering: The face.
        subject: Whose it is; strands of hair have the colour of the person's.
        scene: Its key light shades the occluder.
        occluder: A kind of ``metafacs.synthesis.occluders.OCCLUDERS``.
        rng: Decides the occluder's form. The same state gives the same form, as in the frames of a video.
    """
    key = scene.lights[0].direction if scene.lights else np.array([0, 1, 0], np.float32)
    geometry = FaceGeometry(
        np.asarray(rendering.landmarks, np.float32), np.array([key[0], -key[1]], np.float32)
    )
    hair = (np.asarray(HAIR_TONES[subject.identity.hair_tone]) ** (1 / 2.2) * 255).astype(np.uint8)
    return replace(rendering, image=occlude(rendering.image, occluder, geometry, rng, hair))


def expose(image: NDArray[np.uint8], camera: Camera, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the picture as a camera of these statistics would have stored it.

    Args:
        image: Shape (height, width, 3), sRGB.
        camera: The statistics.
        rng: Random generator; the same state gives the same bytes.

    Returns:
        Picture of the same shape.
    """
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    if rng.random() < camera.blur_share:
        radius = float(rng.uniform(*camera.blur)) * width / 112
        picture = picture.filter(ImageFilter.GaussianBlur(radius))
    if rng.random() < camera.reduction_share:
        factor = rng.uniform(*camera.reduction)
        small = (max(8, round(width * factor)), max(8, round(height * factor)))
        picture = picture.resize(small, Image.Resampling.BILINEAR)
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    values = np.asarray(picture, np.float32)
    if rng.random() < camera.noise_share:
        deviation = rng.uniform(*camera.noise)
        values = values + rng.standard_normal(values.shape, np.float32) * np.float32(deviation)
    saturation = 0.0 if rng.random() < camera.grey_share else rng.uniform(*camera.saturation)
    if saturation != 1.0:
        grey = values.mean(2, keepdims=True)
        values = grey + (values - grey) * np.float32(saturation)
    if camera.white_balance != (1.0, 1.0, 1.0):
        values = values * np.asarray(camera.white_balance, np.float32)
    contrast, shift = rng.uniform(*camera.contrast), rng.normal(0, camera.brightness)
    values = (values - 128) * np.float32(contrast) + np.float32(128 + shift)
    finished = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < camera.jpeg_share:
        finished = _compress(finished, int(rng.uniform(*camera.jpeg)))
    return finished


def _compress(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return the picture after one round through JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer, formats=["JPEG"]) as stored:
        return np.array(stored.convert("RGB"))
