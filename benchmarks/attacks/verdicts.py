"""What became of one attack."""

from __future__ import annotations

from dataclasses import dataclass

from metafacs.cli.errors import sentence

RIGHT, REFUSED = "right", "refused"
WRONG, TRACEBACK, STUCK, LOST, VAGUE = "wrong", "traceback", "stuck", "lost", "vague"

VERDICTS: dict[str, str] = {
    REFUSED: "refused in a sentence that names the file or the option",
    RIGHT: "the result of the undamaged input, or a note of everything that differs",
    WRONG: "accepted with other labels, numbers or pictures",
    TRACEBACK: "a traceback, or the process died",
    STUCK: "no end within the time that it was given, or out of memory",
    LOST: "the same command does not go on, finished work is gone, or rubbish of a killed run stays",
    VAGUE: "refused, but not in a sentence that names the file or the option",
}
"""Verdict -> what it means."""

FAULTS = (WRONG, TRACEBACK, STUCK, LOST, VAGUE)
"""Verdicts that must not be."""

_LONGEST_MESSAGE = 4000
_MOST_LINES = 20


@dataclass(frozen=True)
class Finding:
    """What became of one attack.

    Attributes:
        verdict: One of ``VERDICTS``.
        attack: What was done.
        detail: What the program said or did.
    """

    verdict: str
    attack: str
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        """True if it must not be."""
        return self.verdict in FAULTS


def judge_error(error: BaseException, attack: str, *names: str) -> Finding:
    """Return what an error means: a sentence for the user, or a bug.

    Args:
        error: What was raised.
        attack: What was done.
        names: A sentence must hold one of them.
    """
    told = sentence(error)
    if not told:
        return Finding(TRACEBACK, attack, f"{type(error).__name__}: {error}{place_of(error)}"[:500])
    return judge_message(told, attack, *names)


def judge_message(message: str, attack: str, *names: str) -> Finding:
    """Return whether a message is a sentence that names what is wrong; see :func:`judge_error`."""
    message = message.strip()
    if len(message) > _LONGEST_MESSAGE or len(message.splitlines()) > _MOST_LINES:
        return Finding(VAGUE, attack, f"{len(message)} letters: {message[:300]}")
    if not any(name.lower() in message.lower() for name in names):
        return Finding(VAGUE, attack, message[-500:] or "nothing was said")
    return Finding(REFUSED, attack, message[-500:])


def place_of(error: BaseException) -> str:
    """Return the last place of an error in the package, for who is to mend it."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if "/metafacs/" in file:
            place = f" ({file.rpartition('/metafacs/')[2]}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return place
