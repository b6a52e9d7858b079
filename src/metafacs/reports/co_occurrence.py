"""Tables and the heat map of how often action units come with expressions, as in the RAF-CE paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from metafacs.analysis.co_occurrence import LABORATORY, CoOccurrence, expression_patterns
from metafacs.compounds import OBSERVED_RATE, PROTOTYPICAL_RATE, observed_aus
from metafacs.data.facts import dataset_title
from metafacs.reports.style import INK, RATE_SHADES, blank_figure, house_style
from metafacs.reports.tables import Column, Table
from metafacs.texts import shown

Rates = Mapping[str, Mapping[int, float]]

_ON_PALE = "#16202b"
_UNKNOWN = "#8fa3ba"
_ALONE = "#c92a3f"
_CELL_HEIGHT = 0.285
_CELL_WIDTH = 0.44


def co_occurrence_table(found: CoOccurrence) -> Table:
    """Return the observed AUs of each expression in percent, the laboratory's row below ours.

    Table 1 of the RAF-CE paper: AUs below 20 % are left blank.
    """
    rates = found.rates
    beside = _beside(rates)
    aus = observed_aus([*rates.values(), *beside.values()])
    rows = []
    for name in rates:
        pictures = str(found.pictures[found.expressions.index(name)])
        rows.append((name, _source(found), pictures, *(_percent(rates[name].get(au)) for au in aus)))
        if name in beside:
            mark = " ?" if name in LABORATORY.doubtful else ""
            cells = (_percent(beside[name].get(au)) for au in aus)
            rows.append((name, f"{LABORATORY.name}{mark}", "", *cells))
    means = found.means
    note = (
        f"Percent of the pictures of an expression that show the AU; below {OBSERVED_RATE:.0%} left blank, "
        f"from {PROTOTYPICAL_RATE:.0%} prototypical. Averages over expressions, in AUs: "
        f"{means.prototypical:.2f} prototypical and {means.variant:.2f} variant, {means.total:.2f} in all; "
        f"{len(means.aus)} different AUs are observed."
    )
    if beside:
        note += f" '{LABORATORY.name}': {LABORATORY.printed_in}."
        if set(LABORATORY.doubtful) & beside.keys():
            note += " '?': printed with the numbers of another row."
    return Table(
        title=f"Action units per expression ({_label(found)})",
        columns=(
            Column("Expression", text=True),
            Column("source", text=True),
            Column("pictures"),
            *(Column(f"AU{au}") for au in aus),
        ),
        rows=tuple(rows),
        note=note,
    )


def pattern_table(found: CoOccurrence) -> Table:
    """Return the prototypical and variant AUs of each expression, and those that only one source observes."""
    rows = [
        (
            pattern.expression,
            str(pattern.pictures),
            _listed(pattern.prototypical),
            _listed(pattern.variant),
            _listed(pattern.only_here),
            "no sound row" if pattern.only_reference is None else _listed(pattern.only_reference),
            _listed(pattern.unlabelled),
        )
        for pattern in expression_patterns(found)
    ]
    tag = "synthetic" if found.synthetic else ""
    here = "this twin" if found.synthetic else "here"
    return Table(
        title=f"Prototypical and variant action units ({_label(found)})",
        columns=(
            Column("Expression", text=True),
            Column("pictures"),
            Column("prototypical", tag=tag, text=True),
            Column("variant", tag=tag, text=True),
            Column(f"only {here}", tag=tag, text=True),
            Column(f"only {LABORATORY.name}", text=True),
            Column("not labelled", text=True),
        ),
        rows=tuple(rows),
        note=(
            f"AUs by number. Prototypical: shown in {PROTOTYPICAL_RATE:.0%} of the pictures or more; "
            f"variant: in {OBSERVED_RATE:.0%} or more. '{LABORATORY.name}': {LABORATORY.printed_in}. "
            "'not labelled': observed there, without a label here."
        ),
    )


def co_occurrence_map(found: CoOccurrence) -> Figure:
    """Draw the rates of AUs per expression as a heat map, the laboratory's below, as Fig. 2 of RAF-CE.

    An observed AU (20 % or more) has its number, a prototypical one (70 % or more) in bold; a red box marks
    an AU that only this source observes with the expression, a question mark one without labels. Doubtful
    rows of the laboratory are drawn, but nothing is concluded from them.

    Raises:
        ValueError: If no AU reaches 20 % with any expression.
    """
    rates = found.rates
    beside = _beside(rates)
    aus = observed_aus([*rates.values(), *beside.values()])
    if not aus:
        raise ValueError(f"no action unit of {found.dataset} reaches {OBSERVED_RATE:.0%} with any expression")
    # A published row lists what was observed, so an AU it leaves out was not; ours leaves out the unknown.
    listed = {name: {au: row.get(au, 0.0) for au in aus} for name, row in beside.items()}
    panels = 2 if beside else 1
    with house_style():
        # The laboratory's rows are as high as ours, so that the eye can go from one to the other.
        height = panels * (len(rates) * _CELL_HEIGHT + 0.75)
        figure, axes = blank_figure(max(7.0, 2.0 + _CELL_WIDTH * len(aus)), height, panels, 1)
        doubtful = LABORATORY.doubtful
        _draw(axes[0], rates, {name: name for name in rates}, aus, _exclusive(rates, listed, doubtful))
        axes[0].set_title(f"{_label(found)}: percent of pictures that show the AU")
        if beside:
            axes[0].set_title(
                f"{axes[0].get_title(loc='left')}; red: only here, not in the {LABORATORY.name}"
            )
            labels = {name: f"{name} ?" if name in doubtful else name for name in rates}
            _draw(axes[1], listed, labels, aus, _exclusive(listed, rates, doubtful))
            axes[1].set_title(f"{LABORATORY.name} ({LABORATORY.printed_in}); red: only there")
    return figure


def _beside(rates: Rates) -> Rates:
    """Return the laboratory's rates of the same expressions, where it has any."""
    return {name: LABORATORY.rates[name] for name in rates if name in LABORATORY.rates}


def _exclusive(rates: Rates, others: Rates, doubtful: Sequence[str]) -> set[tuple[str, int]]:
    """Return the (expression, AU) that one source observes and the other, which knows both, does not."""
    return {
        (name, au)
        for name, row in rates.items()
        if name in others and name not in doubtful
        for au, rate in row.items()
        if rate >= OBSERVED_RATE and au in others[name] and others[name][au] < OBSERVED_RATE
    }


def _draw(
    axes: Axes, rates: Rates, labels: Mapping[str, str], aus: Sequence[int], exclusive: set[tuple[str, int]]
) -> None:
    """Draw one source; an AU that a row leaves out is unknown."""
    values = np.array([[rates.get(name, {}).get(au, np.nan) for au in aus] for name in labels], dtype=float)
    axes.imshow(
        np.nan_to_num(values), cmap=RATE_SHADES, vmin=0, vmax=1, aspect="auto", interpolation="nearest"
    )
    for row, name in enumerate(labels):
        for column, au in enumerate(aus):
            value = values[row, column]
            if np.isnan(value):
                axes.text(column, row, "?", ha="center", va="center", color=_UNKNOWN, fontsize=7.8)
            elif value >= OBSERVED_RATE:
                axes.text(
                    column,
                    row,
                    f"{100 * value:.0f}",
                    ha="center",
                    va="center",
                    color="white" if value > 0.5 else _ON_PALE,
                    fontweight="bold" if value >= PROTOTYPICAL_RATE else "normal",
                    fontsize=7.8,
                )
                if (name, au) in exclusive:
                    axes.add_patch(
                        Rectangle(
                            (column - 0.45, row - 0.43),
                            0.9,
                            0.86,
                            fill=False,
                            edgecolor=_ALONE,
                            linewidth=1.6,
                        )
                    )
    axes.set_xticks(range(len(aus)), [f"AU{au}" for au in aus], fontsize=7.8)
    axes.set_yticks(range(len(labels)), list(map(shown, labels.values())))
    axes.tick_params(axis="y", labelcolor=INK)
    axes.grid(visible=False)
    axes.set_xticks(np.arange(1, len(aus)) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(labels)) - 0.5, minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(which="minor", axis="both", color="white", linewidth=1.2)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _label(found: CoOccurrence) -> str:
    name = shown(dataset_title(found.dataset))
    return f"{name} twin, synthetic" if found.synthetic else name


def _source(found: CoOccurrence) -> str:
    return "twin, synthetic" if found.synthetic else shown(dataset_title(found.dataset))


def _percent(rate: float | None) -> str:
    return "" if rate is None or rate < OBSERVED_RATE else f"{100 * rate:.0f}"


def _listed(aus: Sequence[int]) -> str:
    return " ".join(map(str, aus)) or "none"
