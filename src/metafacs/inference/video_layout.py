"""Where everything stands in an annotated video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metafacs.inference.panels import au_label, font_of, label_width, readable_size, wrapped

SMALLEST_SIDE, LARGEST_SIDE = 640, 1280
"""The video is shown with its longer side between these, in pixels."""

MOST_PEOPLE = 6
"""With more people than this, the most present have bars."""

_SCREEN = 1280, 720
_ROWS = 15, 28
"""Lowest and highest row of the panel in pixels."""

_LONGEST_TIME = "0:00:00.00  frame 000000"
_LONGEST_STATUS = "frame could not be read"


@dataclass(frozen=True)
class Layout:
    """Sizes and places in pixels, all from the top left corner of the picture.

    Attributes:
        width: Of the picture; even, as encoders want it.
        height: Of the picture; even.
        video: Width and height of the video in it, which lies in the top left corner.
        panel: Left and top of the panel.
        row: Height of a row of the panel.
        label: Width of an action unit's label.
        bar: Width of a bar.
        value: Width of a probability beside its bar.
        foot: Top of the foot.
        time: Width of the time at the foot's left.
        notes: Lines of notes at the foot.
    """

    width: int
    height: int
    video: tuple[int, int]
    panel: tuple[int, int]
    row: int
    label: int
    bar: int
    value: int
    foot: int
    time: int
    notes: list[str]

    @property
    def type_size(self) -> int:
        """Size of the type in pixels."""
        return _type_size(self.row)

    @property
    def pad(self) -> int:
        """Space between parts."""
        return self.row // 2

    @property
    def line(self) -> int:
        """Height of a line of the foot."""
        return self.type_size * 3 // 2

    def top_of(self, row: int) -> int:
        """Return the top of an action unit's row."""
        return self.panel[1] + _heading(self.row) + row * self.row

    def left_of(self, person: int) -> int:
        """Return the left end of the bars in a person's column."""
        return self.panel[0] + self.pad + self.label + person * (self.bar + self.value + self.pad)

    def bar_box(self, person: int, row: int) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom of a bar; all four are still drawn on."""
        left, half = self.left_of(person), round(self.row * 0.27)
        middle = self.top_of(row) + self.row // 2
        return left, middle - half, left + self.bar, middle + half


def lay_out(
    video: tuple[int, int],
    aus: Sequence[int],
    people: int,
    notes: Sequence[str],
) -> Layout:
    """Return the layout that shows largest on a screen: the panel beside the video or below it.

    Args:
        video: Its width and height in pixels.
        aus: Action units, one row each.
        people: How many have a column.
        notes: Sentences for the foot.
    """
    size = readable_size(*video, SMALLEST_SIDE, LARGEST_SIDE)
    choices = [_arranged(size, aus, people, notes, beside) for beside in (True, False)]
    return max(choices, key=lambda one: min(_SCREEN[0] / one.width, _SCREEN[1] / one.height))


def _arranged(
    video: tuple[int, int], aus: Sequence[int], people: int, notes: Sequence[str], beside: bool
) -> Layout:
    # Beside the video the panel is as high as it; below it, in proportion to a video that wide.
    fitting = video[1] / (len(aus) + 2.5) if beside else video[0] * _ROWS[0] / SMALLEST_SIDE
    row = int(min(max(fitting, _ROWS[0]), _ROWS[1]))
    pad, strong, plain = row // 2, font_of(_type_size(row), bold=True), font_of(_type_size(row))
    label = label_width(map(au_label, aus), strong) + pad
    bar = round(row * (7 if people < 2 else 4.5 if people < 4 else 3.5))
    value = int(strong.getlength("0.00")) + pad
    columns = max(people, 1) * (bar + value + pad)
    panel = pad + label + columns, _heading(row) + len(aus) * row + pad
    left, top = (video[0], 0) if beside else (0, video[1])
    width, foot = max(video[0], left + panel[0]), max(video[1], top + panel[1])
    width += width % 2
    time = int(plain.getlength(f"{_LONGEST_TIME}  {_LONGEST_STATUS}")) + row
    lines = wrapped(notes, width - 2 * pad - time, plain)
    height = foot + 2 * (pad // 2) + max(1, len(lines)) * (_type_size(row) * 3 // 2)
    return Layout(width, height + height % 2, video, (left, top), row, label, bar, value, foot, time, lines)


def _heading(row: int) -> int:
    return row * 2


def _type_size(row: int) -> int:
    return round(row * 0.72)
