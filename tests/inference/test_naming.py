from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from metafacs.inference.inputs import Input
from metafacs.inference.naming import NamingError, distinct_stems


def video(path: str, root: str = "") -> Input:
    place = Path(path).relative_to(root) if root else Path(Path(path).name)
    return Input(Path(path), "video", place)


def table(found: Input, stem: Path) -> Iterable[Path]:
    return [stem.with_name(stem.name + ".csv")]


def stems(*inputs: Input, taken: Iterable[Path] = ()) -> list[str]:
    return [str(stem) for stem in distinct_stems(inputs, table, taken)]


def test_a_name_is_the_place_without_the_ending() -> None:
    inputs = [video("x/clips/a/1.mp4", "x/clips"), video("y/2.old.mov")]
    assert stems(*inputs) == ["a/1", "2.old"]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["s/a.mp4", "s/a.avi", "s/b.mp4"], ["a.mp4", "a.avi", "b"]),
        (["one/me.mp4", "two/me.mp4"], ["one/me", "two/me"]),
        (["s/A.mp4", "s/a.mp4"], ["A.mp4", "a.mp4"]),
    ],
)
def test_names_that_meet_are_made_longer_whatever_the_order(paths: list[str], expected: list[str]) -> None:
    if paths[0] == "s/A.mp4":  # Only the whole path would tell them apart where case does not count.
        with pytest.raises(NamingError, match="would have the same name"):
            stems(*map(video, paths))
        return
    for order in itertools.permutations(range(len(paths))):
        named = stems(*(video(paths[i]) for i in order))
        assert [named[order.index(i)] for i in range(len(paths))] == expected


def test_the_whole_path_is_the_last_resort() -> None:
    named = stems(video("/p/x/me.mp4"), video("/q/x/me.mp4"))
    assert named == ["p/x/me.mp4", "q/x/me.mp4"]


def test_folders_of_one_name_keep_their_layout() -> None:
    inputs = [video(f"{side}/day/1.mp4", side) for side in ("left", "right")]
    assert stems(*inputs) == ["left/day/1", "right/day/1"]


def test_what_is_taken_is_left_alone() -> None:
    assert stems(video("faces.mp4"), taken=[Path("faces.csv")]) == ["faces.mp4"]


def test_folders_of_frames_keep_their_dots() -> None:
    frames = Input(Path("/set/v1.2"), "frames", Path("v1.2"))
    assert stems(frames) == ["v1.2"]


def test_odd_and_long_names_become_names_that_every_system_takes() -> None:
    odd, long = os.fsdecode(b"a\xff\nb.mp4"), "ü" * 120 + ".mp4"
    first, second, third = stems(video(odd), video(long), video("ü" * 121 + ".mp4"))
    assert first == "a~xff~nb"
    assert second != third
    for name in (second, third):
        assert name.startswith("ü" * 70)
        assert len(f".{name}.csv.meta.json.1234567.partial".encode()) < 256
