"""Where two codings agree and differ over time, one strip for each action unit."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from metafacs.data.codings.coding import Floats
from metafacs.evaluation.agreement import PersonAgreement
from metafacs.facs import au_name
from metafacs.reports.style import INK, MUTED, PALETTE, RULE, blank_figure, house_style
from metafacs.texts import shown

KINDS = {
    "both present": PALETTE["teal"],
    "only left": PALETTE["orange"],
    "only right": PALETTE["violet"],
    "not known to both": RULE,
}
"""What a strip shows -> its colour; where both say absent it is white."""

MOST_FRAMES = 2000
"""Longer videos are drawn as shares of stretches: their frames would be narrower than a pixel."""

_HEIGHT = 0.64
_STRETCHES = 400


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
    label = unit
    if (last - first) / length > MOST_FRAMES:
        label = f"{unit}, in stretches of {(last - first) / _STRETCHES:.3g} with the share of each"
    with house_style():
        for row, au in enumerate(aus):
            sides = person.left[au].presence, person.right[au].presence
            if (last - first) / length > MOST_FRAMES:
                _draw_shares(axes, row, times, length, np.linspace(first, last, _STRETCHES + 1), *sides)
            else:
                _draw_frames(axes, row, times, length, *sides)
            kappa = agreement.aus[au].values["kappa"]
            told = "-" if np.isnan(kappa) else f"{kappa:.2f}"
            axes.text(1.012, row, told, transform=axes.get_yaxis_transform(), va="center", color=INK)
        axes.text(1.012, -0.85, "kappa", transform=axes.get_yaxis_transform(), va="center", color=MUTED)
        axes.set_yticks(range(len(aus)), [f"AU{au} {au_name(au)}" for au in aus])
        axes.set_ylim(len(aus) - 0.4, -0.6)
        axes.set_xlim(first, last)
        axes.set_xlabel(f"{label}   (left: {shown(left)}, right: {shown(right)})")
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(visible=False)
        axes.set_title(f"{shown(person.name)}{f' ({faces})' if faces else ''}", pad=14)
        figure.legend(
            handles=[Patch(color=colour, label=name) for name, colour in KINDS.items()],
            loc="outside lower center",
            ncols=4,
        )
    return figure


def _draw_frames(axes: Axes, row: int, times: Floats, length: float, left: Floats, right: Floats) -> None:
    """Draw every frame in the colour of what both sides say of it."""
    known = np.flatnonzero(~np.isnan(left) & ~np.isnan(right))
    starts, ends = _spans(times[known], length)
    ours, theirs = left[known] == 1, right[known] == 1
    place = (row - _HEIGHT / 2, _HEIGHT)
    whole = [(float(times[0]), float(times[-1] + length - times[0]))]
    axes.broken_barh(whole, place, facecolors=KINDS["not known to both"], linewidth=0)
    for mask, colour in (
        (np.ones(len(known), dtype=bool), "white"),
        (ours & theirs, KINDS["both present"]),
        (ours & ~theirs, KINDS["only left"]),
        (~ours & theirs, KINDS["only right"]),
    ):
        axes.broken_barh(_runs(mask, starts, ends), place, facecolors=colour, linewidth=0)


def _draw_shares(
    axes: Axes, row: int, times: Floats, length: float, edges: Floats, left: Floats, right: Floats
) -> None:
    """Draw, for each stretch of time, the share of its frames of each kind, one above the other."""
    known = np.flatnonzero(~np.isnan(left) & ~np.isnan(right))
    starts, until = _spans(times[known], length)
    ours, theirs = left[known] == 1, right[known] == 1
    stretch = np.clip(np.searchsorted(edges, starts, side="right") - 1, 0, len(edges) - 2)
    shares = [
        np.bincount(stretch[mask], (until - starts)[mask], minlength=len(edges) - 1) / np.diff(edges)
        for mask in (ours & theirs, ours & ~theirs, ~ours & theirs, ~ours & ~theirs)
    ]
    # A frame counts where it starts; so a stretch may seem to hold a little more than there is of it.
    whole = np.maximum(np.sum(shares, axis=0), 1)
    told = [share / whole for share in shares]
    told[3] = 1 - np.sum(told, axis=0)
    height = np.zeros(len(edges) - 1)
    for share, colour in zip(told, KINDS.values(), strict=True):
        # The axis points down: what is drawn first stands lowest.
        bottom, top = row + _HEIGHT * (0.5 - height), row + _HEIGHT * (0.5 - height - share)
        low, high = np.append(bottom, bottom[-1]), np.append(top, top[-1])
        axes.fill_between(edges, low, high, step="post", color=colour, linewidth=0)
        height = height + share


def _times(agreement: PersonAgreement) -> tuple[Floats, float, str]:
    """Return when each frame starts, how long one stands, and the unit."""
    grid = agreement.person.grid
    if grid.times is None or np.isnan(grid.frame_length):
        return grid.frames.astype(np.float64), 1.0, "frames"
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
