"""What is printed of predictions: a line per face of a picture and per video, and what all amounts to."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from metafacs.facs import au_name
from metafacs.inference.counting import Counts
from metafacs.inference.detector import Detector
from metafacs.inference.result import FaceResult

_MENTIONED = 3
"""Stretches of undecodable frames that are printed; the sidecar lists more."""


def say(line: str, *, quiet: bool = False) -> None:
    """Print a line; if nobody reads standard output any more, go on without it: the files count."""
    if quiet:
        return
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UnicodeEncodeError:
        # A byte of a file's name, or a terminal of few letters.
        print(line.encode("ascii", "backslashreplace").decode(), flush=True)


def describe(photo: Path, results: Sequence[FaceResult], detector: Detector) -> str:
    """Return one line per face with the action units that are present.

    Behind the probability stands the intensity where the detector tells it, e.g. ``AU12 0.93 (3.1)``, and
    what is experimental is called so.
    """
    lines = []
    for result in results:
        if not result.success:
            lines.append(f"{photo.name}: no face found")
            continue
        shown = [_told(au, result, detector) for au, on in result.present(detector.thresholds).items() if on]
        lines.append(f"{photo.name}, face {result.face_id}: {', '.join(shown) or 'no action unit present'}")
    return "\n".join(lines)


def describe_video(name: str, counts: Counts, table: Path) -> str:
    """Return one line about a video."""
    parts = [number_of(counts.frames, "frame", "frames"), number_of(counts.people, "person", "people")]
    parts.append(f"{counts.share_without_face:.1%} of the frames without a face")
    if counts.undecodable:
        shown = [f"{first}-{last}" if last > first else f"{first}" for first, last, _ in counts.unseen]
        more = ", ..." if len(shown) > _MENTIONED else ""
        parts.append(f"{counts.undecodable} could not be decoded ({', '.join(shown[:_MENTIONED])}{more})")
    return f"{name}: {', '.join(parts)}; table: {table}"


def describe_all(counts: Counts, inputs: str, detector: Detector) -> list[str]:
    """Return lines about everything that was analysed.

    Args:
        counts: Of all inputs together.
        inputs: How many there are of what, e.g. ``12 videos``.
        detector: What analysed them.
    """
    lines = [
        f"{inputs}: {number_of(counts.frames, 'frame', 'frames')}, "
        + number_of(counts.faces, "face", "faces")
        + (f", {number_of(counts.people, 'person', 'people')}" if counts.people else "")
        + f", {counts.share_without_face:.1%} of the frames without a face"
        + (f", {counts.undecodable} frames that could not be decoded" if counts.undecodable else "")
    ]
    shares = counts.shares
    seen = sorted((au for au in shares if shares[au]), key=lambda au: -shares[au])
    if seen:
        lines.append("present, share of the time with a face:")
        experimental = dict.fromkeys(detector.experimental, " (experimental)")
        lines += [f"  AU{au:<3}{au_name(au):28}{shares[au]:6.1%}{experimental.get(au, '')}" for au in seen]
    if unseen := [f"AU{au}" for au in shares if au not in seen]:
        lines.append(f"never present: {', '.join(unseen)}")
    return lines


def number_of(count: int, one: str, many: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else many}"


def _told(au: int, result: FaceResult, detector: Detector) -> str:
    parts = [f"AU{au} {result.probabilities[au]:.2f}"]
    if au in result.intensities:
        parts.append(f"({result.intensities[au]:.1f})")
    if au in detector.experimental:
        parts.append("(experimental)")
    return " ".join(parts)
