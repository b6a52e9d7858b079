from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.composition import compose_report
from metafacs.reports.content import ReportContent
from metafacs.reports.page import render_page
from metafacs.reports.papers import PAPERS
from metafacs.reports.pictures import PictureRow, embedded, weight_rows

MakeRecord = Callable[..., Record]
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Reader(HTMLParser):
    """Checks nesting, and collects ids, addresses and alternative texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.alts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [values["id"]] if values.get("id") else []  # type: ignore[list-item]
        self.addresses += [str(values[k]) for k in ("src", "href", "xlink:href") if k in values]
        if tag == "img":
            self.alts.append(values.get("alt"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    return reader


@pytest.fixture
def content(record_of: MakeRecord) -> ReportContent:
    picture = Image.new("RGB", (32, 32), "grey")
    records = [record_of(method) for method in ("single_task", "multi_task", "mal")]
    return compose_report(
        Comparison(records, PAPERS["mal"]),
        weight_rows=weight_rows([picture] * 4, np.linspace(0.2, 0.8, 4), np.zeros(4, int), ("surprise",)),
        photos=[embedded(picture, alt="A photo with a box", caption="AU12 <0.93>")],
        faces=[PictureRow("BP4D twin", (embedded(picture, alt="A rendered face"),))],
        commands=["metafacs demo --out 'runs/<demo>'"],
        facts=[("Machine", "2 cores")],
    )


def test_page_is_well_formed_and_asks_the_network_for_nothing(content: ReportContent) -> None:
    page = render_page(content)
    reader = read(page)
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert all(address.startswith(("data:", "#")) for address in reader.addresses)
    assert "default-src 'none'" in page
    assert not re.findall(r"@import|url\((?!#)", page)
    assert len(reader.ids) == len(set(reader.ids))


def test_page_is_accessible(content: ReportContent) -> None:
    page = render_page(content)
    reader = read(page)
    assert reader.alts
    assert all(reader.alts)
    assert 'lang="en"' in page
    assert reader.tags.count("h1") == 1
    assert page.count('role="img"') == page.count("<svg")
    assert "prefers-color-scheme: dark" in page


def test_page_shows_every_part(content: ReportContent) -> None:
    page = render_page(content)
    for section in ("claims", "figure-1", "figure-2", "tables", "weights", "photos", "faces", "again"):
        assert f'<section id="{section}"' in page
    assert "Synthetic data" in page
    assert "mal &gt; multi_task on average F1" in page
    assert "62.2" in page
    assert "AU12 &lt;0.93&gt;" in page
    assert "runs/&lt;demo&gt;" in page


def test_page_of_real_data_is_not_marked_synthetic(record_of: MakeRecord) -> None:
    page = render_page(compose_report(Comparison([record_of("mal", synthetic=False)])))
    body = page[page.index("<body>") :]
    assert "ynthetic" not in body
    assert "on BP4D" in body


def test_empty_parts_are_left_out() -> None:
    page = render_page(ReportContent("Title", "Summary", synthetic=False))
    assert "<section" not in page
    read(page)
