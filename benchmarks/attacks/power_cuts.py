"""Power cuts: what was not on the disk yet is lost, in part or at all; then the same command goes on.

The model of a disk is the one that POSIX promises and no more. What a file holds is safe from the moment that
it is synchronised, a new name or a removed one from the moment that its folder is. Until then a file may be
empty, cut, hold zeros, or have what it held when it was last synchronised; a name may be the old or the new
one, and what was removed may be there again. A folder that holds something safe is safe itself.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from attacks.commands import ENDLESS, PATIENCE, run_copy
from attacks.damage import PAGE
from attacks.folders import differing, tree_of
from attacks.ground import Ground
from attacks.interruptions import JOBS, go_on, undisturbed
from attacks.verdicts import LOST, RIGHT, STUCK, TRACEBACK, Finding

_CUT = (
    "prepare",
    "train",
    "compare",
    "predict",
    "personalise",
    "prepare",
    "train",
    "compare",
    "twin",
    "evaluate",
)


class Recorder:
    """What a process does to the files below a folder, and which of it is on the disk.

    Args:
        folder: Changes outside are passed over.
        place: Where copies are kept; outside of the folder.
        cut: Number of the event after which the power is gone; None for never.
    """

    def __init__(self, folder: Path, place: Path, cut: int | None) -> None:
        self._folder, self._place, self._cut = os.path.realpath(folder), place, cut
        self._events, self._copies = 0, 0
        self.synchronised: dict[int, str] = {}
        self.pending: list[dict[str, str | None]] = []

    def install(self) -> None:
        """Put itself between this process and the operating system."""
        fsync, replace, rename, unlink = os.fsync, os.replace, os.rename, os.unlink

        def recorded_fsync(file: Any) -> None:
            number = file if isinstance(file, int) else file.fileno()
            fsync(number)
            self._synchronise(os.readlink(f"/proc/self/fd/{number}"), number)

        def recorded_rename(does: Callable[..., None]) -> Callable[..., None]:
            def renamed(old: Any, new: Any, **more: Any) -> None:
                first, second = (
                    self._path(old, more.get("src_dir_fd")),
                    self._path(new, more.get("dst_dir_fd")),
                )
                known = None
                if self._is_below(second):
                    known = {"old": first, "new": second, "before": self._copy(second)}
                does(old, new, **more)
                self._happened(known)

            return renamed

        def recorded_unlink(path: Any, *, dir_fd: int | None = None) -> None:
            name = self._path(path, dir_fd)
            known = None
            if self._is_below(name) and os.path.isfile(name):
                known = {"old": None, "new": name, "before": self._copy(name)}
            unlink(path, dir_fd=dir_fd)
            self._happened(known)

        os.fsync = os.fdatasync = recorded_fsync  # type: ignore[assignment]
        os.replace, os.rename = recorded_rename(replace), recorded_rename(rename)
        os.unlink = os.remove = recorded_unlink

    def save(self) -> None:
        """Write down what is known, for :func:`lose`."""
        known = {
            "events": self._events,
            "synchronised": {str(inode): copy for inode, copy in self.synchronised.items()},
            "pending": self.pending,
        }
        (self._place / "disk.json").write_text(json.dumps(known))

    def _happened(self, known: dict[str, str | None] | None) -> None:
        if known is not None:
            self.pending.append(known)
            self._count()

    def _count(self) -> None:
        self._events += 1
        if self._cut is not None and self._events > self._cut:
            self.save()
            os.kill(os.getpid(), signal.SIGKILL)

    def _synchronise(self, name: str, number: int) -> None:
        if not self._is_below(name):
            return
        if os.path.isdir(name):
            self.pending = [one for one in self.pending if os.path.dirname(one["new"] or "") != name]
        else:
            copy = self._copy(name)
            if copy is not None:
                self.synchronised[os.fstat(number).st_ino] = copy
        self._count()

    def _copy(self, name: str) -> str | None:
        if not os.path.isfile(name):
            return None
        self._copies += 1
        copy = str(self._place / f"copy-{self._copies}")
        shutil.copyfile(name, copy)
        return copy

    def _path(self, path: Any, folder: int | None) -> str:
        name = os.fsdecode(os.fspath(path))
        before = os.readlink(f"/proc/self/fd/{folder}") if folder is not None else os.getcwd()
        joined = os.path.join(before, name)
        return os.path.join(os.path.realpath(os.path.dirname(joined)), os.path.basename(joined))

    def _is_below(self, name: str) -> bool:
        return name.startswith(f"{self._folder}/") or name == self._folder


def lose(folder: Path, place: Path, chance: Random) -> list[str]:
    """Take from a folder what was not on the disk, as chance has it; return what is lost.

    Args:
        folder: The folder of the :class:`Recorder`.
        place: Where it kept its copies.
        chance: Decides for each file and name.
    """
    known = json.loads((place / "disk.json").read_text())
    safe = {int(inode): Path(copy) for inode, copy in known["synchronised"].items()}
    lost = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        copy = safe.get(path.stat().st_ino)
        content = path.read_bytes()
        if copy is not None and copy.read_bytes() == content:
            continue
        if path.name.startswith(".metafacs"):
            continue  # Claims end with their process; what they hold is for people.
        done = _lose_content(path, content, copy, chance)
        if done:
            lost.append(f"{path.relative_to(folder).as_posix()} {done}")
    for one in reversed(known["pending"]):
        if chance.random() < 0.5:
            continue
        lost.append(_undo(one, folder))
    return lost


def attack_with_power_cut(ground: Ground, chance: Random, place: Path) -> Finding:
    """Cut the power after some writes of a command, or after its end, then give the command again."""
    name = chance.choice(_CUT)
    out, disk = place / "out", place / "disk"
    disk.mkdir()
    expected, _ = ground.once(f"job {name}", lambda: undisturbed(ground, name))
    events = ground.once(f"events {name}", lambda: _events(ground, name))
    # Beyond the last event the command has said that it is done.
    cut = chance.randrange(events + 2)

    def before() -> None:
        recorder = Recorder(out, disk, cut)
        recorder.install()
        _at_end(recorder)

    ended = run_copy(JOBS[name].words(ground, out), before=before, seconds=PATIENCE)
    attack = f"{name}, power cut after {cut} of {events} events"
    if ended.code == ENDLESS:
        return Finding(STUCK, attack, ended.last)
    if ended.code not in (0, -signal.SIGKILL):
        return Finding(TRACEBACK, attack, f"code {ended.code}: {ended.said[-500:]}")
    if not (disk / "disk.json").exists():
        return Finding(RIGHT, attack, "nothing was written")
    lost = lose(out, disk, chance)
    attack += f"; {', '.join(lost) or 'nothing lost'}"[:300]
    if ended.code == 0 and name != "predict":
        # What should have been removed may be there; going on will tell.
        left = {name: content for name, content in tree_of(out).items() if name in expected}
        differs = differing(expected, left)
        if differs is not True and any(not one.startswith(".") for one in lost):
            return Finding(LOST, attack, f"after it said that it was done: {differs}")
    return go_on(ground, name, out, attack, expected)


def _lose_content(path: Path, content: bytes, copy: Path | None, chance: Random) -> str:
    what = chance.choice(("empty", "cut", "zeros", "kept", "kept", "old"))
    if what == "empty":
        path.write_bytes(b"")
        return "emptied"
    if what == "cut" and content:
        path.write_bytes(content[: chance.randrange(len(content))])
        return "cut"
    if what == "zeros" and content:
        start = chance.randrange(len(content)) // PAGE * PAGE
        path.write_bytes(content[:start] + bytes(len(content) - start))
        return f"zero from {start}"
    if what == "old" and copy is not None:
        shutil.copyfile(copy, path)
        return "as it was"
    return ""


def _undo(one: dict[str, str | None], folder: Path) -> str:
    """Undo a change of names."""
    assert one["new"] is not None
    new = Path(one["new"])
    if one["old"] is not None and new.exists():
        old = Path(one["old"])
        old.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(new, old)
    if one["before"] is not None:
        new.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one["before"], new)
    name = new.relative_to(os.path.realpath(folder)).as_posix()
    return f"{name} {'not renamed' if one['old'] else 'not removed'}"


def _at_end(recorder: Recorder) -> None:
    """Let the state be written down when the command is done, for cuts after its end."""
    leave = os._exit

    def left(code: int) -> Any:
        recorder.save()
        leave(code)

    os._exit = left  # type: ignore[assignment]


def _events(ground: Ground, name: str) -> int:
    place = ground.trials / f"events-{name}-{os.getpid()}"
    (place / "disk").mkdir(parents=True)

    def before() -> None:
        recorder = Recorder(place / "out", place / "disk", None)
        recorder.install()
        _at_end(recorder)

    run_copy(JOBS[name].words(ground, place / "out"), before=before)
    events = int(json.loads((place / "disk" / "disk.json").read_text())["events"])
    shutil.rmtree(place)
    return events
