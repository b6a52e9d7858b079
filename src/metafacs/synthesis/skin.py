"""Procedural skin: albedo with lips, brows, beard and make-up, and the fine relief of pores."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metafacs.synthesis.face_model import load_face_model
from metafacs.synthesis.identities import Identity
from metafacs.synthesis.texture_space import TEXTURE_SIZE, bump, smoothstep, texture_grid, value_noise

Floats = NDArray[np.float32]


def linear_rgb(red: float, green: float, blue: float) -> Floats:
    """Return the linear RGB of a display colour given in 0..255, shape (3,)."""
    return np.power(np.array([red, green, blue]) / 255, 2.2).astype(np.float32)


SKIN_TONES: Floats = np.stack(
    [
        linear_rgb(*tone)
        for tone in ((238, 201, 176), (226, 184, 152), (186, 130, 96), (120, 76, 52), (66, 41, 30))
    ]
)
"""Albedo at melanin 0, 1/4, 1/2, 3/4, 1."""

HAIR_TONES: Floats = np.stack(
    [
        linear_rgb(*tone)
        for tone in (
            *((22, 18, 16), (58, 38, 26), (120, 84, 50), (150, 70, 34), (196, 160, 104), (170, 168, 165)),
        )
    ]
)
"""Black, dark brown, light brown, red, blond, grey."""

IRIS_COLOURS: Floats = np.stack(
    [linear_rgb(*tone) for tone in ((70, 42, 22), (96, 120, 140), (86, 98, 62), (110, 88, 50))]
)
"""Brown, blue, green, hazel."""

LIPSTICKS: tuple[tuple[int, int, int], ...] = ((170, 40, 55), (190, 80, 90), (130, 30, 50))


_CHEEK_LINE = ((0.0, 0.2, 0.3, 0.42, 0.55, 0.64, 0.7), (6.90, 6.90, 6.80, 6.82, 6.95, 7.15, 7.3))
"""Upper edge of a beard: distances from the middle of the face, heights."""


class Skin(NamedTuple):
    """The maps of one person's skin.

    Attributes:
        texture: Shape (512, 512, 4): linear RGB albedo and lip mask.
        pores: Shape (512, 512), height of the fine relief in face units.
    """

    texture: Floats
    pores: Floats


class _Masks(NamedTuple):
    cheeks: Floats
    nose: Floats
    eye_bags: Floats
    lids: Floats
    freckles: Floats
    beard: Floats
    lips: Floats
    brow_position: Floats


@cache
def _masks() -> _Masks:
    grid = texture_grid()
    side, y = grid.side, grid.y
    lips = load_face_model().lip_mask
    cheek_line = np.interp(side, _CHEEK_LINE[0], _CHEEK_LINE[1]).astype(np.float32)
    beard = smoothstep(0.05, -0.06, y - cheek_line) * smoothstep(6.12, 6.36, y)
    bare = 0.7 * bump(side, 0.24, 0.09) * bump(y, 6.85, 0.07)
    return _Masks(
        cheeks=0.55 * bump(side, 0.38, 0.17) * bump(y, 7.03, 0.14),
        nose=0.5 * bump(side, 0.0, 0.12) * bump(y, 7.02, 0.09),
        eye_bags=bump(side, 0.29, 0.15) * bump(y, 7.255, 0.05),
        lids=bump(side, 0.29, 0.17) * bump(y, 7.42, 0.05),
        freckles=bump(side, 0.25, 0.25) * bump(y, 7.1, 0.15),
        beard=beard * (1 - np.clip(1.6 * lips, 0, 1)) * (1 - bare),
        lips=lips,
        brow_position=(side - 0.11) / 0.39,
    )


def skin_tone(melanin: float) -> Floats:
    """Return the mean albedo (linear RGB, shape (3,)) at a melanin level 0..1."""
    position = melanin * (len(SKIN_TONES) - 1)
    lower = min(int(position), len(SKIN_TONES) - 2)
    return SKIN_TONES[lower] * np.float32(1 - position + lower) + SKIN_TONES[lower + 1] * np.float32(
        position - lower
    )


def paint_skin(identity: Identity) -> Skin:
    """Return the maps of one person's skin."""
    rng = identity.generator("skin")
    masks = _masks()
    tone = skin_tone(identity.melanin)
    coarse, fine = value_noise(rng, 20), value_noise(rng, 5)
    mottle = 0.5 * value_noise(rng, 60) + 0.35 * coarse + 0.25 * fine
    redness = (masks.cheeks + masks.nose) * (1 + 0.4 * coarse)
    redness *= (1 - 0.6 * identity.melanin) * rng.uniform(0.4, 1.3)
    shade = masks.eye_bags * rng.uniform(0.1, 0.35) + masks.lids * (0.12 + 0.5 * identity.makeup)
    freckles = np.zeros_like(coarse)
    if rng.random() < 0.35:
        freckles = np.clip(value_noise(rng, 4) - 1.3, 0, 1) * 0.35 * masks.freckles
    moles = _moles(rng)
    albedo = np.empty((TEXTURE_SIZE, TEXTURE_SIZE, 4), np.float32)
    for channel, (mottled, reddened, shaded, freckled) in enumerate(
        ((0.04, 0.02, 0.7, 0.6), (0.05, 0.22, 0.9, 1.0), (0.055, 0.20, 0.75, 1.2))
    ):
        albedo[..., channel] = (
            tone[channel]
            * (1 + np.float32(mottled) * mottle)
            * (1 - np.float32(reddened) * redness)
            * (1 - np.float32(shaded) * shade)
            * (1 - np.float32(freckled) * freckles)
            * moles
        )
    hair = HAIR_TONES[identity.hair_tone]
    if identity.beard > 0.02:
        _blend(albedo, hair * np.float32(0.75), _beard(rng, identity, coarse))
    _paint_lips(albedo, rng, identity, tone)
    _blend(albedo, np.minimum(hair * np.float32(0.75), tone * np.float32(0.45)), _brows(rng, identity))
    albedo[..., 3] = masks.lips
    pores = value_noise(rng, 2.5) * np.float32(0.0004) + fine * np.float32(0.0005)
    return Skin(albedo, pores)


def _blend(albedo: Floats, colour: Floats, share: Floats) -> None:
    """Mix a colour into the first three channels, in place; skips rows that the share leaves alone."""
    rows = np.flatnonzero(share.max(1) > 0.002)
    if len(rows):
        window = slice(int(rows[0]), int(rows[-1]) + 1)
        for channel in range(3):
            layer = albedo[window, :, channel]
            layer += share[window] * (colour[channel] - layer)


def _moles(rng: np.random.Generator) -> Floats:
    grid = texture_grid()
    factor = np.ones_like(grid.x)
    for _ in range(int(rng.integers(0, 4))):
        x, y, radius = rng.uniform(-0.6, 0.6), rng.uniform(6.4, 8), rng.uniform(0.006, 0.014)
        rows = np.abs(grid.y[:, 0] - y) < 4 * radius
        factor[rows] *= 1 - 0.6 * bump(grid.x[rows], x, radius) * bump(grid.y[rows], y, radius)
    return factor


def _beard(rng: np.random.Generator, identity: Identity, coarse: Floats) -> Floats:
    """Return how much hair covers the lower face: single hairs when short, a closed surface when long."""
    hairs = 0.6 * value_noise(rng, 3.0, 1.0) + 0.4 * value_noise(rng, 1.5, 1.5)
    length = identity.beard
    cover = 0.20 + 0.62 * length + (0.20 - 0.10 * length) * hairs + 0.05 * coarse
    edge = smoothstep(0.15, 0.65, _masks().beard + 0.06 * coarse + 0.05 * hairs)
    return edge * np.clip(cover, 0, 0.93) * min(1.0, 0.25 + 1.5 * length)


def _paint_lips(albedo: Floats, rng: np.random.Generator, identity: Identity, tone: Floats) -> None:
    colour = tone * np.array([0.78, 0.50, 0.50], np.float32)
    colour = colour * np.float32(rng.uniform(0.85, 1.1))
    if identity.makeup > 0.3:
        lipstick = linear_rgb(*LIPSTICKS[int(rng.integers(len(LIPSTICKS)))])
        colour = colour * np.float32(0.3) + lipstick * np.float32(0.7)
    lips = _masks().lips
    rows = np.flatnonzero(lips.max(1) > 0.002)
    window = slice(int(rows[0]), int(rows[-1]) + 1)
    lines = np.sin(texture_grid().x * np.float32(2 * np.pi / 0.03) + value_noise(rng, 30) * 2)
    share = np.clip(1.05 * lips[window], 0, 1) * np.float32(0.9)
    grain = 1 + 0.06 * lines[window] * lips[window]
    for channel in range(3):
        layer = albedo[window, :, channel]
        layer += share * (colour[channel] * grain - layer)


def _brows(rng: np.random.Generator, identity: Identity) -> Floats:
    """Return how much hair covers the brows, drawn as slanted strokes."""
    grid, t = texture_grid(), _masks().brow_position
    cover = np.zeros_like(t)
    window = (grid.y[:, 0] > 7.36) & (grid.y[:, 0] < 7.72)
    t, side, x, y = t[window], grid.side[window], grid.x[window], grid.y[window]
    within = np.clip(t, 0, 1)
    middle = 7.505 + identity.brow_height - 0.05 * np.clip(t - 0.6, 0, 1)
    middle += 1.2 * identity.brow_arch * np.sin(np.pi * np.clip(t * 0.8 + 0.05, 0, 1))
    half = 0.034 * identity.brow_thickness * (1 - 0.65 * within**1.5)
    ends = smoothstep(-0.05, 0.06, t) * smoothstep(1.08, 0.9, t)
    envelope = np.exp(-(((y - middle) / half) ** 4)) * ends
    phase = (y * 1.4 - side * (0.9 + 0.5 * t)) * np.float32(2 * np.pi / 0.021)
    strokes = np.sin(phase + value_noise(rng, 7)[window] * 2.5 + 0 * x)
    strength = np.clip(0.80 + 0.35 * strokes, 0, 1) * min(1.0, 0.75 + 0.25 * identity.brow_thickness)
    cover[window] = envelope * strength * np.float32(identity.brow_density)
    return cover
