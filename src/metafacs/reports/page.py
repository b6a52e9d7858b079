"""The report as one HTML file that asks the network for nothing."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape as escape_marks
from importlib.resources import files
from itertools import groupby

from metafacs.reports.claims import Claim
from metafacs.reports.content import DrawnFigure, Headline, ReportContent
from metafacs.reports.pictures import Picture, PictureRow
from metafacs.reports.tables import Table
from metafacs.texts import printable

# Whatever a label or caption may contain, the page can neither run scripts nor load anything.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render_page(content: ReportContent) -> str:
    """Return the page as HTML with inline style, inline SVG and pictures as data."""
    css = (files("metafacs.reports") / "page.css").read_text(encoding="utf-8")
    parts = [
        _header(content),
        _headlines(content.headlines),
        _section("claims", "What the numbers say", _claims(content.claims)),
        *(
            _section(f"figure-{number}", drawn.heading, _figure(drawn, number))
            for number, drawn in enumerate(content.figures, 1)
        ),
        _section("tables", "Scores", "\n".join(_table(table) for table in content.tables)),
        _section(
            "weights",
            "Expression pictures by learned weight",
            _rows(
                content.weight_rows,
                "In each row the lowest learned weights are on the left and the highest on the right, as in "
                "Fig. 5 of Li & Shan; the number is the weight before normalisation"
                f"{_after_slash(content.weight_rows)}.",
            ),
        ),
        _section(
            "attention",
            "Where the detectors look",
            _rows(
                content.attention,
                "Grad-CAM on held-out pictures that show the action unit: the brighter, the more it speaks "
                "for it. The number is the detector's probability.",
            ),
        ),
        _section(
            "corrected",
            "Expressions that one model corrects",
            _rows(
                content.corrected,
                "Held-out pictures in pairs of rows: one model gets them wrong, above, another right, below. "
                "The surest corrections are on the left. Grad-CAM of the expression that the model says, "
                "which is below each picture; the number is its probability.",
            ),
        ),
        _section("photos", "On real photos", _photos(content.photos)),
        _section(
            "faces",
            "Faces of the data",
            _rows(content.faces, "Rendered faces; none of these people exists." if content.synthetic else ""),
        ),
        _section("again", "Make it again", _provenance(content)),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(content.title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n"
        f"<main>\n{body}\n</main>\n"
        "<footer><p>Made by metafacs from its records.</p></footer>\n</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """Return a text as it may stand on the page, in quotes too."""
    return escape_marks("\n".join(map(printable, text.split("\n"))))


def _header(content: ReportContent) -> str:
    badge = '<p class="badge">Synthetic data</p>' if content.synthetic else ""
    note = f'<p class="note">{escape(content.note)}</p>' if content.note else ""
    return (
        f"<header>\n{badge}\n<h1>{escape(content.title)}</h1>\n"
        f'<p class="summary">{escape(content.summary)}</p>\n{note}\n</header>'
    )


def _headlines(headlines: Iterable[Headline]) -> str:
    cards = [
        f'<li style="--mark: var(--{h.colour or "muted"})">'
        f'<span class="label">{escape(h.label)}</span><span class="value">{escape(h.value)}</span>'
        f'<span class="detail">{escape(h.detail)}</span></li>'
        for h in headlines
    ]
    return f'<ul class="headlines">{"".join(cards)}</ul>' if cards else ""


def _claims(claims: Iterable[Claim]) -> str:
    items = [
        f'<li><span class="answer {claim.answer}">{claim.answer}</span>'
        f"<div><strong>{escape(claim.statement)}</strong><p>{escape(claim.detail)}</p></div></li>"
        for claim in claims
    ]
    return f'<ul class="claims">{"".join(items)}</ul>' if items else ""


def _figure(drawn: DrawnFigure, number: int) -> str:
    return (
        f'<figure class="drawn"><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{escape(drawn.heading)}">{drawn.svg}</div>'
        f"<figcaption><b>Figure {number}.</b> {escape(drawn.caption)}</figcaption></figure>"
    )


def _table(table: Table) -> str:
    groups = [(group, len(list(columns))) for group, columns in groupby(table.columns, key=lambda c: c.group)]
    above = ""
    if any(group for group, _ in groups):
        cells = "".join(
            f'<th scope="colgroup" colspan="{span}"{" class=group" if group else ""}>{escape(group)}</th>'
            for group, span in groups
        )
        above = f"<tr>{cells}</tr>"
    starts = {sum(span for _, span in groups[:i]) for i in range(1, len(groups))}
    kinds = [
        " ".join(["text"] * column.text + ["starts"] * (place in starts))
        for place, column in enumerate(table.columns)
    ]
    heads = "".join(
        f'<th scope="col" class="{kind}">{escape(column.head)}</th>'
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    lines = []
    for place, row in enumerate(table.rows):
        total = ' class="total"' if table.last_row_is_total and place == len(table.rows) - 1 else ""
        cells = "".join(
            f'<th scope="row" class="{kind}">{escape(cell)}</th>'
            if number == 0
            else f'<td class="{kind}">{_with_spread(cell)}</td>'
            for number, (cell, kind) in enumerate(zip(row, kinds, strict=True))
        )
        lines.append(f"<tr{total}>{cells}</tr>")
    note = f'<p class="table-note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="table"><h3>{escape(table.title)}</h3>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}"><table>'
        f"<thead>{above}<tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>{note}</div>"
    )


def _with_spread(cell: str) -> str:
    value, sign, spread = cell.partition(" ± ")
    return f'{escape(value)}<span class="spread"> ± {escape(spread)}</span>' if sign else escape(cell)


def _rows(rows: Iterable[PictureRow], caption: str) -> str:
    lines = []
    for row in rows:
        shown = []
        for place, picture in enumerate(row.pictures):
            if row.gap and place == row.gap:
                shown.append('<li class="gap" aria-hidden="true">···</li>')
            below = f'<span class="below">{escape(picture.caption)}</span>' if picture.caption else ""
            shown.append(f"<li>{_picture(picture)}{below}</li>")
        pictures = f'<ul class="pictures">{"".join(shown)}</ul>'
        lines.append(f'<div class="strip"><h3>{escape(row.heading)}</h3>{pictures}</div>')
    if not lines:
        return ""
    lead = f'<p class="lead">{escape(caption)}</p>' if caption else ""
    return lead + "\n".join(lines)


def _after_slash(rows: Iterable[PictureRow]) -> str:
    shown = any(" / " in picture.corner for row in rows for picture in row.pictures)
    return ", and after the slash the share of annotators who agree with the label" if shown else ""


def _photos(photos: Iterable[Picture]) -> str:
    shown = [
        f"<figure>{_picture(photo)}<figcaption>{escape(photo.caption)}</figcaption></figure>"
        for photo in photos
    ]
    return f'<div class="photos">{"".join(shown)}</div>' if shown else ""


def _picture(picture: Picture) -> str:
    corner = (
        f'<span class="corner" aria-hidden="true">{escape(picture.corner)}</span>' if picture.corner else ""
    )
    return (
        f'<span class="picture"><img src="{picture.source}" alt="{escape(picture.alt)}" '
        f'width="{picture.width}" height="{picture.height}" loading="lazy">{corner}</span>'
    )


def _provenance(content: ReportContent) -> str:
    commands = ""
    if content.commands:
        commands = f'<pre tabindex="0"><code>{escape(chr(10).join(content.commands))}</code></pre>'
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in content.facts)
    return f"{commands}<dl>{facts}</dl>" if facts or commands else ""


def _section(name: str, heading: str, inner: str) -> str:
    if not inner:
        return ""
    title = f'<h2 id="{name}-heading">{escape(heading)}</h2>'
    return f'<section id="{name}" aria-labelledby="{name}-heading">\n{title}\n{inner}\n</section>'
