from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from metafacs.data.own_results import OwnResults
from metafacs.seals import sealed


def describe(path: Path, outputs: Sequence[object], **more: object) -> None:
    """Write a description of results as 'metafacs predict' does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = sealed({"metafacs": "0.1.0", "outputs": outputs, **more})
    path.write_text(json.dumps({"written": "today"} | content))


def test_what_is_listed_beside_and_below_a_description_is_ours(tmp_path: Path) -> None:
    describe(tmp_path / "faces.csv.meta.json", ["a_overlay.png", "sub/b_overlay.png"])
    describe(tmp_path / "sub/clip.csv.meta.json", ["clip_overlay.mp4"])
    results = OwnResults()
    results.look_into(tmp_path)
    results.look_into(tmp_path / "sub", ["clip.csv.meta.json", "b.png"])
    assert tmp_path / "a_overlay.png" in results
    assert tmp_path / "sub/b_overlay.png" in results
    assert tmp_path / "sub/clip_overlay.mp4" in results
    assert tmp_path / "a.png" not in results
    assert tmp_path / "clip_overlay.mp4" not in results


def test_descriptions_of_pictures_count_above_a_folder_too(tmp_path: Path) -> None:
    describe(tmp_path / "faces.jsonl.meta.json", ["sub/more/a_overlay.png"])
    describe(tmp_path / "other.csv.meta.json", ["sub/mine.png"])
    results = OwnResults()
    results.look_above(tmp_path / "sub")
    assert tmp_path / "sub/more/a_overlay.png" in results
    assert tmp_path / "sub/mine.png" not in results
    results.look_into(tmp_path)
    assert tmp_path / "sub/mine.png" in results


@pytest.mark.parametrize(
    "change",
    [
        {"outputs": ["a.png", "mine.png"]},
        {"metafacs": None},
        {"sha256": None},
        {"outputs": "mine.png"},
    ],
)
def test_only_sealed_descriptions_of_metafacs_count(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "x.meta.json"
    describe(path, ["a.png"])
    content = json.loads(path.read_text()) | change
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    results = OwnResults()
    results.look_into(tmp_path)
    assert tmp_path / "a.png" not in results
    assert tmp_path / "mine.png" not in results


def test_nothing_elsewhere_is_taken_away(tmp_path: Path) -> None:
    describe(
        tmp_path / "out/x.meta.json", ["../mine.png", str(tmp_path / "mine.png"), "below/../../mine.png"]
    )
    describe(tmp_path / "out/y.meta.json", [7])
    (tmp_path / "out/z.meta.json").write_text("{")
    (tmp_path / "out/folder.meta.json").mkdir()
    results = OwnResults()
    results.look_into(tmp_path / "out")
    results.look_into(tmp_path / "missing")
    assert tmp_path / "mine.png" not in results
