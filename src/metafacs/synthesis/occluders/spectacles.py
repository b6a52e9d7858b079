"""Glasses and sunglasses whose lenses follow the turn of the head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metafacs.synthesis.occluders.geometry import FaceGeometry, Points
from metafacs.synthesis.occluders.layers import Layer, cast_shadow, paint

_OVERSAMPLING = 4


def wear_glasses(
    image: NDArray[np.uint8], face: FaceGeometry, rng: np.random.Generator, _hair: object
) -> NDArray[np.uint8]:
    """Return the picture with clear glasses on the face."""
    colour = _frame_colour(rng)
    tint = (205, 220, 235, int(rng.integers(6, 30)))
    return _spectacles(
        image, face, rng, colour, tint, shine=int(rng.integers(8, 45)) if rng.random() < 0.4 else 0
    )


def wear_sunglasses(
    image: NDArray[np.uint8], face: FaceGeometry, rng: np.random.Generator, _hair: object
) -> NDArray[np.uint8]:
    """Return the picture with dark glasses that hide the eyes."""
    colour = _frame_colour(rng)
    base = rng.integers(6, 45)
    shift = rng.integers(-5, 12, 3)
    red, green, blue = (int(value) for value in np.clip(base + shift, 0, 80))
    tint = (red, green, blue, int(rng.integers(200, 250)))
    return _spectacles(image, face, rng, colour, tint, shine=int(rng.integers(5, 60)))


def _spectacles(
    image: NDArray[np.uint8],
    face: FaceGeometry,
    rng: np.random.Generator,
    colour: tuple[int, int, int],
    tint: tuple[int, int, int, int],
    shine: int,
) -> NDArray[np.uint8]:
    """Draw a frame whose lenses follow the foreshortening of each half of the face, with its shadow."""
    left, right = face.eyes
    axis = (right - left) / max(float(np.linalg.norm(right - left)), 1e-6)
    down = np.array([-axis[1], axis[0]], np.float32)
    bridge = (left + right) / 2 + down * face.unit * 0.02
    half_height = face.unit * rng.uniform(0.24, 0.36)
    roundness = rng.uniform(0.35, 1.0)
    frontal_half_width = face.unit * rng.uniform(0.36, 0.43)
    glint = (rng.uniform(0.1, 0.7), rng.uniform(-0.5, 0.6), rng.uniform(0.15, 0.9))
    thickness = max(face.unit * rng.uniform(0.02, 0.075), 0.8)
    scale = _OVERSAMPLING
    height, width = image.shape[:2]
    overlay = Image.new("RGBA", (width * scale, height * scale), (*colour, 0))
    draw = ImageDraw.Draw(overlay)
    line = max(1, round(thickness * scale))
    contours = (face.landmarks[0], face.landmarks[16])
    contour_left, contour_right = contours if contours[0][0] <= contours[1][0] else contours[::-1]
    foreshortening = min(1.0, float(np.linalg.norm(right - left)) / face.unit + 0.08)
    half_width = frontal_half_width * foreshortening
    for eye, outward, contour in ((left, -axis, contour_left), (right, axis, contour_right)):
        centre = eye + down * half_height * 0.12 + outward * half_width * 0.04
        rim = _rounded_outline(centre, axis, down, half_width, half_height, roundness) * scale
        outline = [(float(x), float(y)) for x, y in rim]
        draw.polygon(outline, fill=tint)
        if shine:
            _reflect(draw, glint, shine, centre * scale, axis, down, half_width * scale, half_height * scale)
        draw.line([*outline, outline[0], outline[1]], fill=(*colour, 255), width=line, joint="curve")
        hinge = centre + outward * half_width - down * half_height * 0.35
        # A temple runs back to the ear; on the far side of a turned head the face hides it.
        reach = float((contour - hinge) @ outward)
        if reach > 0:
            ear = hinge + outward * reach + down * min(face.unit * 0.04, reach * 0.3)
            draw.line(
                [tuple(hinge * scale), tuple(ear * scale)], fill=(*colour, 255), width=max(1, int(line * 0.8))
            )
    inner = half_width * 0.96
    gap = max(float(np.linalg.norm(right - left)) / 2 - inner, 0.0)
    arch = -down * half_height * 0.12
    draw.line(
        [tuple((bridge - axis * gap + arch) * scale), tuple((bridge + axis * gap + arch) * scale)],
        fill=(*colour, 255),
        width=line,
    )
    small = np.asarray(overlay.resize((width, height), Image.Resampling.BOX), np.float32) / 255
    layer = Layer((small[..., :3] ** 2.2).astype(np.float32), small[..., 3].astype(np.float32))
    shadowed = cast_shadow(image, layer.opacity, -face.toward_light * face.unit * 0.05, face.unit * 0.03, 0.4)
    return paint(shadowed, layer)


def _rounded_outline(
    centre: Points, axis: Points, down: Points, half_width: float, half_height: float, roundness: float
) -> Points:
    """Return 40 points of a superellipse: a circle-like rim at roundness 1, nearly a box at 0.35."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** roundness * half_width
    y = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** roundness * half_height
    outline: Points = (centre + x[:, None] * axis + y[:, None] * down).astype(np.float32)
    return outline


def _reflect(
    draw: ImageDraw.ImageDraw,
    glint: tuple[float, float, float],
    shine: int,
    centre: Points,
    axis: Points,
    down: Points,
    half_width: float,
    half_height: float,
) -> None:
    """Draw the bright streak of a window on a lens."""
    slant, offset, breadth = glint
    corners = (
        (offset, -0.6),
        (offset + breadth, -0.6),
        (offset + breadth - slant, 0.5),
        (offset - slant, 0.5),
    )
    points = [tuple(centre + u * half_width * axis + v * half_height * down) for u, v in corners]
    draw.polygon(points, fill=(235, 242, 250, shine))


def _frame_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return the colour of a spectacle frame: mostly black, brown or metal."""
    frames = (
        (18, 18, 20),
        (18, 18, 20),
        (60, 36, 22),
        (88, 60, 36),
        (120, 120, 126),
        (30, 38, 70),
        (96, 24, 30),
    )
    chosen = np.asarray(frames[int(rng.integers(len(frames)))]) + rng.integers(-8, 9, 3)
    red, green, blue = (int(value) for value in np.clip(chosen, 0, 255))
    return red, green, blue
