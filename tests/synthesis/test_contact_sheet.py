from __future__ import annotations

from metafacs.synthesis.contact_sheet import draw_action_unit_sheet


def test_the_sheet_has_the_asked_size() -> None:
    assert draw_action_unit_sheet((1,), size=32, columns=9).size == (9 * 32, 3 * 32)
