"""The campaign's own machinery: a judge that is wrong would make everything right."""

from __future__ import annotations

import importlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import ModuleType, SimpleNamespace

import pytest
import torch

from metafacs.files import make_durable, write_bytes, write_json
from metafacs.seals import sealed
from metafacs.tensor_files import save_tensors


def part(name: str) -> ModuleType:
    return importlib.import_module(f"attacks.{name}")


@pytest.fixture
def ground(tmp_path: Path) -> SimpleNamespace:
    (tmp_path / "trials").mkdir()
    return SimpleNamespace(trials=tmp_path / "trials")


def test_the_plan_does_every_kind_by_its_share(benchmark: ModuleType) -> None:
    kinds = {name: SimpleNamespace(share=share) for name, share in (("a", 900), ("b", 99), ("c", 1))}
    trials = benchmark.plan(kinds, 100)
    assert Counter(trial.kind for trial in trials) == {"a": 90, "b": 10, "c": 1}
    assert sorted(trial.number for trial in trials if trial.kind == "b") == list(range(10))
    assert {trial.kind for trial in trials[:60]} == {"a", "b", "c"}


def test_the_table_adds_up(benchmark: ModuleType) -> None:
    lines = benchmark.table({"models": Counter(refused=3, wrong=1), "runs": Counter(right=2)}).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0][:4] == ["kind", "tried", "refused", "right"]
    assert cells[2][:5] == ["models", "4", "3", "0", "1"]
    assert cells[-1][:5] == ["all", "6", "3", "2", "1"]
    assert len({len(line) for line in lines}) == 1


def test_a_lane_that_dies_or_hangs_is_a_fault_and_the_others_go_on(
    benchmark: ModuleType, ground: SimpleNamespace, tmp_path: Path
) -> None:
    verdicts = part("verdicts")

    def attack(ground: object, chance: Random, place: Path) -> object:
        what = chance.random()
        (place / "left").write_text("x")
        if what < 0.2:
            os.kill(os.getpid(), signal.SIGKILL)
        if what < 0.4:
            time.sleep(60)
        return verdicts.Finding("right" if what < 0.7 else "wrong", f"{what}")

    kinds = {"one": part("kinds").Kind(attack, 1, seconds=4.0)}
    chances = [Random(f"17 one {number}").random() for number in range(6)]
    expected = [
        "traceback" if c < 0.2 else "stuck" if c < 0.4 else "right" if c < 0.7 else "wrong" for c in chances
    ]
    assert set(expected) == {"traceback", "stuck", "right", "wrong"}
    trials = [part("lanes").Trial("one", number) for number in range(6)]
    keep = tmp_path / "kept"
    found = part("lanes").run_trials(ground, kinds, trials, seed=17, lanes=2, keep=keep)
    assert {trial.number: finding.verdict for trial, finding, _ in found} == dict(enumerate(expected))
    # What a wrong one left is kept; nothing else is.
    assert {path.name for path in keep.iterdir()} == {
        f"wrong-one-{number}" for number, verdict in enumerate(expected) if verdict == "wrong"
    }


@pytest.mark.parametrize("name", ["damaged_bytes", "damaged_lines", "damaged_cells", "damaged_json"])
def test_damage_is_by_chance_and_no_more(benchmark: ModuleType, name: str) -> None:
    content = json.dumps({"a": [1, 2], "b": {"c": "0,1\n1,0\n2,2\n"}}, indent=1).encode()
    damage: Callable[[bytes, Random], tuple[str, bytes]] = getattr(part("damage"), name)
    made = [damage(content, Random(number)) for number in range(60)]
    assert made == [damage(content, Random(number)) for number in range(60)]
    assert len({done for done, _ in made}) > 5
    assert sum(changed != content for _, changed in made) > 40


def test_damage_to_lines_keeps_the_values_of_the_lines_that_stay(benchmark: ModuleType) -> None:
    lines = [f"{i},{i + 1},{i + 2}".encode() for i in range(9)]
    for number in range(100):
        done, changed = part("damage").damaged_lines(b"\n".join([*lines, b""]), Random(number))
        if "misspelt" in done:
            assert b"x" in changed
            continue
        for line in changed.lstrip(b"\xef\xbb\xbf").split(b"\n"):
            cells = line.strip().split(b",")
            assert not cells[0] or any(kept.split(b",")[: len(cells)] == cells[:3] for kept in lines)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ValueError("a.csv, line 3: no AU"), "refused"),
        (ValueError("no AU"), "vague"),
        (ValueError("a.csv " * 1000), "vague"),
        (KeyError("a.csv"), "traceback"),
    ],
)
def test_an_error_is_judged_by_what_it_tells(benchmark: ModuleType, error: Exception, verdict: str) -> None:
    assert part("verdicts").judge_error(error, "cut", "a.csv").verdict == verdict


@pytest.mark.parametrize(
    ("code", "said", "same", "verdict"),
    [
        (0, "", True, "right"),
        (0, "", "labels differ", "wrong"),
        (1, "metafacs x: a.csv is damaged", True, "refused"),
        (1, "metafacs x: it is damaged", True, "vague"),
        (2, "usage: a.csv\nerror: no such option", True, "vague"),
        (-11, "", True, "traceback"),
        (1, "Traceback (most recent call last):\na.csv", True, "traceback"),
        (97, "", True, "stuck"),
    ],
)
def test_a_command_is_judged_by_its_end(
    benchmark: ModuleType, code: int, said: str, same: bool | str, verdict: str
) -> None:
    ended = part("commands").Ended(code, said, "")
    assert part("commands").judge_command(ended, "cut", lambda: same, "a.csv").verdict == verdict


def test_what_is_printed_counts_where_nothing_else_tells_the_name(benchmark: ModuleType) -> None:
    table, word = "| 1 |\n" * 50, "a.csv: failed"
    for said, printed, verdict in ((word, table, "refused"), ("", word, "refused"), ("", table, "vague")):
        ended = part("commands").Ended(1, said, printed)
        assert part("commands").judge_command(ended, "cut", lambda: True, "a.csv").verdict == verdict


def test_a_copy_is_killed_and_its_words_are_kept(benchmark: ModuleType) -> None:
    commands = part("commands")
    ended = commands.run_copy(["methods"], before=lambda: print("about to begin"))
    assert ended.code == 0
    assert "about to begin" in ended.printed
    assert "single_task" in ended.printed
    assert ended.memory > 1 << 20
    killed = commands.run_copy(["methods"], before=lambda: time.sleep(30), kill=(signal.SIGTERM, 0.05))
    assert killed.code == -signal.SIGTERM
    assert (
        commands.run_copy(["methods"], before=lambda: time.sleep(30), seconds=0.05).code == commands.ENDLESS
    )
    limited = commands.run_copy(["nothing"], before=commands.limit_files(0))
    assert limited.code == 2
    assert "nothing" in limited.said


def test_folders_are_the_same_but_for_times_claims_and_temporaries(
    benchmark: ModuleType, tmp_path: Path
) -> None:
    folders = part("folders")
    for name, seconds in (("a", 1.0), ("b", 2.0)):
        write_json(tmp_path / name / "record.json", sealed({"f1": 0.5, "seconds": seconds}))
        save_tensors(tmp_path / name / "m.safetensors", {"w": torch.ones(2)}, {"seconds": seconds})
        (tmp_path / name / f".x.{seconds:.0f}.partial").touch()
        (tmp_path / name / ".metafacs.lock").touch()
    one, other = folders.tree_of(tmp_path / "a"), folders.tree_of(tmp_path / "b")
    assert sorted(one) == ["m.safetensors", "record.json"]
    assert folders.differing(one, other) is True
    save_tensors(tmp_path / "b" / "m.safetensors", {"w": torch.zeros(2)}, {"seconds": 2.0})
    (tmp_path / "b" / "record.json").write_text("{")
    told = folders.differing(one, folders.tree_of(tmp_path / "b"))
    assert told == "m.safetensors, record.json differ"


def cut_power(work: Callable[[Path], None], folder: Path, cut: int | None, seed: int) -> list[str]:
    """Do something in a copy of this process, cut the power after some events, and lose what is not safe."""
    power_cuts = part("power_cuts")
    out, disk = folder / "out", folder / "disk"
    for path in (out, disk):
        path.mkdir(parents=True)
    child = os.fork()
    if not child:
        recorder = power_cuts.Recorder(out, disk, cut)
        recorder.install()
        work(out)
        recorder.save()
        os._exit(0)
    os.waitpid(child, 0)
    return power_cuts.lose(out, disk, Random(seed))


def test_a_power_cut_spares_what_is_on_the_disk_and_nothing_else(
    benchmark: ModuleType, tmp_path: Path
) -> None:
    def durable(out: Path) -> None:
        write_bytes(out / "a", b"old")
        write_bytes(out / "a", b"new")

    def late(out: Path) -> None:
        write_bytes(out / "a", b"old" * 99, durable=False)
        make_durable([out / "a"])
        write_bytes(out / "a", b"new" * 99, durable=False)

    seen: set[bytes | None] = set()
    for seed in range(30):
        assert cut_power(durable, tmp_path / f"durable-{seed}", None, seed) == []
        assert (tmp_path / f"durable-{seed}" / "out" / "a").read_bytes() == b"new"
        cut_power(late, tmp_path / f"late-{seed}", None, seed)
        path = tmp_path / f"late-{seed}" / "out" / "a"
        seen.add(path.read_bytes() if path.exists() else None)
    # The new one, the old one that was safe, nothing, and parts.
    assert {b"old" * 99, b"new" * 99, b""} < seen
    # In the midst of writing it again, the old one is there.
    for cut in range(1, 6):
        cut_power(durable, tmp_path / f"cut-{cut}", cut, cut)
        path = tmp_path / f"cut-{cut}" / "out" / "a"
        assert not path.exists() or path.read_bytes() in (b"old", b"new")
