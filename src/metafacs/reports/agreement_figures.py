"""Where two codings agree and differ over time, one strip for each action unit."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from metafacs.data.codings.coding import Floats
from metafacs.evaluation.agreement import PersonAgreement
from metafacs.facs import au_name
from metafacs.reports.style import INK, MUTED, PALETTE, RULE, blank_figure, house_style

KINDS = {
    "both present": PALETTE["teal"],
    "only left": PALETTE["orange"],
    "only right": PALETTE["violet"],
    "not known to both": RULE,
}
"""What a strip shows -> its colour; where both say absent it is white."""

_HEIGHT = 0.64


def draw_disagreements(agreement: PersonAgreement, *, left: str, right: str, faces: str = "") -> Figure:
    """Return a figure with a strip per AU over the time of the video.

    Args:
        agreement: One person of one video.
        left: What the left is, e.g. the name of its file.
        right: What the right is.
        faces: What to know of rendered faces, for the title; empty for people.
    """
    person, aus = agreement.person, sorted(agreement.aus)
    figure, (axes,) = blank_figure(9.5, 1.5 + 0.3 * len(aus))
    times, length, unit = _times(agreement)
    first, last = float(times[0]), float(times[-1]) + length
    with house_style():
        for row, au in enumerate(aus):
            ours, theirs = person.left[au].presence, person.right[au].presence
            known = np.flatnonzero(~np.isnan(ours) & ~np.isnan(theirs))
            starts, ends = _spans(times[known], length)
            ours, theirs = ours[known] == 1, theirs[known] == 1
            shown = (
                (np.ones(len(known), dtype=bool), "white"),
                (ours & theirs, KINDS["both present"]),
                (ours & ~theirs, KINDS["only left"]),
                (~ours & theirs, KINDS["only right"]),
            )
            place = (row - _HEIGHT / 2, _HEIGHT)
            axes.broken_barh(
                [(first, last - first)], place, facecolors=KINDS["not known to both"], linewidth=0
            )
            for mask, colour in shown:
                axes.broken_barh(_runs(mask, starts, ends), place, facecolors=colour, linewidth=0)
            kappa = agreement.aus[au].values["kappa"]
            told = "-" if np.isnan(kappa) else f"{kappa:.2f}"
            axes.text(1.012, row, told, transform=axes.get_yaxis_transform(), va="center", color=INK)
        axes.text(1.012, -0.85, "kappa", transform=axes.get_yaxis_transform(), va="center", color=MUTED)
        axes.set_yticks(range(len(aus)), [f"AU{au} {au_name(au)}" for au in aus])
        axes.set_ylim(len(aus) - 0.4, -0.6)
        axes.set_xlim(first, last)
        axes.set_xlabel(f"{unit}   (left: {left}, right: {right})")
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(visible=False)
        axes.set_title(f"{person.name}{f' ({faces})' if faces else ''}", pad=14)
        figure.legend(
            handles=[Patch(color=colour, label=name) for name, colour in KINDS.items()],
            loc="outside lower center",
            ncols=4,
        )
    return figure


def _times(agreement: PersonAgreement) -> tuple[Floats, float, str]:
    """Return when each frame starts, how long one stands, and the unit."""
    grid = agreement.person.grid
    if grid.times is None or np.isnan(grid.frame_length):
        return grid.frames.astype(np.float64), 1.0, "frame"
    return grid.times, grid.frame_length, "seconds"


def _spans(starts: Floats, length: float) -> tuple[Floats, Floats]:
    """Return when each known frame starts and ends: at the next one, or earlier if that is missing."""
    if len(starts) < 2:
        return starts, starts + length
    usual = float(np.median(np.diff(starts)))
    missing = np.append(np.diff(starts) > 1.5 * usual, True)
    return starts, np.where(missing, starts + usual, np.append(starts[1:], 0))


def _runs(mask: NDArray[np.bool_], starts: Floats, ends: Floats) -> list[tuple[float, float]]:
    """Return (start, length) of each run of frames in a mask; a missing frame ends a run."""
    joined = mask[1:] & mask[:-1] & (starts[1:] <= ends[:-1] + 1e-9)
    first = np.flatnonzero(mask & ~np.append(False, joined))
    last = np.flatnonzero(mask & ~np.append(joined, False))
    return [(float(starts[a]), float(ends[b] - starts[a])) for a, b in zip(first, last, strict=True)]
