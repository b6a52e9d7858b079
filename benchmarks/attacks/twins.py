"""Damaged twins: rendered on, or given again, they are the same to the byte."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from random import Random
from typing import Any

from attacks.commands import judge_command, run_copy, run_here
from attacks.damage import damaged_bytes, damaged_json
from attacks.folders import differing, tree_of
from attacks.ground import Ground, GroundError
from attacks.interruptions import JOBS, undisturbed
from attacks.verdicts import Finding

_CHUNKS = ".chunks"


def attack_twin(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a file of a twin that was stopped half-way, then go on."""
    root = place / "twin"
    shutil.copytree(ground.once("stopped twin", lambda: _stopped(ground)), root)
    expected = ground.once("job twin", lambda: undisturbed(ground, "twin"))[0]
    paths = [
        path for path in sorted(root.rglob("*")) if path.is_file() and not path.name.startswith(".metafacs")
    ]
    few = [path for path in paths if path.suffix in (".json", ".csv")]
    target = chance.choice(few if few and chance.random() < 0.5 else paths)
    if target.suffix == ".json":
        done, changed = damaged_json(target.read_bytes(), chance)
    else:
        done, changed = damaged_bytes(target.read_bytes(), chance)
    if chance.random() < 0.1:
        target.unlink()
        done = "gone"
    else:
        target.write_bytes(changed)
    ended = run_here(JOBS["twin"].words(ground, root))
    attack = f"{target.relative_to(root).as_posix()}: {done}"
    return judge_command(ended, attack, lambda: differing(expected, tree_of(root)), str(root), target.name)


def _stopped(ground: Ground) -> Path:
    """Return a twin that was killed after its third chunk."""
    root = ground.root / "stopped_twin"
    if not root.exists():
        run_copy(JOBS["twin"].words(ground, root), before=_kill_after_chunks)
        if not list((root / _CHUNKS).glob("*.json")):
            raise GroundError("a twin was not killed half-way")
    return root


def _kill_after_chunks() -> None:
    replace, seen = os.replace, [0]

    def replaced(old: Any, new: Any, **more: Any) -> None:
        replace(old, new, **more)
        seen[0] += f"/{_CHUNKS}/" in os.fspath(new)
        if seen[0] == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replaced  # type: ignore[assignment]
