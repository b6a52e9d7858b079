"""One look for every figure: colours by meaning, thin axes, and SVG that follows the page's own colours."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from html import escape
from itertools import cycle
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from metafacs.texts import printable

INK = "#1c2733"
MUTED = "#66727f"
RULE = "#dde2e8"

PALETTE: dict[str, str] = {
    "grey": "#8b98a6",
    "orange": "#d9902f",
    "teal": "#14808a",
    "violet": "#7a5ea8",
    "green": "#5b8c3a",
    "brown": "#a8643c",
    "plum": "#b0578d",
    "slate": "#4a4f57",
    "olive": "#8c8b2c",
    "blue": "#2f66b3",
    "red": "#c8475d",
}
"""Name of a colour -> how it is drawn; the page has a variable of each name, which follows light and dark."""

TASKS: dict[str, str] = {"action units": "blue", "expression": "red", "alignment": "olive"}
"""Task -> name of its colour, the same in every figure and of nothing else."""

RATE_SHADES = LinearSegmentedColormap.from_list(
    "rates", ["#f4f6f8", "#a9c4e6", PALETTE[TASKS["action units"]], "#173a73"]
)
"""Colours of the share of pictures that show an AU, from 0 to 1."""

_PAGE_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    **{colour: f"var(--{name})" for name, colour in PALETTE.items()},
}
"""Colour in the file -> variable of the page, so that figures change with light and dark."""

_STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.06,
    "svg.fonttype": "none",
    # Labels are somebody's texts: a dollar sign in one begins no formula.
    "text.parse_math": False,
}


def task_colour(task: str) -> str:
    """Return how a task is drawn, one of :data:`TASKS`."""
    return PALETTE[TASKS[task]]


def row_colours(rows: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """Return the name of each row's colour.

    Args:
        rows: Names of the rows, in order.
        known: Row -> name of its colour; other rows get the colours that are left, in order, again and again
            if there are more rows than colours.

    >>> row_colours(["mine", "known", "yours"], {"known": "grey"})
    {'mine': 'orange', 'known': 'grey', 'yours': 'teal'}
    """
    taken = {*known.values(), *TASKS.values()}
    spare = cycle([name for name in PALETTE if name not in taken] or list(PALETTE))
    return {row: known[row] if row in known else next(spare) for row in rows}


def house_style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in the look of the project."""
    return rc_context(_STYLE)


def blank_figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure in the house style with its axes in reading order; sizes in inches."""
    with house_style():
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.ravel())


def encoded(figure: Figure, form: str = "png") -> bytes:
    """Return a figure as the content of a file, on white.

    Args:
        figure: Made with :func:`blank_figure`.
        form: An ending that matplotlib knows: ``png``, at 160 dots per inch, or e.g. ``svg``.

    Raises:
        ValueError: If the ending is unknown.
    """
    content = io.BytesIO()
    with house_style():
        figure.savefig(content, format=form or "png", dpi=160, facecolor="white")
    return content.getvalue()


def legend_label(name: str) -> str:
    """Return a name as it is told in legends: matplotlib leaves out what begins with an underscore."""
    return f" {name}" if name.startswith("_") else name


def inline_svg(figure: Figure, *, name: str, alt: str) -> str:
    """Return a figure as an ``<svg>`` element for an HTML page.

    Text stays text in the page's font, colours become the page's variables, and ids carry the figure's name
    so that several figures live on one page.

    Args:
        figure: Made with :func:`blank_figure`.
        name: Letters, digits and hyphens; unique on the page.
        alt: What the figure shows, for those who cannot see it.
    """
    text = io.StringIO()
    with rc_context(_STYLE | {"svg.hashsalt": name}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
    for colour, variable in _PAGE_VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(r'<svg ([^>]*?)height="[^"]*"([^>]*?) width="[^"]*"', r"<svg \1\2", svg, count=1)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(printable(alt))}" ', 1).strip()
