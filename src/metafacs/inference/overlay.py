"""Draws results onto the picture: boxes and landmarks, and beside it every face with its action units."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metafacs.faces.alignment import align
from metafacs.inference.panels import (
    ABSENT,
    INK,
    PALE,
    PAPER,
    RULE,
    Colour,
    area,
    au_label,
    bar_notes,
    draw_bar,
    face_colours,
    font_of,
    label_width,
    model_notes,
    readable_size,
    wrapped,
)
from metafacs.inference.result import FaceResult

SMALLEST_SIDE, LARGEST_SIDE = 480, 1280
"""The picture is shown with its longer side between these, in pixels."""

MOST_PANELS = 12
"""With more faces than this, the largest are shown."""

_LINES: tuple[tuple[range, bool], ...] = (
    (range(0, 17), False),
    (range(17, 22), False),
    (range(22, 27), False),
    (range(27, 31), False),
    (range(31, 36), False),
    (range(36, 42), True),
    (range(42, 48), True),
    (range(48, 60), True),
    (range(60, 68), True),
)
_SHARPNESS = 2
# Dots and inner lips would hide a face narrower than this many pixels.
_DOTTED = 120
_ROW, _LINE, _PAD = 23, 20, 14
_BAR, _VALUE, _PORTRAIT = 110, 40, 104


def draw_overlay(
    image: NDArray[np.uint8],
    results: Sequence[FaceResult],
    thresholds: Mapping[int, float],
    *,
    synthetic: bool = False,
    experimental: Collection[int] = (),
) -> Image.Image:
    """Return the picture with its faces marked and their action units as bars beside or below it.

    A bar is the probability; the tick on it is the threshold from which on the AU counts as present, and then
    the bar has the face's colour and the AU is written in bold. Experimental ones are written in a pale
    colour.

    Args:
        image: ``height x width x 3``, uint8, RGB.
        results: What the detector said about this picture.
        thresholds: AU -> threshold 0-1.
        synthetic: Whether the model was trained on rendered faces; then a note says so.
        experimental: AUs that are not shown to carry over to real people; if one is shown, a note says so.

    Returns:
        The drawing; the picture is reduced or enlarged so that it can be read.
    """
    faces = [result for result in results if result.success]
    shown = sorted(sorted(faces, key=lambda face: -area(face))[:MOST_PANELS], key=lambda face: face.face_id)
    colours = face_colours([face.face_id for face in shown])
    picture = _mark(image, faces, colours)
    numbered = len(faces) > 1
    panels = [
        _panel(_portrait(image, face), face, thresholds, colours[face.face_id], numbered, experimental)
        for face in shown
    ]
    notes = []
    if not faces:
        notes.append("No face found.")
    if len(faces) > len(shown):
        notes.append(f"{len(faces)} faces; the {len(shown)} largest are shown.")
    if faces:
        notes += bar_notes([au for face in shown for au in face.probabilities], experimental)
    return _compose(picture, panels, notes + model_notes(synthetic))


def _mark(
    image: NDArray[np.uint8], faces: Sequence[FaceResult], colours: Mapping[int, Colour]
) -> Image.Image:
    """Return the picture at a readable size with boxes, landmarks and face numbers."""
    height, width = image.shape[:2]
    size = readable_size(width, height, SMALLEST_SIDE, LARGEST_SIDE)
    picture = Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.LANCZOS)
    # Lines are drawn larger and reduced, because Pillow does not smooth them.
    layer = Image.new("RGBA", (size[0] * _SHARPNESS, size[1] * _SHARPNESS))
    draw = ImageDraw.Draw(layer)
    zoom = np.array([size[0] / width, size[1] / height]) * _SHARPNESS
    for face in faces:
        colour = colours.get(face.face_id, PALE)
        box = (np.reshape(face.box or (0, 0, 0, 0), (2, 2)) + 0.5) * zoom
        width_of_line = _SHARPNESS * (2 if box[1, 0] - box[0, 0] > 60 * _SHARPNESS else 1)
        draw.rectangle([*box[0], *box[1]], outline=PAPER, width=width_of_line + _SHARPNESS)
        draw.rectangle([*box[0], *box[1]], outline=colour, width=width_of_line)
        if face.landmarks is not None:
            _draw_landmarks(draw, (face.landmarks + 0.5) * zoom, colour, float(box[1, 0] - box[0, 0]))
        if len(faces) > 1:
            _draw_number(draw, str(face.face_id), colour, float(box[0, 0]), float(box[0, 1]))
    layer = layer.resize(size, Image.Resampling.BOX)
    picture.paste(layer, mask=layer)
    return picture


def _draw_landmarks(
    draw: ImageDraw.ImageDraw, points: NDArray[np.float64], colour: Colour, width: float
) -> None:
    dot = min(max(width / 160, 0.5 * _SHARPNESS), 2.5 * _SHARPNESS)
    thin = max(1, round(dot * 0.6))
    lines = _LINES if width >= _DOTTED * _SHARPNESS else _LINES[:-1]
    for line, closed in lines:
        corners = [tuple(points[i]) for i in (*line, *([line[0]] if closed else []))]
        draw.line(corners, fill=colour, width=thin, joint="curve")
    if width < _DOTTED * _SHARPNESS:
        return
    for x, y in points:
        draw.ellipse([x - dot, y - dot, x + dot, y + dot], fill=PAPER, outline=colour, width=thin)


def _draw_number(draw: ImageDraw.ImageDraw, text: str, colour: Colour, left: float, top: float) -> None:
    font = font_of(15 * _SHARPNESS, bold=True)
    width, height = draw.textlength(text, font) + 10 * _SHARPNESS, 20 * _SHARPNESS
    top = max(0.0, top - height)
    draw.rectangle([left, top, left + width, top + height], fill=colour)
    draw.text((left + width / 2, top + height / 2), text, PAPER, font, anchor="mm")


def _portrait(image: NDArray[np.uint8], face: FaceResult) -> Image.Image:
    """Return the face upright, small and without marks."""
    if face.landmarks is None:
        return Image.new("RGB", (_PORTRAIT, _PORTRAIT), RULE)
    return Image.fromarray(align(image, face.landmarks, _PORTRAIT)[0])


def _panel(
    portrait: Image.Image,
    face: FaceResult,
    thresholds: Mapping[int, float],
    colour: Colour,
    numbered: bool,
    experimental: Collection[int],
) -> Image.Image:
    """Return the portrait and the bars of one face."""
    plain, strong = font_of(14), font_of(14, bold=True)
    names = {au: au_label(au) for au in face.probabilities}
    label = label_width(names.values(), strong) + 10
    head = _PORTRAIT + _PAD
    size = (2 * _PAD + label + _BAR + _VALUE, head + 6 + _ROW * len(names) + _PAD)
    panel = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(panel)
    panel.paste(portrait, (_PAD, _PAD))
    draw.rectangle([_PAD, _PAD, _PAD + _PORTRAIT, _PAD + _PORTRAIT], outline=colour, width=2)
    left = _PAD + _PORTRAIT + 12
    draw.text(
        (left, _PAD + 34),
        f"Face {face.face_id}" if numbered else "Face",
        INK,
        font_of(16, bold=True),
        anchor="lm",
    )
    draw.text((left, _PAD + 58), f"detected with confidence {face.score:.2f}", PALE, plain, anchor="lm")
    present = face.present(thresholds)
    for row, (au, probability) in enumerate(face.probabilities.items()):
        middle = head + 6 + row * _ROW + _ROW // 2
        on = present[au]
        ink, font = PALE if au in experimental else INK, strong if on else plain
        draw.text((_PAD, middle), names[au], ink, font, anchor="lm")
        left = _PAD + label
        bar = (left, middle - 6, left + _BAR, middle + 6)
        draw_bar(draw, bar, probability, thresholds[au], colour if on else ABSENT)
        draw.text((size[0] - _PAD, middle), f"{probability:.2f}", ink, font, anchor="rm")
    return panel


def _compose(picture: Image.Image, panels: Sequence[Image.Image], notes: Sequence[str]) -> Image.Image:
    """Return picture and panels, beside it where there is room and else below, and the notes at the foot."""
    font = font_of(13)
    places, width, height = _beside(picture, panels) if len(panels) <= 2 else _below(picture, panels)
    lines = wrapped(notes, width - 2 * _PAD, font)
    foot = _LINE * len(lines) + 12 if lines else 0
    drawing = Image.new("RGB", (width, height + foot), PAPER)
    drawing.paste(picture, (0, 0))
    for panel, place in zip(panels, places, strict=True):
        drawing.paste(panel, place)
    draw = ImageDraw.Draw(drawing)
    for i, line in enumerate(lines):
        draw.text((_PAD, height + 6 + _LINE * i), line, INK, font)
    return drawing


def _beside(picture: Image.Image, panels: Sequence[Image.Image]) -> tuple[list[tuple[int, int]], int, int]:
    """Return the place of every panel to the right of the picture, and the size of it all."""
    height = max([picture.height, *(panel.height for panel in panels)])
    stacked = sum(panel.height for panel in panels) <= height
    places, left, top = [], picture.width, 0
    for panel in panels:
        places.append((left, top))
        left, top = (left, top + panel.height) if stacked else (left + panel.width, 0)
    across = max((panel.width for panel in panels), default=0)
    return places, picture.width + across if stacked else left, height


def _below(picture: Image.Image, panels: Sequence[Image.Image]) -> tuple[list[tuple[int, int]], int, int]:
    """Return the place of every panel in rows below the picture, and the size of it all."""
    across, down = max(panel.width for panel in panels), max(panel.height for panel in panels)
    per_row = min(len(panels), max(2, picture.width // across))
    places = [(i % per_row * across, picture.height + i // per_row * down) for i in range(len(panels))]
    rows = -(-len(panels) // per_row)
    return places, max(picture.width, per_row * across), picture.height + rows * down
