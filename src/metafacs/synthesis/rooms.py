"""Several people in one picture: a room with a wall and lamps, and people of known place before the wall."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metafacs.synthesis.activations import Activation
from metafacs.synthesis.backgrounds import surface_colour, wild_background
from metafacs.synthesis.identities import Identity
from metafacs.synthesis.noise import smoothstep, value_noise
from metafacs.synthesis.renderer import SUPERSAMPLING, Subject, render
from metafacs.synthesis.scenes import Scene, Studio, sample_studio

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

# How many face extents the rendered part of the picture spans, and how far its middle lies below the face's.
_SPAN, _DROP = 2.3, 0.12
_LIGHTEST = 0.995
_GARMENT_SIDE = 96
_PLAIN_ROOMS = (0.35, 0.65, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Place:
    """Where a face is in the picture.

    Attributes:
        x: Centre of the face in pixels from the left.
        y: Centre of the face in pixels from the top.
        extent: Longer side of the face, from the forehead to the chin, in pixels.
    """

    x: float
    y: float
    extent: float


class Guest:
    """A person with clothes, ready to be rendered.

    Args:
        identity: Who it is.
        rng: Decides the clothes.
    """

    def __init__(self, identity: Identity, rng: np.random.Generator) -> None:
        self.subject = Subject(identity)
        self.garment = _sample_garment(rng)


@dataclass(frozen=True)
class Room:
    """A wall and the light before it.

    Attributes:
        wall: Shape (height, width, 3), the empty room, sRGB.
        studio: The lamps.
    """

    wall: Picture
    studio: Studio


@dataclass(frozen=True)
class Presence:
    """A person in a picture.

    Attributes:
        landmarks: Shape (68, 2), pixels of the picture, also where they are hidden or outside.
        box: ``left, top, right, bottom`` of the face in pixels, from the forehead to the chin.
        pose: Yaw, pitch and roll in radians, signs as `scenes.Scene`.
        action_units: AU -> intensity 0..1 that is true of the face.
        covered: Shape (height, width), the pixels that show the person.
    """

    landmarks: NDArray[np.float32]
    box: tuple[float, float, float, float]
    pose: tuple[float, float, float]
    action_units: dict[int, float]
    covered: Mask


def sample_room(rng: np.random.Generator, size: tuple[int, int]) -> Room:
    """Return a room.

    Args:
        rng: Random generator.
        size: Width and height of its pictures in pixels.
    """
    width, height = size
    studio = sample_studio(rng, 0.6)
    wall = wild_background(rng, max(size), _PLAIN_ROOMS)[:height, :width]
    exposed = wall * np.float32(studio.exposure)
    exposed = exposed / (1 + np.float32(0.18) * exposed)
    return Room((exposed ** np.float32(1 / 2.2) * 255 + 0.5).astype(np.uint8), studio)


def place_person(
    picture: Picture,
    room: Room,
    guest: Guest,
    activation: Activation,
    pose: tuple[float, float, float],
    place: Place,
) -> Presence:
    """Draw a person into a picture, before everything that is there already.

    Args:
        picture: Shape (height, width, 3), sRGB; is drawn into.
        room: Its light.
        guest: Who.
        activation: What the face does.
        pose: Yaw, pitch and roll in radians.
        place: Where the face is.
    """
    height, width = picture.shape[:2]
    side = ceil(_SPAN * place.extent)
    middle_x, middle_y = place.x + 0.5, place.y + 0.5 + _DROP * place.extent
    left, top = floor(middle_x - side / 2), floor(middle_y - side / 2)
    shift = (left + side / 2 - place.x - 0.5) / place.extent, (place.y + 0.5 - top - side / 2) / place.extent
    under = _cut(picture, left, top, side)
    studio = room.studio
    scene = Scene(
        *pose,
        camera_distance=studio.camera_distance,
        framing=(*shift, side / place.extent),
        lights=studio.lights,
        sky=studio.sky,
        ground=studio.ground,
        exposure=studio.exposure,
        background=_undeveloped(under, studio.exposure),
        size=side,
    )
    rendering = render(guest.subject, activation, scene)
    # A pixel that the renderer left alone comes back rounded; it keeps its own value.
    drawn = (np.abs(rendering.image.astype(np.int16) - under) > _rounding()[under]).any(2)
    covered = np.zeros((height, width), bool)
    _paste(picture, covered, rendering.image, drawn.astype(np.float32), left, top)
    clothes, share, corner = _dressed(guest.garment, place, height)
    _paste(picture, covered, clothes, share, *corner)
    corner_of_patch = np.array([left, top], np.float32)
    x0, y0, x1, y1 = rendering.face_box
    return Presence(
        rendering.landmarks + corner_of_patch,
        (x0 + left, y0 + top, x1 + left, y1 + top),
        pose,
        rendering.action_units,
        covered,
    )


def hang_portrait(
    room: Room, guest: Guest, activation: Activation, pose: tuple[float, float, float], place: Place
) -> tuple[Room, Presence]:
    """Return the room with a framed picture of a person on the wall, and what is true of that person."""
    wall = room.wall.copy()
    half = 0.95 * place.extent
    edges = [round(value) for value in (place.x - half, place.y - half, place.x + half, place.y + half)]
    image = Image.fromarray(wall)
    ImageDraw.Draw(image).rectangle(edges, fill=(188, 196, 205), outline=(35, 28, 24), width=3)
    hung = np.array(image)
    presence = place_person(hung, room, guest, activation, pose, place)
    x0, y0, x1, y1 = (max(edge, 0) for edge in edges)
    inside = np.zeros(wall.shape[:2], bool)
    inside[y0 + 3 : y1 - 2, x0 + 3 : x1 - 2] = True
    frame = np.zeros_like(inside)
    frame[y0 : y1 + 1, x0 : x1 + 1] = True
    wall[frame] = np.where(inside[frame][:, None], hung[frame], np.array(image)[frame])
    return Room(wall, room.studio), replace(presence, covered=presence.covered & inside)


def hidden_share(presence: Presence, visible: Mask) -> float:
    """Return which share of a face is covered by others or outside the picture, 0..1.

    Args:
        presence: The person.
        visible: Shape (height, width), the pixels in which nobody stands before the person.
    """
    outline = np.concatenate([presence.landmarks[:17], presence.landmarks[26:16:-1]])
    x, y = outline.T.astype(np.float64)
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    height, width = visible.shape
    canvas = Image.new("1", (width, height))
    ImageDraw.Draw(canvas).polygon([(float(a), float(b)) for a, b in outline], fill=1)
    seen = np.count_nonzero(np.asarray(canvas) & visible & presence.covered)
    return float(np.clip(1 - seen / max(area, 1.0), 0, 1))


def _cut(picture: Picture, left: int, top: int, side: int) -> Picture:
    """Return a square of the picture; outside it is as at its edge."""
    rows = np.clip(np.arange(top, top + side), 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, picture.shape[1] - 1)
    return picture[rows[:, None], columns]


@cache
def _linear_values() -> NDArray[np.float32]:
    """Shape (256,): exposed linear value of each display value, the inverse of ``shading.develop``."""
    toned = np.minimum((np.arange(256) / 255.0) ** 2.2, _LIGHTEST)
    return (toned / (1 - 0.18 * toned)).astype(np.float32)


@cache
def _rounding() -> NDArray[np.int16]:
    """Shape (256,): how far a display value may be from itself after it was undeveloped and developed."""
    # Dark values lie less than a step of the developer's table apart.
    return np.where(np.arange(256) < 16, 7, 1).astype(np.int16)


def _undeveloped(picture: Picture, exposure: float) -> NDArray[np.float32]:
    linear = _linear_values()[picture] / np.float32(exposure)
    return linear.repeat(SUPERSAMPLING, 0).repeat(SUPERSAMPLING, 1)


def _paste(
    picture: Picture, covered: Mask, patch: Picture, share: NDArray[np.float32], left: int, top: int
) -> None:
    """Blend a patch into the picture and mark what is mostly the patch's."""
    height, width = picture.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + patch.shape[1], width), min(top + patch.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    target = slice(y0, y1), slice(x0, x1)
    opacity = share[part][..., None]
    mixed = picture[target] * (1 - opacity) + patch[part] * opacity
    picture[target] = (mixed + np.float32(0.5)).astype(np.uint8)
    covered[target] |= share[part] > 0.5


def _sample_garment(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return cloth, shape (side, side, 3), display values 0..255."""
    shape = (_GARMENT_SIDE, _GARMENT_SIDE)
    first, second = (surface_colour(rng, 0.03, 0.6, 0.9) ** np.float32(1 / 2.2) for _ in range(2))
    cloth = np.broadcast_to(first, (*shape, 3)).astype(np.float32)
    if rng.random() < 0.4:
        period = rng.uniform(8, 20)
        stripes = (np.arange(_GARMENT_SIDE) % period < period / 2)[:, None, None]
        cloth = np.where(stripes if rng.random() < 0.6 else stripes.transpose(1, 0, 2), second, cloth)
    folds = 1 + 0.10 * value_noise(rng, shape, 40, 12)
    return np.clip(cloth * folds[..., None] * 255, 0, 255).astype(np.float32)


def _dressed(
    garment: NDArray[np.float32], place: Place, height: int
) -> tuple[Picture, NDArray[np.float32], tuple[int, int]]:
    """Return the clothes of a person at a place, how opaque they are, and their left upper corner."""
    e = place.extent
    left, top = floor(place.x - 1.6 * e), floor(place.y + 0.4 * e)
    rows = np.arange(top, max(height, top + 1), dtype=np.float32)[:, None]
    columns = np.arange(left, ceil(place.x + 1.6 * e), dtype=np.float32)[None]
    x, y = (columns - np.float32(place.x)) / np.float32(e), (rows - np.float32(place.y)) / np.float32(e)
    soft = 1.0 / e
    slope = 0.70 + 0.24 * np.abs(x) ** 1.5
    body = smoothstep(-soft, soft, y - slope) * smoothstep(soft, -soft, np.abs(x) - 1.2 - 0.04 * y)
    neck = np.hypot(x / 0.40, (y - 0.58) / 0.36)
    share = body * smoothstep(1 - 2 * soft, 1 + 2 * soft, neck)
    u = ((x / 3.2 + 0.5) * (_GARMENT_SIDE - 1)).astype(np.int32).clip(0, _GARMENT_SIDE - 1)
    v = (y * 30).astype(np.int32) % _GARMENT_SIDE
    round_body = (1.05 - 0.35 * np.clip(np.abs(x) / 1.2, 0, 1) ** 2)[..., None]
    cloth = np.clip(garment[v, u] * round_body, 0, 255).astype(np.uint8)
    return cloth, share.astype(np.float32), (left, top)
