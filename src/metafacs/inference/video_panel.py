"""The bars beside a video: one column per person, one row per action unit, up to date with every frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from metafacs.inference.panels import ABSENT, INK, PALE, PAPER, Colour, au_label, draw_bar, font_of
from metafacs.inference.result import FaceResult
from metafacs.inference.stamps import Pixels, paste, text_stamp
from metafacs.inference.video_layout import Layout

_Values = list[Pixels]


class Panel:
    """Draws the panel; labels, ticks, names and digits are drawn once and copied from then on.

    Args:
        layout: Where everything stands.
        aus: Action units, one row each.
        thresholds: AU -> probability from which on it counts as present.
        experimental: AUs that are written in a pale colour.
        people: Person -> name, one column each in this order.
        colours: Person -> colour.
    """

    def __init__(
        self,
        layout: Layout,
        aus: Sequence[int],
        thresholds: Mapping[int, float],
        experimental: Collection[int],
        people: Mapping[int, str],
        colours: Mapping[int, Colour],
    ) -> None:
        self._layout, self._aus, self._thresholds = layout, tuple(aus), dict(thresholds)
        self._experimental, self._people, self._colours = frozenset(experimental), dict(people), colours
        self._ground = self._draw_ground()
        self._bold_labels = {au: self._label(au, present=True) for au in aus}
        self._headings = {person: self._heading(person, True) for person in people}
        size = layout.value, layout.row - 1
        self._values: dict[tuple[bool, bool], _Values] = {
            (pale, bold): [
                text_stamp(f"{value / 100:.2f}", self._font(bold), PALE if pale else INK, size, anchor="r")
                for value in range(101)
            ]
            for pale in (False, True)
            for bold in (False, True)
        }

    def draw(self, picture: Pixels, faces: Mapping[int, FaceResult]) -> None:
        """Draw the panel of one frame onto the picture.

        Args:
            picture: As large as the layout says.
            faces: Person -> what this frame shows of them; who is not in it stays without bars.
        """
        layout = self._layout
        paste(picture, self._ground, *layout.panel)
        present: set[int] = set()
        for column, person in enumerate(self._people):
            face = faces.get(person)
            if face is None:
                continue
            paste(picture, self._headings[person], layout.left_of(column), layout.panel[1] + layout.pad)
            present |= self._draw_column(picture, column, face, self._colours[person])
        for row, au in enumerate(self._aus):
            if au in present:
                left = layout.panel[0] + layout.pad
                paste(picture, self._bold_labels[au], left, layout.top_of(row))

    def _draw_column(self, picture: Pixels, column: int, face: FaceResult, colour: Colour) -> set[int]:
        """Draw one person's bars and return which action units are present."""
        layout, present = self._layout, set()
        for row, au in enumerate(self._aus):
            probability = face.probabilities.get(au)
            if probability is None:
                continue
            threshold = self._thresholds[au]
            on = probability >= threshold
            left, top, right, bottom = layout.bar_box(column, row)
            end = left + round((right - left) * probability)
            if end > left:
                picture[top : bottom + 1, left : end + 1] = colour if on else ABSENT
            tick, reach = left + round((right - left) * threshold), (bottom - top) // 4
            picture[top - reach : bottom + reach + 1, tick] = INK
            stamp = self._values[au in self._experimental, on][round(probability * 100)]
            paste(picture, stamp, right + 1, layout.top_of(row))
            if on:
                present.add(au)
        return present

    def _draw_ground(self) -> Pixels:
        """Return everything that is there without a face."""
        layout = self._layout
        left, top = layout.panel
        width = layout.width - left
        height = layout.foot - top
        ground = Image.new("RGB", (width, height), PAPER)
        draw = ImageDraw.Draw(ground)
        for row, au in enumerate(self._aus):
            for column in range(max(1, len(self._people))):
                x0, y0, x1, y1 = layout.bar_box(column, row)
                draw_bar(draw, (x0 - left, y0 - top, x1 - left, y1 - top), 0, self._thresholds[au], ABSENT)
        pixels = np.array(ground)
        for row, au in enumerate(self._aus):
            paste(pixels, self._label(au, present=False), layout.pad, layout.top_of(row) - top)
        for column, person in enumerate(self._people):
            paste(pixels, self._heading(person, False), layout.left_of(column) - left, layout.pad)
        return pixels

    def _label(self, au: int, *, present: bool) -> Pixels:
        ink = PALE if au in self._experimental else INK
        size = self._layout.label - 2, self._layout.row
        return text_stamp(au_label(au), self._font(present), ink, size)

    def _heading(self, person: int, seen: bool) -> Pixels:
        """Return a person's name over a line of their colour."""
        layout = self._layout
        size = layout.bar + layout.value, layout.row
        heading = text_stamp(self._people[person], self._font(True), INK if seen else PALE, size).copy()
        heading[-max(2, layout.row // 8) :] = self._colours[person] if seen else ABSENT
        return heading

    def _font(self, bold: bool) -> ImageFont.FreeTypeFont:
        return font_of(self._layout.type_size, bold=bold)
