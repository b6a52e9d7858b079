"""Kills, two processes at once and full disks: the same command goes on and ends with the same bytes."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from attacks.commands import BUG, ENDLESS, PATIENCE, Ended, limit_files, run_copies, run_copy, run_here
from attacks.folders import differing, tree_of
from attacks.ground import Ground, GroundError
from attacks.verdicts import LOST, REFUSED, RIGHT, STUCK, TRACEBACK, VAGUE, WRONG, Finding

_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_STOPPED = (130, 143)


@dataclass(frozen=True)
class Job:
    """A command that is interrupted.

    Attributes:
        words: Its words, given the folder that it writes.
        go_on: Words to add when it goes on.
    """

    words: Callable[[Ground, Path], list[object]]
    go_on: tuple[str, ...] = ()


def _twin_words(ground: Ground, out: Path) -> list[object]:
    return ["twin", "raf_db", "--preset", "tiny", "--root", out, "--workers", "1", "--progress", "false"]


JOBS: dict[str, Job] = {
    "prepare": Job(lambda ground, out: ground.prepare_words(out)),
    "train": Job(lambda ground, out: ground.train_words(out)),
    "compare": Job(lambda ground, out: ground.compare_words(out)),
    "twin": Job(_twin_words),
    "predict": Job(
        lambda ground, out: ground.predict_words(out, ground.clip, *ground.pictures[:4]), ("--resume",)
    ),
    "personalise": Job(lambda ground, out: ground.personalise_words(out / "me.safetensors")),
    "report": Job(lambda ground, out: ["report", ground.comparison, "--out", out]),
    "evaluate": Job(
        lambda ground, out: ["evaluate", ground.model, "--action_units", ground.store, "--out", out]
    ),
}
"""Name -> command."""

_LONG = ("prepare", "train", "compare", "predict", "prepare", "train", "compare", "predict", "twin")


def attack_with_kill(ground: Ground, chance: Random, place: Path) -> Finding:
    """Kill a command at a moment of its run, sometimes twice, then give it again."""
    name = chance.choice((*_LONG, *JOBS))
    job, out = JOBS[name], place / "out"
    expected, seconds = ground.once(f"job {name}", lambda: undisturbed(ground, name))
    ended: list[Ended] = []
    attack = name
    for _ in range(chance.choice((1, 1, 2))):
        number, delay = chance.choice(_SIGNALS), chance.uniform(0, seconds)
        words = [*job.words(ground, out), *(job.go_on if ended else ())]
        ended.append(run_copy(words, kill=(number, delay), seconds=PATIENCE))
        attack += f", {number.name} after {delay:.3f} s"
        if finding := _bad_end(ended[-1], attack, (-number, 0, *_STOPPED)):
            return finding
    return go_on(ground, name, out, attack, expected)


def attack_with_another(ground: Ground, chance: Random, place: Path) -> Finding:
    """Do the same at the same time in one folder: one is done, the others are refused or find it done."""
    name = chance.choice(("prepare", "train", "compare", "twin", "train with another seed"))
    out = place / "out"
    apart = chance.choice((0.0, 0.02, 0.1, 0.3))
    attack = f"two times {name}, {apart} s apart"
    if name == "train with another seed":
        commands = [ground.train_words(out, seed=seed) for seed in (0, 1)]
        expected = ground.once("two seeds", lambda: [_trained(ground, seed) for seed in (0, 1)])
    else:
        commands = [JOBS[name].words(ground, out)] * 2
        expected = [ground.once(f"job {name}", lambda: undisturbed(ground, name))[0]] * 2
    both = run_copies(commands, seconds=PATIENCE, apart=apart)
    for one in both:
        if finding := _bad_end(one, attack, (0, 1)):
            return finding
        if one.code and str(out) not in one.said:
            return Finding(VAGUE, attack, one.last)
    done = [i for i, one in enumerate(both) if not one.code]
    if not done:
        return Finding(LOST, attack, f"both are refused: {both[0].last}; {both[1].last}")
    if len(done) == 2 and expected[0] != expected[1]:
        return Finding(LOST, attack, "both succeeded, and one model is gone")
    differs = differing(expected[done[0]], tree_of(out))
    return Finding(RIGHT, attack) if differs is True else Finding(WRONG, attack, str(differs))


def attack_with_full_disk(ground: Ground, chance: Random, place: Path) -> Finding:
    """Let no file be larger than some bytes, as if the disk were full; then make room and go on."""
    name = chance.choice(sorted(JOBS))
    job, out = JOBS[name], place / "out"
    expected, _ = ground.once(f"job {name}", lambda: undisturbed(ground, name))
    largest = max(len(content) for content in expected.values())
    size = int(chance.choice((0.0, 0.5, 1.0, 1.0)) * chance.random() * largest)
    attack = f"{name}, no file larger than {size} bytes"
    ended = run_copy(job.words(ground, out), before=limit_files(size), seconds=PATIENCE)
    if finding := _bad_end(ended, attack, (0, 1)):
        return finding
    if ended.code == 0 and differing(expected, tree_of(out)) is not True:
        return Finding(LOST, attack, "it says that it succeeded, but not all is there")
    return go_on(ground, name, out, attack, expected, said=ended.last)


def go_on(
    ground: Ground,
    name: str,
    out: Path,
    attack: str,
    expected: dict[str, bytes],
    *,
    said: str = "",
) -> Finding:
    """Give an interrupted command again and judge what it leaves."""
    job = JOBS[name]
    ended = run_copy([*job.words(ground, out), *job.go_on], seconds=PATIENCE)
    if ended.code == ENDLESS:
        return Finding(STUCK, attack, ended.last)
    if ended.code == BUG or ended.code < 0:
        return Finding(TRACEBACK, attack, f"gone on: {ended.said[-500:]}")
    if ended.code:
        return Finding(LOST, attack, f"does not go on: {ended.last}")
    differs = differing(expected, tree_of(out))
    if differs is not True:
        return Finding(WRONG, attack, str(differs))
    if left := [path.name for path in out.rglob(".*.partial")]:
        return Finding(LOST, attack, f"rubbish stays: {left}")
    return Finding(REFUSED, attack, said) if said else Finding(RIGHT, attack)


def undisturbed(ground: Ground, name: str) -> tuple[dict[str, bytes], float]:
    """Return what a command leaves, and the seconds that it takes."""
    out = ground.trials / f"undisturbed-{name}-{time.monotonic_ns()}"
    began = time.monotonic()
    ended = run_copy(JOBS[name].words(ground, out))
    seconds = time.monotonic() - began
    if ended.code:
        raise GroundError(f"{name} ended with {ended.code}: {ended.said[-500:]}")
    left = tree_of(out)
    shutil.rmtree(out)
    return left, seconds


def _trained(ground: Ground, seed: int) -> dict[str, bytes]:
    out = ground.trials / f"seed-{seed}-{time.monotonic_ns()}"
    ended = run_here(ground.train_words(out, seed=seed))
    if ended.code:
        raise GroundError(json.dumps(ended.said))
    left = tree_of(out)
    shutil.rmtree(out)
    return left


def _bad_end(ended: Ended, attack: str, codes: tuple[int, ...]) -> Finding | None:
    if ended.code == ENDLESS:
        return Finding(STUCK, attack, ended.last)
    # Python itself passes over Ctrl-C at moments such as the end of an object, and says so.
    traced = "Traceback (most recent call last)" in ended.said and "Exception ignored in" not in ended.said
    if ended.code not in codes or traced:
        return Finding(TRACEBACK, attack, f"code {ended.code}: {ended.said[-500:]}")
    return None
