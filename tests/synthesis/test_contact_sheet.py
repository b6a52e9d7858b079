from __future__ import annotations

from metafacs.synthesis.contact_sheet import draw_action_unit_sheet, draw_identity_sheet, draw_landmark_sheet


def test_sheets_have_the_asked_size() -> None:
    assert draw_action_unit_sheet((1,), size=32, columns=9).size == (9 * 32, 3 * 32)
    assert draw_identity_sheet(5, size=32, columns=3).size == (96, 64)
    assert draw_landmark_sheet(yaws=(0.0, 0.5), pitches=(0.1,), size=48).size == (96, 48)
