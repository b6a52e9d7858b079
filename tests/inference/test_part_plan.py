from __future__ import annotations

import os
from pathlib import Path

import pytest

from metafacs.inference import part_plan
from metafacs.inference.inputs import Input, Inputs, list_inputs
from metafacs.inference.part_plan import (
    LIST,
    PLAN,
    PartPlan,
    PlanError,
    differences,
    listed_files,
    read_plan,
    write_plan,
)

RUN = {"model": "a", "aus": (1, 2)}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    Path("set").mkdir()
    return tmp_path


def plan(run: dict[str, object] | None = None, size: int | None = 2) -> PartPlan:
    inputs = list_inputs(["set"], Path("out"), Inputs())
    write_plan(Path("out"), inputs, run or RUN, os.getcwd(), files_per_part=size)
    return read_plan(Path("out"))


def make(*names: str) -> None:
    for name in names:
        path = Path(os.fsdecode(os.path.join(b"set", os.fsencode(name))))
        path.write_bytes(name.encode(errors="surrogateescape"))
        os.utime(path, ns=(5, 7))


def test_parts_hold_every_file_once_and_one_kind(folder: Path) -> None:
    make("a.jpg", "b.mp4", "c.jpg", "d.png", "e.mp4", "f.mp4", "g.png", "h.png", os.fsdecode(b"\xff.png"))
    made = plan()
    listed = [file for part in made.parts for file in listed_files(made.out, made.folder, part)]
    assert [file.number for file in listed] == list(range(9))
    assert sorted(file.name for file in listed) == sorted(
        found.name for found in list_inputs(["set"], Path("out"), Inputs())
    )
    assert [(part.kind, part.first, part.files) for part in made.parts] == [
        ("picture", 0, 2),
        ("video", 2, 2),
        ("picture", 4, 2),
        ("picture", 6, 2),
        ("video", 8, 1),
    ]
    for part in made.parts:
        assert {file.input.kind for file in listed_files(made.out, made.folder, part)} == {part.kind}
    # Paths do not depend on where the command is given.
    assert all(file.input.path.is_absolute() and file.input.path.is_file() for file in listed)
    assert listed[0].name == "set/a.jpg"
    assert (listed[0].size, listed[0].changed_ns) == (5, 7)
    assert listed[7].name.endswith("\\xff.png")


def test_names_tell_what_a_part_is_of() -> None:
    make(*(f"{i}.png" for i in range(4)))
    names = [part.name for part in plan().parts]
    assert [part.name for part in plan().parts] == names
    os.utime("set/3.png", ns=(5, 8))
    changed = [part.name for part in plan().parts]
    assert changed[0] == names[0]
    assert changed[1] != names[1]
    others = [part.name for part in plan({"model": "b"}).parts]
    assert not {*others} & {*names}


def test_a_plan_tells_what_differs() -> None:
    make("a.png")
    made = plan()
    assert differences(made, {"aus": [1, 2], "model": "a"}) == []
    assert differences(made, {"aus": [1, 2], "model": "b"}) == ["model was 'a' and is 'b'"]


def test_too_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    make(*(f"{i}.png" for i in range(4)))
    monkeypatch.setattr(part_plan, "MOST_PARTS", 3)
    assert len(plan(size=2).parts) == 2
    with pytest.raises(PlanError, match="more than 3 parts; give a larger number with --files_per_part"):
        plan(size=1)


def test_a_list_that_was_damaged_is_refused() -> None:
    make("a.png", "b.png", "c.png")
    made = plan()
    path = Path("out", LIST)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(PlanError, match=r"list\.parquet is missing or damaged"):
        read_plan(Path("out"))
    path.unlink()
    with pytest.raises(PlanError, match=r"list\.parquet cannot be read"):
        listed_files(made.out, made.folder, made.parts[0])
    text = Path("out", PLAN).read_text()
    Path("out", PLAN).write_text(text.replace('"files": 3', '"files": 4'))
    with pytest.raises(PlanError, match="damaged or was edited"):
        read_plan(Path("out"))


def test_folders_of_frames_change_with_their_pictures() -> None:
    make("1.png", "2.png")
    frames = Input(Path("set"), "frames", Path("set"))
    before = part_plan.state_of(frames)
    assert before == (10, 7)
    os.utime("set/2.png", ns=(5, 9))
    assert part_plan.state_of(frames) == (10, 9)
    assert part_plan.state_of(Input(Path("gone.png"), "picture", Path("gone.png"))) == (-1, 0)
