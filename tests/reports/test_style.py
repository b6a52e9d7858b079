from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from matplotlib.figure import Figure

from metafacs.reports import style
from metafacs.reports.style import (
    INK,
    PALETTE,
    TASKS,
    blank_figure,
    house_style,
    inline_svg,
    row_colours,
    task_colour,
)


def drawn() -> Figure:
    with house_style():
        figure, (axes,) = blank_figure(4, 3)
        axes.plot([0, 1], [0, 1], color=PALETTE["teal"], marker="o")
        axes.set_title("title")
    return figure


def test_svg_follows_the_page() -> None:
    svg = inline_svg(drawn(), name="first", alt='A "line" & more')
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'A "line" & more'
    assert root.get("width") is None
    assert root.get("height") is None
    assert root.get("viewBox")
    assert "var(--ink)" in svg
    assert "var(--teal)" in svg
    assert INK not in svg
    assert ">title<" in svg


def test_two_figures_share_no_ids_and_every_reference_resolves() -> None:
    svgs = [inline_svg(drawn(), name=name, alt="line") for name in ("first", "second")]
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in svgs]
    assert not ids[0] & ids[1]
    for svg, own in zip(svgs, ids, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg)) <= own


def test_same_figure_gives_the_same_svg() -> None:
    assert inline_svg(drawn(), name="a", alt="line") == inline_svg(drawn(), name="a", alt="line")


def test_colour_belongs_to_the_row() -> None:
    known = {"mal": "teal", "single_task": "grey"}
    colours = row_colours(["own_idea", "mal", "another"], known)
    assert colours["mal"] == "teal"
    assert colours["own_idea"] != colours["another"]
    assert not {colours["own_idea"], colours["another"]} & {"teal", "grey", *TASKS.values()}
    many = row_colours([f"row {number}" for number in range(30)], known)
    assert set(many.values()) == set(PALETTE) - {"teal", "grey", *TASKS.values()}
    assert task_colour("expression") == PALETTE["red"]


def test_every_colour_is_a_variable_of_the_page_by_day_and_by_night() -> None:
    css = (Path(style.__file__).parent / "page.css").read_text()
    light, dark = css.split("prefers-color-scheme: dark")
    for name, colour in PALETTE.items():
        assert f"--{name}: {colour};" in light
        assert re.search(rf"--{name}: #[0-9a-f]{{6}};", dark)
