"""What annotated pictures and videos share: colours, type, bars, notes and the size they are shown at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

from metafacs.facs import au_name
from metafacs.inference.result import FaceResult

Colour = tuple[int, int, int]

# One colour per face; readable on light and on dark, and told apart by colour-blind people (Okabe and Ito).
FACE_COLOURS: tuple[Colour, ...] = (
    (0, 158, 115),
    (213, 94, 0),
    (0, 114, 178),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
)
INK: Colour = (34, 34, 34)
PALE: Colour = (125, 125, 125)
RULE: Colour = (222, 222, 222)
PAPER: Colour = (255, 255, 255)
ABSENT: Colour = (190, 196, 202)


def face_colours(faces: Sequence[int]) -> dict[int, Colour]:
    """Return the colour of every face by its number, in the order given."""
    return {face: FACE_COLOURS[place % len(FACE_COLOURS)] for place, face in enumerate(faces)}


def area(face: FaceResult) -> float:
    """Return the area of the face's box in square pixels."""
    left, top, right, bottom = face.box or (0.0, 0.0, 0.0, 0.0)
    return (right - left) * (bottom - top)


def au_label(au: int) -> str:
    """Return how an action unit is written beside its bar."""
    return f"AU{au} {au_name(au)}"


def readable_size(width: int, height: int, smallest: int, largest: int) -> tuple[int, int]:
    """Return width and height at which the longer side lies between two lengths, all in pixels."""
    longer = max(width, height)
    scale = min(max(1.0, smallest / longer), largest / longer)
    return max(1, round(width * scale)), max(1, round(height * scale))


def draw_bar(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    probability: float,
    threshold: float,
    fill: Colour,
) -> None:
    """Draw a probability as a bar, with a tick at the threshold that stands out above and below.

    Args:
        draw: What to draw on.
        box: Left, top, right and bottom of the whole bar; all four are still drawn on.
        probability: 0-1.
        threshold: 0-1.
        fill: Of the bar.
    """
    left, top, right, bottom = box
    draw.rectangle(box, outline=RULE)
    if probability > 0:
        draw.rectangle([left, top, left + round((right - left) * probability), bottom], fill=fill)
    tick = left + round((right - left) * threshold)
    reach = (bottom - top) // 4
    draw.line([tick, top - reach, tick, bottom + reach], fill=INK, width=1)


def bar_notes(shown: Collection[int], experimental: Collection[int]) -> list[str]:
    """Return the sentences that explain the bars of the action units shown."""
    notes = ["Bar: probability; tick: threshold; coloured: present."]
    if any(au in experimental for au in shown):
        notes.append("Pale: experimental.")
    return notes


def model_notes(synthetic: bool) -> list[str]:
    """Return what must stand beside everything that the model says."""
    return ["Model trained on synthetic faces."] if synthetic else []


def wrapped(notes: Sequence[str], width: int, font: ImageFont.FreeTypeFont) -> list[str]:
    """Return the notes on as few lines as the width allows, a note never split."""
    lines: list[str] = []
    for note in notes:
        longer = f"{lines[-1]}  {note}" if lines else note
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(note)
    return lines


def label_width(labels: Iterable[str], font: ImageFont.FreeTypeFont) -> int:
    """Return the width in pixels of the longest label, 0 if there is none."""
    return max((int(font.getlength(label)) for label in labels), default=0)


@cache
def font_of(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib on every system."""
    from matplotlib import get_data_path

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / name), size)
