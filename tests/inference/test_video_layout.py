from __future__ import annotations

import pytest

from metafacs.data.facts import BP4D
from metafacs.inference.panels import font_of, label_width
from metafacs.inference.video_layout import LARGEST_SIDE, MOST_PEOPLE, SMALLEST_SIDE, lay_out

AUS = (*BP4D.evaluated_aus, 5, 9, 18, 20, 25, 26, 27, 28, 43)
NOTES = [
    "Bar: probability; tick: threshold; coloured: present.",
    "Pale.",
    "Model trained on synthetic faces.",
]
SIZES = [(640, 360), (360, 640), (320, 180), (1920, 1080), (1, 1), (3, 2000), (4000, 2), (853, 479)]


@pytest.mark.parametrize("people", [0, 1, 2, MOST_PEOPLE])
@pytest.mark.parametrize("size", SIZES)
def test_everything_has_room(size: tuple[int, int], people: int) -> None:
    layout = lay_out(size, AUS, people, NOTES)
    assert layout.width % 2 == layout.height % 2 == 0
    assert SMALLEST_SIDE <= max(layout.video) <= LARGEST_SIDE
    assert layout.video[0] <= layout.width
    # The panel lies beside or below the video, and the foot below both.
    left, top = layout.panel
    assert left >= layout.video[0] or top >= layout.video[1]
    _, _, right, bottom = layout.bar_box(max(people, 1) - 1, len(AUS) - 1)
    assert right + layout.value <= layout.width
    assert bottom < layout.foot
    assert layout.video[1] <= layout.foot
    # Notes are whole, whichever way they are broken.
    assert " ".join(NOTES).split() == " ".join(layout.notes).split()
    place, first = layout.notes_from
    assert place + label_width(layout.notes, font_of(layout.type_size)) <= layout.width
    assert layout.foot + (first + len(layout.notes)) * layout.line <= layout.height


def test_columns_and_rows_do_not_touch() -> None:
    layout = lay_out((640, 360), AUS, 3, NOTES)
    for row in range(len(AUS) - 1):
        assert layout.bar_box(0, row)[3] + 2 < layout.bar_box(0, row + 1)[1]
    assert layout.bar_box(0, 0)[2] + layout.value < layout.bar_box(1, 0)[0]


def test_the_panel_goes_where_the_video_is_seen_largest() -> None:
    beside, portrait, panorama = (lay_out(size, AUS, 1, NOTES) for size in [*SIZES[:2], (1280, 300)])
    assert beside.panel == (640, 0)
    assert portrait.panel == (360, 0)
    assert panorama.panel == (0, 300)


def test_a_video_of_usual_size_is_shown_as_it_is() -> None:
    for size in ((640, 360), (720, 1280), (1280, 720), (853, 479)):
        assert lay_out(size, AUS, 1, NOTES).video == size
