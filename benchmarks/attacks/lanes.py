"""Attacks side by side: each lane is a copy of this process that may die or hang without harm."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from attacks.commands import limit_memory
from attacks.ground import Ground
from attacks.kinds import Kind
from attacks.verdicts import STUCK, TRACEBACK, Finding

_PR_SET_PDEATHSIG = 1
MEMORY = 6 << 30
"""Bytes that a lane may have beyond what it starts with."""


@dataclass(frozen=True)
class Trial:
    """One attack: which of its kind it is decides about everything by chance.

    Attributes:
        kind: Name of the kind.
        number: Which of the kind, from 0.
    """

    kind: str
    number: int


class _Lane:
    """A copy of this process that does one attack at a time."""

    def __init__(self, attempt: Callable[[Trial], Finding]) -> None:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            ours.close()
            _serve(theirs, attempt)
        theirs.close()
        self.socket = ours
        self.trial: Trial | None = None
        self.until = 0.0

    def give(self, trial: Trial, seconds: float) -> None:
        self.trial, self.until = trial, time.monotonic() + seconds
        self.socket.sendall(json.dumps(asdict(trial)).encode() + b"\n")

    def take(self) -> Finding | None:
        """Return the finding; None if the lane has died."""
        answer = b""
        while not answer.endswith(b"\n"):
            part = self.socket.recv(1 << 16)
            if not part:
                return None
            answer += part
        return Finding(**json.loads(answer))

    def end(self) -> int:
        """End the copy and what it has started; return its exit code, negative for a signal."""
        self.socket.close()
        # Lanes that were copied later hold the other end of the socket too, so that no end of it is seen.
        with_all = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        started = with_all.read_text().split() if with_all.exists() else []
        for pid in (*map(int, started), self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _serve(asked: socket.socket, attempt: Callable[[Trial], Finding]) -> None:
    code = 1
    try:
        _end_with_parent()
        limit_memory(MEMORY)
        with asked.makefile("rb") as lines:
            for line in lines:
                found = attempt(Trial(**json.loads(line)))
                asked.sendall(json.dumps(asdict(found)).encode() + b"\n")
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _end_with_parent() -> None:
    """Ask Linux to end this process when its parent is gone, however that ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run_trials(
    ground: Ground,
    kinds: dict[str, Kind],
    trials: Sequence[Trial],
    *,
    seed: int,
    lanes: int,
    keep: Path | None,
) -> Iterator[tuple[Trial, Finding, float]]:
    """Do attacks and yield what became of each, with the seconds it took, as they end.

    Args:
        ground: What is attacked.
        kinds: Kinds by name.
        trials: Which attacks.
        seed: Of the chance; an attack depends on it, its kind and its number only.
        lanes: How many at a time.
        keep: Folder to keep what faulty attacks leave behind; None for none.
    """

    def attempt(trial: Trial) -> Finding:
        return attempt_one(ground, kinds[trial.kind], trial, seed, keep)

    waiting = list(reversed(trials))
    chosen = selectors.DefaultSelector()
    running: list[_Lane] = []

    def open_lane() -> None:
        lane = _Lane(attempt)
        running.append(lane)
        chosen.register(lane.socket, selectors.EVENT_READ, lane)
        give_next(lane)

    def give_next(lane: _Lane) -> None:
        if waiting:
            trial = waiting.pop()
            lane.give(trial, kinds[trial.kind].seconds)
        else:
            lane.trial = None

    def close_lane(lane: _Lane) -> int:
        chosen.unregister(lane.socket)
        running.remove(lane)
        return lane.end()

    for _ in range(min(lanes, len(waiting))):
        open_lane()
    try:
        while any(lane.trial for lane in running):
            ready = {key.data for key, _ in chosen.select(timeout=0.2)}
            for lane in running.copy():
                trial, began = lane.trial, lane.until
                if trial is None:
                    continue
                took = time.monotonic() - (began - kinds[trial.kind].seconds)
                if lane in ready:
                    finding = lane.take()
                    if finding is not None:
                        give_next(lane)
                        yield trial, finding, took
                        continue
                    code = close_lane(lane)
                    finding = Finding(TRACEBACK, "", f"the process died with code {code}")
                elif time.monotonic() > lane.until:
                    close_lane(lane)
                    finding = Finding(STUCK, "", f"not ended after {took:.0f} s")
                else:
                    continue
                if waiting:
                    open_lane()
                yield trial, finding, took
    finally:
        for lane in running.copy():
            close_lane(lane)


def attempt_one(ground: Ground, kind: Kind, trial: Trial, seed: int, keep: Path | None) -> Finding:
    """Do one attack in an empty folder, which is removed, or kept if the verdict is a fault."""
    chance = Random(f"{seed} {trial.kind} {trial.number}")
    place = Path(
        tempfile.mkdtemp(prefix=f"{trial.kind.replace(' ', '_')}-{trial.number}-", dir=ground.trials)
    )
    try:
        found = kind.attack(ground, chance, place)
        if keep is not None and found.is_fault:
            kept = keep / f"{found.verdict}-{trial.kind.replace(' ', '_')}-{trial.number}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(place, kept, symlinks=True, ignore=_what_is_no_file)
        return found
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _what_is_no_file(folder: str, names: list[str]) -> list[str]:
    """Return the pipes and the like, which cannot be copied."""
    paths = {name: Path(folder, name) for name in names}
    return [
        name for name, path in paths.items() if not (path.is_symlink() or path.is_dir() or path.is_file())
    ]
