from __future__ import annotations

import re
from xml.etree import ElementTree

from matplotlib.figure import Figure

from metafacs.reports.style import INK, SERIES, blank_figure, house_style, inline_svg


def drawn() -> Figure:
    with house_style():
        figure, (axes,) = blank_figure(4, 3)
        axes.plot([0, 1], [0, 1], color=SERIES["mal"], marker="o")
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
    assert "var(--mal)" in svg
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
