"""Labels and names as somebody wrote them: whatever they hold, reports are drawn and nothing in them acts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from metafacs.evaluation.few_shot_records import FewShotRecord
from metafacs.evaluation.records import Record
from metafacs.reports.comparison import Comparison
from metafacs.reports.composition import compose_report
from metafacs.reports.few_shot import accuracy_table
from metafacs.reports.few_shot_comparison import FewShotComparison
from metafacs.reports.few_shot_figures import accuracy_by_person, accuracy_by_steps
from metafacs.reports.figures import f1_bars
from metafacs.reports.page import render_page
from metafacs.reports.picture_sheet import SheetRow, draw_sheet
from metafacs.reports.style import encoded

LABELS = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"' onload=x",
    "=cmd|' /C calc'!A0",
    "a$\\frac{$",
    "lr $5 or $6_x",
    "a\nb",
    "w" * 5000,
    "a\u202eb\0\x1b[2J",
    "]]> --> </svg></style>",
    "[/red] [link=http://x]y",
    "a|b\n# x\n[x](javascript:alert(1))",
    "_hidden",
    "顔 Größe",
)


class Reader(HTMLParser):
    """Collects tags and the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names += [name for name, _ in attrs]


@pytest.fixture(scope="module")
def comparison(record_of: Callable[..., Record]) -> Comparison:
    record = record_of()
    data = replace(record.data, name=LABELS[0], split=LABELS[6])
    people = {f"{LABELS[7]}{subject}": counts for subject, counts in record.per_subject.items()}
    versions = {label: label for label in LABELS}
    changes = {"data": data, "per_subject": people, "versions": versions}
    return Comparison([replace(record, label=label, **changes) for label in LABELS])


def test_every_label_is_a_row_of_its_own(comparison: Comparison) -> None:
    assert len(comparison.rows) == len(LABELS)
    assert all(len(row) <= 200 and row.isprintable() for row in comparison.rows)
    assert "顔 Größe" in comparison.rows


def test_the_page_holds_texts_and_no_marks(comparison: Comparison) -> None:
    content = compose_report(comparison)
    page = render_page(content)
    reader = Reader()
    reader.feed(page)
    assert not {"script", "img", "link"} & set(reader.tags)
    assert not [name for name in reader.names if name.startswith("on")]
    assert not re.search("[\0\x1b\u202e]", page)
    for figure in content.figures:
        told = "".join(ElementTree.fromstring(figure.svg).itertext())
        assert "lr $5 or $6_x" in told
        assert " _hidden" in told
    assert "Versions" in page


def test_no_cell_is_a_formula_and_no_cell_of_markdown_a_mark(comparison: Comparison) -> None:
    for table in compose_report(comparison).tables:
        for row in csv.reader(io.StringIO(table.to_csv())):
            assert len(row) == len(table.columns)
            assert not any(re.match("[=@\t\r]", text) for text in row)
        lines = [line for line in table.to_markdown().splitlines() if line.startswith("|")]
        assert len(lines) == len(table.rows) + 2
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(table.columns) + 1}
        assert not re.search(r"(?<!\\)\]\(", table.to_markdown())


def test_figures_are_drawn(comparison: Comparison, few_shot_record_of: Callable[..., FewShotRecord]) -> None:
    assert encoded(f1_bars(comparison)).startswith(b"\x89PNG")
    records = [few_shot_record_of(subject=label, learner=f"{label}1") for label in LABELS[2:4]]
    records += [
        replace(record, subject=other.subject) for record, other in zip(records, records[::-1], strict=True)
    ]
    tests = FewShotComparison([*records, *[replace(r, learner="_x") for r in records[:1] + records[2:3]]])
    assert "a$" in accuracy_table(tests).to_csv()
    models = {learner: group for (_, learner), group in tests.groups.items()}
    for figure in (accuracy_by_steps(tests), accuracy_by_person(models, {})):
        assert encoded(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("text", [*LABELS, "\udcff"])
def test_sheets_of_pictures_are_drawn(text: str) -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    sheet = draw_sheet(text, [SheetRow(text, text, [picture])], columns=1, side=8)
    assert sheet.height < 200
