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

_ROWS = range(15, 29)
"""Heights that a row of the panel may have, in pixels."""

_READABLE = 17
"""Height of a row on that screen from which on it is read with ease, in pixels."""

_LONGEST_BAR = 8
"""Times the height of a row."""

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
        notes_from: Left end of the notes, and the line of the foot that they begin on.
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
    notes_from: tuple[int, int]

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


def lay_out(video: tuple[int, int], aus: Sequence[int], people: int, notes: Sequence[str]) -> Layout:
    """Return the layout that can be seen best on a screen, the panel beside the video or below it.

    Args:
        video: Its width and height in pixels.
        aus: Action units, one row each.
        people: How many have a column.
        notes: Sentences for the foot.
    """
    size = readable_size(*video, SMALLEST_SIDE, LARGEST_SIDE)
    choices = [_arranged(size, aus, people, notes, row, beside) for beside in (True, False) for row in _ROWS]
    return max(choices, key=_visibility)


def _visibility(layout: Layout) -> float:
    """Return how large the video is seen on a screen, less if the panel cannot be read there."""
    scale = min(_SCREEN[0] / layout.width, _SCREEN[1] / layout.height)
    return scale * min(1.0, layout.row * scale / _READABLE)


def _arranged(
    video: tuple[int, int], aus: Sequence[int], people: int, notes: Sequence[str], row: int, beside: bool
) -> Layout:
    type_size, pad = _type_size(row), row // 2
    strong, plain = font_of(type_size, bold=True), font_of(type_size)
    label = label_width(map(au_label, aus), strong) + pad
    bar = round(row * (7 if people < 2 else 4.5 if people < 4 else 3.5))
    value = int(strong.getlength("0.00")) + pad
    if not beside:
        room = (video[0] - pad - label) // max(people, 1) - value - pad
        bar = min(max(bar, room), row * _LONGEST_BAR)
    columns = max(people, 1) * (bar + value + pad)
    panel = pad + label + columns, _heading(row) + len(aus) * row + pad
    left, top = (video[0], 0) if beside else (0, video[1])
    width = max(video[0], left + panel[0], label_width(notes, plain) + 2 * pad)
    width += width % 2
    foot = max(video[1], top + panel[1])
    time = int(plain.getlength(f"{_LONGEST_TIME}  {_LONGEST_STATUS}")) + row
    lines = wrapped(notes, width - 2 * pad - time, plain)
    aside = len(lines) <= 1 and label_width(lines, plain) <= width - 2 * pad - time
    if not aside:
        lines = wrapped(notes, width - 2 * pad, plain)
    height = foot + 2 * (pad // 2) + max(1, len(lines) + (not aside)) * (type_size * 3 // 2)
    places = (pad + time, 0) if aside else (pad, 1)
    return Layout(
        width, height + height % 2, video, (left, top), row, label, bar, value, foot, time, lines, places
    )


def _heading(row: int) -> int:
    return row * 2


def _type_size(row: int) -> int:
    return round(row * 0.72)
