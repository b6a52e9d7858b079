"""Small shaded solids painted over a picture: the stuff hands, cups and shadows are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.noise import smoothstep


@dataclass(frozen=True)
class Layer:
    """Something to lay over a picture.

    Attributes:
        colour: Shape (height, width, 3), linear RGB.
        opacity: Shape (height, width), 0 to 1.
    """

    colour: NDArray[np.float32]
    opacity: NDArray[np.float32]


def paint(image: NDArray[np.uint8], layer: Layer) -> NDArray[np.uint8]:
    """Return the picture with a layer blended over it in linear light; ``image`` is sRGB, shape (h, w, 3)."""
    linear = (image.astype(np.float32) / 255) ** 2.2
    opacity = layer.opacity[..., None]
    blended = linear * (1 - opacity) + layer.colour * opacity
    return _encode(blended)


def cast_shadow(
    image: NDArray[np.uint8],
    opacity: NDArray[np.float32],
    offset: NDArray[np.float32],
    softness: float,
    strength: float,
) -> NDArray[np.uint8]:
    """Return the picture darkened by the shadow of a layer.

    Args:
        image: Shape (height, width, 3), sRGB.
        opacity: Shape (height, width), of the layer that casts the shadow.
        offset: Shape (2,), where the shadow falls relative to the layer, x and y in pixels.
        softness: Radius of the penumbra in pixels.
        strength: Share of light that the full shadow takes away.
    """
    shift_x, shift_y = round(float(offset[0])), round(float(offset[1]))
    shadow = np.roll(opacity, (shift_y, shift_x), (0, 1))
    if shift_y > 0:
        shadow[:shift_y] = 0
    elif shift_y < 0:
        shadow[shift_y:] = 0
    if shift_x > 0:
        shadow[:, :shift_x] = 0
    elif shift_x < 0:
        shadow[:, shift_x:] = 0
    shadow = _soften(shadow, softness)
    linear = (image.astype(np.float32) / 255) ** 2.2
    return _encode(linear * (1 - strength * shadow[..., None]))


def shade_capsules(
    shape: tuple[int, int],
    capsules: NDArray[np.float32],
    colour: NDArray[np.float32],
    toward_light: NDArray[np.float32],
    blend: float,
) -> Layer:
    """Return tapered, rounded rods seen from the front, lit from one side.

    Args:
        shape: (height, width) of the picture.
        capsules: Shape (n, 8): x0, y0, x1, y1, radius at either end and depth toward the viewer, in pixels;
            then the number of the finger it belongs to, 0 for none. Between two fingers runs a dark line.
        colour: Shape (3,), linear RGB of the surface in full light.
        toward_light: Shape (2,), direction of the light in the picture plane, y downward.
        blend: Width in pixels over which neighbouring rods merge.

    Returns:
        The layer; opacity has an antialiased outline.
    """
    height, width = shape
    x = np.arange(width, dtype=np.float32)[None] + 0.5
    y = np.arange(height, dtype=np.float32)[:, None] + 0.5
    surface = np.full(shape, -1e6, np.float32)
    inside = np.full(shape, -1e6, np.float32)
    crease = np.zeros(shape, np.float32)
    owner = np.zeros(shape, np.float32)
    for x0, y0, x1, y1, radius0, radius1, depth, finger in capsules:
        along_x, along_y = x1 - x0, y1 - y0
        squared = max(float(along_x**2 + along_y**2), 1e-6)
        t = np.clip(((x - x0) * along_x + (y - y0) * along_y) / squared, 0, 1)
        distance = np.hypot(x - x0 - t * along_x, y - y0 - t * along_y)
        radius = radius0 + t * (radius1 - radius0)
        margin = radius - distance
        dome = depth + np.sqrt(np.maximum(radius**2 - distance**2, 0))
        dome = np.where(margin > 0, dome, -1e6)
        if finger:
            near = smoothstep(blend * 2, 0, np.abs(dome - surface)) * (dome > -1e5) * (owner > 0)
            near = np.where(owner == finger, 0, near)
            crease = np.where(
                dome > surface, np.where(owner == finger, crease, near), np.maximum(crease, near)
            )
        owner = np.where(dome > surface, finger, owner)
        surface = np.maximum(surface, dome)
        inside = np.maximum(inside, margin)
    opacity = np.clip(inside + 0.5, 0, 1)
    filled = np.where(surface > -1e5, surface, 0)
    slope_y, slope_x = np.gradient(filled)
    steepness = np.hypot(slope_x, slope_y)
    limit = np.minimum(1, 2.0 / np.maximum(steepness, 1e-6))
    normal = np.stack([-slope_x * limit, -slope_y * limit, np.ones(shape, np.float32)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = np.array([toward_light[0], toward_light[1], 0.8], np.float32)
    light /= np.linalg.norm(light)
    lambert = np.clip((normal @ light + 0.3) / 1.3, 0, 1)
    shading = 0.35 + 0.75 * lambert
    shaded = colour * (shading * (1 - 0.4 * crease))[..., None]
    # Light that enters skin comes out reddish where the surface turns away.
    shaded = shaded * (1 - (1 - lambert[..., None]) * np.array([0.0, 0.12, 0.16], np.float32))
    return Layer(shaded.astype(np.float32), opacity.astype(np.float32))


def _soften(field: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Blur a (height, width) field by repeated averaging over about ``radius`` pixels."""
    reach = max(1, round(radius))
    blurred = field
    for axis in (0, 1):
        for _ in range(2):
            total = np.zeros_like(blurred)
            pad = [(0, 0), (0, 0)]
            pad[axis] = (reach, reach)
            padded = np.pad(blurred, pad, mode="edge")
            for shift in range(2 * reach + 1):
                window = [slice(None), slice(None)]
                window[axis] = slice(shift, shift + blurred.shape[axis])
                total += padded[tuple(window)]
            blurred = total / np.float32(2 * reach + 1)
    return blurred


def _encode(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return linear RGB as sRGB bytes (gamma 2.2)."""
    return (np.clip(linear, 0, 1) ** np.float32(1 / 2.2) * 255 + 0.5).astype(np.uint8)
