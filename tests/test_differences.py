from __future__ import annotations

from metafacs.differences import differences


def test_what_two_descriptions_do_not_share_is_told() -> None:
    there = {"seed": 0, "options": {"camera": "left", "first_frame": 1}, "data": [{"name": "bp4d"}]}
    assert differences(there, there) == ""
    here = {"seed": 0, "options": {"camera": "right"}, "data": [{"name": "gft"}]}
    assert differences(there, here) == (
        "options.camera (left there, right here), options.first_frame (1 there, nothing here), "
        "data.0.name (bp4d there, gft here)"
    )


def test_long_and_many_differences_are_cut() -> None:
    told = differences(dict.fromkeys("abcde", 0), {**dict.fromkeys("abcde", 1), "a": "x\n" * 99})
    assert told.endswith("..." + " here), b (0 there, 1 here), c (0 there, 1 here), and 2 more")
    assert "\n" not in told
