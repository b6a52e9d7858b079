"""The picture of all rendered action units for the documentation, and its evenly lit scene."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from metafacs.synthesis.activations import RENDERED_AUS, Activation
from metafacs.synthesis.identities import sample_identity
from metafacs.synthesis.renderer import SUPERSAMPLING, Rendering, Subject, render
from metafacs.synthesis.scenes import Light, Scene, unit


def portrait_scene(
    size: int,
    *,
    yaw: float = 0.0,
    pitch: float = 0.0,
    roll: float = 0.0,
    framing: tuple[float, float, float] = (0.0, 0.02, 1.35),
) -> Scene:
    """Return an evenly lit scene before a grey wall that never varies.

    Args:
        size: Side of the picture in pixels.
        yaw: Radians.
        pitch: Radians.
        roll: Radians.
        framing: See `scenes.Scene`.
    """
    canvas = SUPERSAMPLING * size
    return Scene(
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        camera_distance=11.0,
        framing=framing,
        lights=(
            Light(unit(-0.5, 0.75, 0.75), np.array([0.66, 0.63, 0.60], np.float32), True),
            Light(unit(0.8, 0.25, 0.6), np.array([0.20, 0.21, 0.22], np.float32), False),
        ),
        sky=np.array([0.42, 0.42, 0.44], np.float32),
        ground=np.array([0.20, 0.19, 0.18], np.float32),
        exposure=0.92,
        background=np.full((canvas, canvas, 3), 0.4, np.float32),
        size=size,
    )


def draw_action_unit_sheet(
    seeds: Sequence[int] = (10, 4), *, intensity: float = 1.0, size: int = 160, columns: int = 9
) -> Image.Image:
    """Return one picture per person and action unit, the neutral face first.

    Below each picture stand the action units that the label closure added, with their intensity.

    Args:
        seeds: Numbers of the people in the default pool.
        intensity: Intensity of the one action unit that is asked for, 0..1.
        size: Side of one picture in pixels.
        columns: Pictures per row.
    """
    scene = portrait_scene(size, framing=(0.0, 0.0, 1.15))
    tiles = []
    for seed in seeds:
        subject = Subject(sample_identity(seed))
        people = []
        for au in (None, *RENDERED_AUS):
            rendering = render(subject, Activation({} if au is None else {au: intensity}), scene)
            title = "neutral" if au is None else f"AU{au}"
            added = " ".join(f"{k}: {v:.2f}" for k, v in rendering.action_units.items() if k != au)
            people.append(_captioned(rendering, title, added))
        tiles += people + [Image.new("RGB", (size, size))] * (-len(people) % columns)
    return _arrange(tiles, columns)


def _captioned(rendering: Rendering, title: str, note: str) -> Image.Image:
    image = Image.fromarray(rendering.image)
    draw = ImageDraw.Draw(image)
    draw.text((3, 2), title, fill=(255, 255, 0))
    draw.text((3, image.height - 13), note, fill=(255, 255, 255))
    return image


def _arrange(tiles: Sequence[Image.Image], columns: int) -> Image.Image:
    width, height = tiles[0].size
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height))
    for k, tile in enumerate(tiles):
        sheet.paste(tile, ((k % columns) * width, (k // columns) * height))
    return sheet
