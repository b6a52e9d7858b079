"""Table and heat map of how often each person shows each action unit, as Fig. 3 of Lee et al."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from metafacs.analysis.person_rates import PersonRates
from metafacs.data.facts import dataset_title
from metafacs.reports.style import INK, MUTED, RATE_SHADES, blank_figure, house_style
from metafacs.reports.tables import Column, Table
from metafacs.texts import shown

_CELL_HEIGHT, _CELL_WIDTH = 0.2, 0.5


def person_rates_table(found: PersonRates) -> Table:
    """Return the share of each person's pictures that show an AU, in percent; blank where none is labelled.

    Args:
        found: Counts of a data set.
    """
    rows = zip(map(shown, found.people), found.pictures, found.rates, strict=True)
    return Table(
        title=f"Pictures of each person that show an action unit, percent ({_label(found)})",
        columns=(
            Column("Person", text=True),
            Column("pictures"),
            *(Column(f"AU{au}") for au in found.aus),
        ),
        rows=(
            *((person, str(pictures), *_percent(rates)) for person, pictures, rates in rows),
            ("Everybody", str(found.pictures.sum()), *_percent(found.everybody)),
        ),
        note="Of the pictures whose label of the AU is known.",
        name="person_rates",
        last_row_is_total=True,
    )


def person_rates_map(found: PersonRates) -> Figure:
    """Draw the share of each person's pictures that show an AU as a heat map, "?" where none is labelled.

    Args:
        found: Counts of a data set.
    """
    with house_style():
        width, height = 2.4 + _CELL_WIDTH * len(found.aus), 1.0 + _CELL_HEIGHT * len(found.people)
        figure, (axes,) = blank_figure(max(width, 5.0), max(height, 2.0))
        rates = np.ma.masked_invalid(found.rates)
        drawn = axes.imshow(rates, cmap=RATE_SHADES, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        for row, column in np.argwhere(np.isnan(found.rates)):
            axes.text(column, row, "?", ha="center", va="center", color=MUTED, fontsize=7.8)
        axes.set_title(f"Share of pictures that show the AU ({_label(found)})")
        axes.set_xticks(range(len(found.aus)), [f"AU{au}" for au in found.aus], fontsize=7.8)
        axes.set_yticks(range(len(found.people)), list(map(shown, found.people)), fontsize=7.0)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        bar = figure.colorbar(drawn, ax=axes, fraction=0.04, pad=0.02)
        bar.outline.set_visible(False)
    return figure


def _label(found: PersonRates) -> str:
    name = shown(dataset_title(found.dataset))
    return f"{name} twin, synthetic" if found.synthetic else name


def _percent(rates: NDArray[np.float64]) -> list[str]:
    return ["" if np.isnan(rate) else f"{100 * rate:.0f}" for rate in rates]
