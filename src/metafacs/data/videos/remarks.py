"""Sentences for the notes of a video: what is special about it, and what was lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metafacs.data.videos.decoding import Probe
from metafacs.data.videos.numbering import Numbering, leading
from metafacs.data.videos.packets import Packets

_SHOWN_RUNS = 10
_UNEVEN = 0.1
_SHORT_SECONDS = 0.5


@dataclass
class Findings:
    """What reading the frames of a video told so far.

    Attributes:
        lost: Numbers of the frames that were wanted and came without an image.
        damaged: Numbers of all frames whose packets cannot be decoded, wanted or not.
        patched: Numbers of the frames in which the decoder covered faults up.
        resized: Number of the first frame of another size.
    """

    lost: set[int] = field(default_factory=set)
    damaged: set[int] = field(default_factory=set)
    patched: set[int] = field(default_factory=set)
    resized: int | None = None

    def state(self, before: int) -> dict[str, object]:
        """Return what is known of the frames before one, as plain data for JSON."""
        # Sorted are copies: another thread may be reading frames.
        found = {"lost": self.lost, "damaged": self.damaged, "patched": self.patched}
        known = {name: [n for n in sorted(numbers) if n < before] for name, numbers in found.items()}
        resized = self.resized if self.resized is not None and self.resized < before else None
        return {name: _runs(numbers) for name, numbers in known.items()} | {"resized": resized}

    def restore(self, state: dict[str, Any]) -> None:
        """Add what :meth:`state` returned."""
        for name in ("lost", "damaged", "patched"):
            getattr(self, name).update(number for a, b in state[name] for number in range(a, b + 1))
        self.resized = state["resized"]


def enumerate_briefly(numbers: Iterable[int]) -> str:
    """Return ascending numbers as people list them, runs joined and the rest counted.

    >>> enumerate_briefly([3, 5, 6, 7])
    '3, 5 to 7'
    """
    runs = _runs(numbers)
    shown = [str(a) if a == b else f"{a} to {b}" for a, b in runs[:_SHOWN_RUNS]]
    left = sum(b - a + 1 for a, b in runs[_SHOWN_RUNS:])
    return ", ".join(shown) + (f" and {left} more" if left else "")


def _runs(numbers: Iterable[int]) -> list[list[int]]:
    """Return the first and last of every run of ascending numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def remarks_on(packets: Packets, first: Probe, numbering: Numbering | None, streams: int) -> list[str]:
    """Return what is to be said of a video before its frames are read.

    Args:
        packets: Of the pictures.
        first: What the first frames tell.
        numbering: Of the frames; None where they are counted as they are decoded.
        streams: How many streams of pictures the file holds.
    """
    sentences = list(first.remarks)
    if streams > 1:
        sentences.append(f"It holds {streams} videos; the one that players show by default is read.")
    if numbering is None:
        rate = "an unknown rate" if packets.rate is None else f"{packets.rate:g} frames per second"
        sentences.append(
            "Its time stamps do not tell the order of its frames, so that they are counted as they are "
            f"decoded; where a frame has no time of its own, {rate} are assumed."
        )
    else:
        sentences += _remarks_on_times(packets, first, numbering)
    if packets.seconds_short > _SHORT_SECONDS and not len(packets.promised):
        sentences.append(
            f"It ends {packets.seconds_short:.1f} s before it says; if it was cut off, copy it again."
        )
    return sentences


def losses(packets: Packets, numbering: Numbering | None, findings: Findings) -> list[str]:
    """Return what is to be said of the frames that were read.

    Args:
        packets: Of the pictures.
        numbering: Of the frames; None where they are counted as they are decoded.
        findings: What reading them told.
    """
    sentences: list[str] = []
    lost, patched = sorted(findings.lost), sorted(findings.patched - findings.lost)
    if lost:
        sentences.append(
            f"Frames that could not be decoded, {len(lost)} in all: number {enumerate_briefly(lost)}."
        )
    if patched:
        sentences.append(
            f"Frames in which the decoder covered faults up, {len(patched)} in all: "
            f"number {enumerate_briefly(patched)}."
        )
    if numbering is not None:
        bad = findings.lost | findings.damaged | findings.patched
        traces = sorted(_leaning_on(packets, numbering, bad) - bad)
        if traces:
            sentences.append(
                f"Frames that lean on one of these and may show traces of it, {len(traces)} in all: "
                f"number {enumerate_briefly(traces)}."
            )
    if findings.resized is not None:
        sentences.append(
            f"Frame number {findings.resized} and maybe later ones have another size than the first."
        )
    return sentences


def _remarks_on_times(packets: Packets, first: Probe, numbering: Numbering) -> Iterator[str]:
    cut = int((~packets.shown).sum())
    if cut:
        yield f"An edit list keeps {cut} of its frames from being shown; they are not counted."
    unseen = int(leading(packets, first.stamps[0] if not first.errors else None).sum())
    if unseen:
        yield f"Its first {unseen} frames lean on earlier ones that it does not hold; they are not counted."
    missing = int((~numbering.held).sum())
    if missing:
        total = len(numbering.held)
        yield f"The file is cut off: {missing} of its {total} frames are missing; copy it again."
    start = float(numbering.times[0])
    if start:
        yield f"Its first frame is shown at {start:.3f} s, after the beginning of the sound."
    between = np.diff(numbering.times)
    if len(between) and between.max() - between.min() > max(
        _UNEVEN * float(np.median(between)), 2.5 * float(packets.time_base)
    ):
        yield (
            f"Its frame rate varies: {1000 * between.min():.0f} to {1000 * between.max():.0f} ms lie between "
            "frames."
        )


def _leaning_on(packets: Packets, numbering: Numbering, lost: set[int]) -> set[int]:
    """Return the numbers of the frames between a lost one and the next key frame of the file."""
    leaning: set[int] = set()
    keys = np.flatnonzero(packets.key)
    for place in np.flatnonzero(np.isin(numbering.numbers, sorted(lost))):
        following = keys[np.searchsorted(keys, place, side="right") :]
        end = int(following[0]) if len(following) else len(packets)
        leaning.update(int(number) for number in numbering.numbers[place + 1 : end] if number >= 0)
    return leaning
