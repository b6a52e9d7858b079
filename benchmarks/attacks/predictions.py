"""Damaged predictions: what a killed run left, and finished tables, then the same command."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from random import Random

from attacks.commands import judge_command, run_copy, run_here
from attacks.damage import damaged_bytes, damaged_json
from attacks.folders import differing, tree_of
from attacks.ground import Ground, GroundError
from attacks.interruptions import JOBS, undisturbed
from attacks.verdicts import Finding
from metafacs.inference.journal import Journal


def attack_prediction(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage what a killed prediction left, then go on; tables must be those of an undisturbed run."""
    out = place / "out"
    source = ground.once("stopped prediction", lambda: _stopped(ground))
    shutil.copytree(source, out)
    expected = ground.once("job predict", lambda: undisturbed(ground, "predict"))[0]
    target = chance.choice(sorted(path for path in out.rglob("*") if path.is_file()))
    content = target.read_bytes()
    lines = content.split(b"\n")
    if target.suffix == ".unfinished" and chance.random() < 0.6:
        i = chance.randrange(len(lines) - 1)
        attack, lines[i] = damaged_json(lines[i], chance)
        attack, changed = f"line {i}: {attack}", b"\n".join(lines)
    else:
        attack, changed = damaged_bytes(content, chance)
    target.write_bytes(changed)
    ended = run_here([*JOBS["predict"].words(ground, out), *JOBS["predict"].go_on])
    attack = f"{target.name}: {attack}"
    return judge_command(ended, attack, lambda: differing(expected, tree_of(out)), target.name, str(out))


def _stopped(ground: Ground) -> Path:
    """Return what a prediction left that was killed in the middle of a video."""
    out = ground.root / "stopped_prediction"
    if not out.exists():
        run_copy(JOBS["predict"].words(ground, out), before=_kill_in_the_midst)
        if not list(out.glob("*.unfinished")):
            raise GroundError("a prediction was not killed in the middle of a video")
    return out


def _kill_in_the_midst() -> None:
    append, seen = Journal.append, [0]

    def counted(self: Journal, results: object) -> None:
        append(self, results)  # type: ignore[arg-type]
        seen[0] += 1
        if seen[0] == 9:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.append = counted  # type: ignore[method-assign]
