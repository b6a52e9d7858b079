"""Commands of metafacs in this process, or in a copy of it that can be killed."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attacks.verdicts import REFUSED, RIGHT, STUCK, TRACEBACK, WRONG, Finding, judge_message, place_of
from metafacs.cli import main as metafacs

USAGE, STOPPED = 2, 130
PATIENCE = 60.0
"""Seconds after which a command that takes one counts as stuck."""

_LONGEST = 1 << 20
"""Bytes that a command may print; more would wait for somebody who reads."""

_SENT = (signal.SIGINT, signal.SIGTERM)

BUG, ENDLESS = 98, 97
"""Exit codes of a copy whose command raised what it should not, or that had to be ended."""


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Exit code; negative for a signal.
        said: What it wrote to the standard error, with the traceback if there is one.
        printed: What it wrote to the standard output.
        memory: Highest demand for memory of a copy, in bytes; 0 if not in a copy.
    """

    code: int
    said: str
    printed: str
    memory: int = 0

    @property
    def last(self) -> str:
        """The last line that it said."""
        return ([line for line in self.said.splitlines() if line.strip()] or [""])[-1][:400]


def run_here(words: Sequence[object]) -> Ended:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = _code_of(words)
    return Ended(code, err.getvalue(), out.getvalue())


def run_copy(
    words: Sequence[object],
    *,
    before: Callable[[], None] | None = None,
    kill: tuple[int, float] | None = None,
    seconds: float = 60.0,
    folder: Path | None = None,
) -> Ended:
    """Run a command in a copy of this process.

    Args:
        words: The command.
        before: What the copy does first, such as to limit itself.
        kill: Signal to send it, and after how many seconds.
        seconds: When it is ended.
        folder: Where it runs.
    """
    (ended,) = run_copies([words], before=before, kill=kill, seconds=seconds, folder=folder)
    return ended


def run_copies(
    commands: Sequence[Sequence[object]],
    *,
    before: Callable[[], None] | None = None,
    kill: tuple[int, float] | None = None,
    seconds: float = 60.0,
    folder: Path | None = None,
    apart: float = 0.0,
) -> list[Ended]:
    """Run several commands at the same time, each in a copy of this process; see :func:`run_copy`.

    Args:
        commands: The commands.
        before: What every copy does first.
        kill: Signal to send the first, and after how many seconds.
        seconds: When they are ended.
        folder: Where they run.
        apart: Seconds between their starts.
    """
    sys.stdout.flush()
    began = time.monotonic()
    pids, streams = [], []
    for i, words in enumerate(commands):
        if i:
            time.sleep(apart)
        pid, stream = _start(words, before, folder)
        pids.append(pid)
        streams.append(stream)
    ended: dict[int, tuple[int, int]] = {}
    while len(ended) < len(pids):
        passed = time.monotonic() - began
        if kill is not None and passed >= kill[1]:
            if pids[0] not in ended:
                os.kill(pids[0], kill[0])
            kill = None
        for pid in pids:
            if pid in ended:
                continue
            found, status, used = os.wait4(pid, os.WNOHANG)
            if found:
                ended[pid] = os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024
            elif passed > seconds:
                # It may not have its group yet.
                for end in (os.killpg, os.kill):
                    with contextlib.suppress(ProcessLookupError):
                        end(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                ended[pid] = ENDLESS, 0
        time.sleep(0.003)
    return [
        Ended(ended[pid][0], _text(said), _text(printed), ended[pid][1])
        for pid, (printed, said) in zip(pids, streams, strict=True)
    ]


def judge_command(ended: Ended, attack: str, same: Callable[[], bool | str], *names: str) -> Finding:
    """Return what the end of a command means.

    Args:
        ended: How it ended.
        attack: What was done.
        same: Asked if it succeeded: True where the result is the right one, or a text that says what differs.
        names: A sentence of refusal must hold one of them.
    """
    if ended.code == ENDLESS:
        return Finding(STUCK, attack, ended.last)
    if ended.code == BUG or ended.code < 0 or "Traceback (most recent call last)" in ended.said:
        return Finding(TRACEBACK, attack, f"code {ended.code}: {ended.said[-600:]}")
    if ended.code == 0:
        differs = same()
        return Finding(RIGHT, attack) if differs is True else Finding(WRONG, attack, str(differs)[:500])
    # What the parser of options says comes after all the options that there are.
    said = ended.said.rpartition("error: ")[2] if ended.code == USAGE else ended.said
    # Some tell of failures among what they print; beside a sentence that is tables, which nobody is to read.
    told = any(name.lower() in said.lower() for name in names)
    finding = judge_message(said[-3000:] + ("" if told else ended.printed[-1000:]), attack, *names)
    return finding if finding.verdict != REFUSED else Finding(REFUSED, attack, ended.last)


def limit_files(size: int) -> Callable[[], None]:
    """Return what makes a process unable to write files larger than a number of bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def limit_memory(more: int) -> None:
    """Let this process have a number of bytes more than it has."""
    with open("/proc/self/statm") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + more, held + more))


def _start(
    words: Sequence[object], before: Callable[[], None] | None, folder: Path | None
) -> tuple[int, tuple[int, int]]:
    """Return the number of a new process, and the pipes that it prints and speaks to."""
    # Not files: a limit on those must not reach what a command says.
    pipes = [os.pipe() for _ in range(2)]
    for _, writing in pipes:
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _LONGEST)
    # A signal that comes at once must not reach the copy before it is one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SENT)
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SENT)
        for reading, writing in pipes:
            os.close(writing)
            os.set_blocking(reading, False)
        return pid, (pipes[0][0], pipes[1][0])
    code = BUG
    try:
        os.setsid()
        for descriptor, (_, writing) in enumerate(pipes, start=1):
            os.dup2(writing, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if folder is not None:
            os.chdir(folder)
        if before is not None:
            before()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SENT)
        code = _code_of(words)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
    except KeyboardInterrupt:
        code = STOPPED  # It came before the command began, or after its end.
    finally:
        os._exit(code & 255)


def _code_of(words: Sequence[object]) -> int:
    """Return the exit code of a command; a traceback is printed as Python would."""
    try:
        return metafacs([str(word) for word in words])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and not place_of(error):
            return STOPPED  # Before the command began, or after its end.
        with contextlib.suppress(OSError):
            traceback.print_exc()
        return BUG


def _text(pipe: int) -> str:
    """Return what was written to a pipe, and close it."""
    content = b""
    with contextlib.suppress(BlockingIOError):
        while part := os.read(pipe, 1 << 16):
            content += part
    os.close(pipe)
    return content.decode("utf-8", "replace")
