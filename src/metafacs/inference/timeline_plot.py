"""A picture of all action units of a person over time, for papers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metafacs.facs import HIGHEST_INTENSITY, au_name
from metafacs.files import written_whole
from metafacs.inference.envelopes import curve_of, cut_at, spans_of
from metafacs.inference.events import Event
from metafacs.inference.timelines import Timeline, Timelines, check_told

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOT_SUFFIXES = (".png", ".svg", ".pdf")
"""Endings of the files that a plot can be written to."""

_INK, _MUTED, _RULE, _PAPER = "#1c2733", "#66727f", "#dde2e8", "#ffffff"
# Told apart by colour-blind people (Okabe and Ito) and, as grey, by their lightness.
_BLUE, _PALE_BLUE, _FAINT_BLUE = "#0072b2", "#8fc1df", "#6f9dbb"
_ORANGE, _PALE_ORANGE, _FAINT_ORANGE = "#c77800", "#f6dcae", "#dfa95c"
_GAP, _HATCH = "#f0f2f4", "#c3cad1"
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 8,
    "hatch.linewidth": 0.4,
    "svg.fonttype": "none",
    # The name of a video may hold dollar signs: they begin no formula.
    "text.parse_math": False,
    "svg.hashsalt": "metafacs",
    "pdf.fonttype": 42,
}
_DOTS_PER_INCH = 300
_WIDTH = 7.2
_LEFT, _RIGHT, _TOP, _BOTTOM = 1.45, 0.22, 0.56, 0.42
_EDGE = 0.1
_LOWEST_ROW, _HIGHEST_ROW, _FILLED_HEIGHT = 0.36, 1.0, 4.5
_STRIP = 0.075
"""Inches below a row for the bars of its events."""

_COLUMNS = 700
"""Curves are thinned to the lowest and highest value in each of this many columns, .6 points wide."""

_LEAST_SHADE = 0.02
_LEAST_SEEN = 0.05

_PATHS = re.compile(r' d="[^"]*"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MOST_TICKS = 9


def plot_timelines(
    path: str | Path,
    timelines: Timelines,
    events: Sequence[Event] = (),
    *,
    aus: Sequence[int] | None = None,
    people: Sequence[int] | None = None,
    names: Mapping[int, str] | None = None,
) -> list[Path]:
    """Write pictures of the people of a video over time, one each; the same results give the same bytes.

    Args:
        path: A PNG (300 dots per inch), SVG (its text stays text) or PDF. With several people,
            ``_person0``, ``_person1``, ... is put before the ending; all have the same time axis and size.
        timelines: Of one video.
        events: Found in them; drawn as bars.
        aus: Which AUs get a row, in this order; all of the model if None.
        people: Whom to draw. If None, all but those who were seen for less than a twentieth of the time of
            the one seen longest, such as passers-by.
        names: Person -> name for the title; without one, people go by their number.

    Returns:
        What was written; nothing if the video shows nobody.

    Raises:
        ValueError: If the ending is another one, the model does not tell one of the AUs, or a person is not
            in the video.
    """
    path = Path(path)
    if path.suffix.lower() not in PLOT_SUFFIXES:
        raise ValueError(f"{path}: a plot is written as one of {', '.join(PLOT_SUFFIXES)}; change the ending")
    if people is None:
        longest = max((line.seconds for line in timelines.people), default=0)
        people = [line.person for line in timelines.people if line.seconds >= _LEAST_SEEN * longest]
    written = []
    for person in people:
        place = path if len(people) == 1 else path.with_name(f"{path.stem}_person{person}{path.suffix}")
        name = (names or {}).get(person)
        save_plot(draw_timeline(timelines, person, events, aus=aus, name=name), place)
        written.append(place)
    return written


def save_plot(figure: Figure, path: Path) -> None:
    """Write a figure of :func:`draw_timeline` as PNG, SVG or PDF, by the ending, whole or not at all."""
    from matplotlib import rc_context

    form = path.suffix.lower().lstrip(".")
    # Nothing that differs from day to day.
    metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[form]
    with written_whole(path) as temporary, rc_context(_STYLE):
        figure.savefig(temporary, format=form, dpi=_DOTS_PER_INCH, facecolor=_PAPER, metadata=metadata)
        if form == "svg":
            text = temporary.read_text(encoding="utf-8")
            temporary.write_text(_PATHS.sub(_with_fewer_decimals, text), encoding="utf-8", newline="\n")


def _with_fewer_decimals(path: re.Match[str]) -> str:
    """Return the outline of an SVG to hundredths of a point, which halves the file."""
    return _DECIMALS.sub(r"\1", path[0])


def draw_timeline(
    timelines: Timelines,
    person: int,
    events: Sequence[Event] = (),
    *,
    aus: Sequence[int] | None = None,
    name: str | None = None,
) -> Figure:
    """Return a figure with a row per AU over the time that was analysed.

    A row shows the probability as a line, filled where it is above the threshold (the thin dashed line), the
    intensity as a shade where the model gives one, events as bars, and hatched where the person was not seen.
    Experimental AUs are pale. Long videos are thinned so that no extreme is lost.

    Args:
        timelines: Of one video.
        person: Whom to draw.
        events: Those of other people are left out.
        aus: Which AUs get a row, in this order; all of the model if None.
        name: What to call the person; the number if None.

    Raises:
        ValueError: If the person is not in the video, or the model does not tell one of the AUs.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    aus = check_told(timelines, aus)
    lines = {line.person: line for line in timelines.people}
    if person not in lines:
        raise ValueError(f"{timelines.input} shows no person {person}; it shows {sorted(lines)}")
    line = lines[person]
    row = float(np.clip(_FILLED_HEIGHT / len(aus), _LOWEST_ROW, _HIGHEST_ROW))
    height = _TOP + row * len(aus) + _BOTTOM
    with rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height))
        for place, au in enumerate(aus):
            bottom = height - _TOP - row * (place + 1)
            axes = figure.add_axes(
                (_LEFT / _WIDTH, bottom / height, 1 - (_LEFT + _RIGHT) / _WIDTH, 0.86 * row / height)
            )
            _draw_row(axes, timelines, line, au, [e for e in events if (e.person, e.au) == (person, au)])
            _label_time(axes, timelines, last=place == len(aus) - 1)
        _write_title(figure, timelines, line, name or f"person {person}", bool(events))
    return figure


def _draw_row(axes: Axes, timelines: Timelines, line: Timeline, au: int, events: Sequence[Event]) -> None:
    """Draw one AU of one person."""
    begin, end = _span(timelines)
    column = (end - begin) / _COLUMNS
    pale = au in timelines.experimental
    _draw_gaps(axes, line, begin, end)
    if line.intensities:
        _draw_intensity(axes, line, au, column, _FAINT_ORANGE if pale else _ORANGE)
    _draw_probability(axes, timelines, line, au, _FAINT_BLUE if pale else _BLUE)
    axes.plot((begin, end), (0, 0), color=_RULE, linewidth=0.5, zorder=1.5)
    below = 1.03 * _STRIP / (axes.get_window_extent().height / axes.figure.dpi - _STRIP)
    if events:
        onsets = np.array([event.onset for event in events])
        offsets = np.array([event.offset for event in events])
        bars = spans_of(onsets, offsets, column / 2)
        bottom_and_height = (-0.9 * below, 0.6 * below)
        axes.broken_barh(bars, bottom_and_height, color=_MUTED if pale else _INK, linewidth=0, zorder=4)
    axes.set(xlim=(begin, end), ylim=(-below, 1.03))
    _name_row(axes, au, pale)


def _draw_gaps(axes: Axes, line: Timeline, begin: float, end: float) -> None:
    """Hatch where a person was not seen."""
    starts = np.r_[begin, line.ends[line.stretches[:, 1] - 1]]
    stops = np.r_[line.times[line.stretches[:, 0]], end]
    # Gaps that no dot of the picture would show are left out.
    wide = stops - starts > (end - begin) / _COLUMNS / 4
    gaps = spans_of(starts[wide], stops[wide], 0)
    axes.broken_barh(gaps, (0, 1), facecolor=_GAP, edgecolor=_HATCH, hatch="//////", linewidth=0, zorder=1)


def _draw_intensity(axes: Axes, line: Timeline, au: int, column: float, colour: str) -> None:
    """Shade under the intensity, so that 5 is as high as a probability of 1."""
    across, up = curve_of(line.times, line.ends, line.intensities[au], line.stretches, column)
    share = up / HIGHEST_INTENSITY
    with np.errstate(invalid="ignore"):
        seen = share > _LEAST_SHADE
    axes.fill_between(across, 0, share, where=seen, color=_PALE_ORANGE, linewidth=0, zorder=3.2)
    axes.plot(across, np.where(seen, share, np.nan), color=colour, linewidth=0.6, zorder=4)


def _draw_probability(axes: Axes, timelines: Timelines, line: Timeline, au: int, colour: str) -> None:
    """Draw the probability, filled above the threshold."""
    begin, end = _span(timelines)
    threshold = timelines.thresholds[au]
    values = line.probabilities[au]
    curve = curve_of(line.times, line.ends, values, line.stretches, (end - begin) / _COLUMNS)
    across, up = cut_at(curve, threshold)
    with np.errstate(invalid="ignore"):
        above = up >= threshold
    axes.fill_between(across, threshold, up, where=above, color=_PALE_BLUE, linewidth=0, zorder=3)
    # A line that goes up and down in every column would be a solid block.
    thinned = len(values) > 2 * _COLUMNS
    axes.plot(across, up, color=colour, linewidth=0.4 if thinned else 0.7, zorder=5)
    axes.plot((begin, end), (threshold, threshold), color=_MUTED, linewidth=0.4, dashes=(4, 3), zorder=3.5)


def _name_row(axes: Axes, au: int, pale: bool) -> None:
    """Write number and name of an AU to the left, and the scale of the probability."""
    number: dict[str, Any] = {"color": _INK, "size": 8, "weight": "bold"}
    if pale:
        number = {"color": _MUTED, "size": 7}
    for text, rise, style in (
        (f"AU{au} (experimental)" if pale else f"AU{au}", 5, number),
        (au_name(au), -5, {"color": _MUTED, "size": 6}),
    ):
        axes.annotate(
            text,
            (0, 0.5),
            (-22, rise),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            va="center",
            **style,
        )
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set(color=_MUTED, linewidth=0.5, bounds=(0, 1))
    axes.set_yticks((0, 1), ("0", "1"))
    axes.tick_params("y", length=2, width=0.5, color=_MUTED, labelcolor=_MUTED, labelsize=5.5, pad=1.5)


def _label_time(axes: Axes, timelines: Timelines, last: bool) -> None:
    """Give a row the shared axis of time; only the last shows its numbers."""
    begin, end = _span(timelines)
    step = next((step for step in _STEPS if (end - begin) / step <= _MOST_TICKS), _STEPS[-1])
    ticks = np.arange(np.ceil(begin / step), np.floor(end / step) + 1) * step
    minutes, hours = end >= 120, end >= 3600
    names = [_clock(tick, hours) if minutes else f"{tick:g}" for tick in ticks]
    axes.set_xticks(ticks, names if last else [])
    axes.tick_params("x", length=3 if last else 0, width=0.5, color=_MUTED, labelcolor=_INK, labelsize=7)
    if last:
        axes.set_xlabel(f"Time ({'h:min:s' if hours else 'min:s' if minutes else 's'})", color=_MUTED, size=7)


def _clock(seconds: float, hours: bool) -> str:
    """Return a time as on a player.

    >>> _clock(75, hours=False), _clock(3600, hours=True)
    ('1:15', '1:00:00')
    """
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def _write_title(figure: Figure, timelines: Timelines, line: Timeline, person: str, events: bool) -> None:
    """Write above the rows what is shown, and what lines and shades mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    height = figure.get_figheight()
    left, right = _EDGE / _WIDTH, 1 - _RIGHT / _WIDTH
    # Names of files may hold what no font and no XML has.
    title = f"{Path(timelines.input).name}, {person}"
    title = "".join(letter if letter.isprintable() else "?" for letter in title)
    figure.text(
        left, 1 - 0.17 / height, title, va="center", color=_INK, size=9, weight="bold", parse_math=False
    )
    if timelines.synthetic:
        figure.text(
            right,
            1 - 0.17 / height,
            "Model trained on synthetic faces",
            ha="right",
            va="center",
            color=_MUTED,
            size=7,
        )
    handles: list[Any] = [
        Line2D([], [], color=_BLUE, linewidth=1),
        Patch(facecolor=_PALE_BLUE),
        Line2D([], [], color=_MUTED, linewidth=0.6, dashes=(4, 3)),
    ]
    names = ["probability", "above threshold", "threshold"]
    if line.intensities:
        handles.append(Patch(facecolor=_PALE_ORANGE, edgecolor=_ORANGE, linewidth=0.5))
        names.append("intensity, 0 to 5")
    if events:
        handles.append(Patch(facecolor=_INK))
        names.append("event")
    handles.append(Patch(facecolor=_GAP, edgecolor=_HATCH, hatch="//////", linewidth=0))
    names.append("not seen")
    figure.legend(
        handles,
        names,
        loc="center left",
        bbox_to_anchor=(left, 1 - 0.4 / height),
        ncols=len(names),
        frameon=False,
        fontsize=6.5,
        labelcolor=_INK,
        handlelength=1.6,
        handleheight=0.8,
        handletextpad=0.5,
        columnspacing=1.6,
        borderpad=0,
        borderaxespad=0,
    )


def _span(timelines: Timelines) -> tuple[float, float]:
    """Return beginning and end of what was analysed, in seconds; never the same."""
    begin, end = float(timelines.times[0]), float(timelines.ends[-1])
    return begin, max(end, begin + 1e-3)
