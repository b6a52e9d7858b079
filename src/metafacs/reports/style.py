"""One look for every figure: colours by meaning, thin axes, and SVG that follows the page's own colours."""

from __future__ import annotations

import io
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1c2733"
MUTED = "#66727f"
RULE = "#dde2e8"

SERIES: dict[str, str] = {
    "single_task": "#8b98a6",
    "multi_task": "#d9902f",
    "mal": "#14808a",
    "action units": "#2f66b3",
    "expression": "#c8475d",
}
"""Colour of each method and task, the same in every figure."""

_SPARE = ("#7a5ea8", "#5b8c3a", "#a8643c", "#4a4f57")

_PAGE_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    **{colour: f"var(--{name.replace('_', '-').replace(' ', '-')})" for name, colour in SERIES.items()},
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
}


def series_colour(name: str, position: int = 0) -> str:
    """Return the colour of a method or task; unknown names get one of the spare colours by position."""
    return SERIES.get(name, _SPARE[position % len(_SPARE)])


def house_style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in the look of the project."""
    return rc_context(_STYLE)


def blank_figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure in the house style with its axes in reading order; sizes in inches."""
    with house_style():
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.ravel())


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a file by its ending, e.g. PNG at 160 dots per inch on white, or SVG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with house_style():
        figure.savefig(path, dpi=160, facecolor="white")


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
    label = alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1).strip()
