"""What a report says, before it is laid out."""

from __future__ import annotations

from dataclasses import dataclass

from metafacs.reports.claims import Claim
from metafacs.reports.pictures import Picture, PictureRow
from metafacs.reports.tables import Table


@dataclass(frozen=True)
class Headline:
    """A number worth reading first.

    Attributes:
        label: What it is of, e.g. a method.
        value: The number as printed.
        detail: Its spread or interval.
        colour: Name of the colour that marks it; empty for none.
    """

    label: str
    value: str
    detail: str = ""
    colour: str = ""


@dataclass(frozen=True)
class DrawnFigure:
    """A figure of the page.

    Attributes:
        heading: Short title above.
        svg: An ``<svg>`` element, from :func:`metafacs.reports.style.inline_svg`.
        caption: What is drawn and how to read it.
    """

    heading: str
    svg: str
    caption: str


@dataclass(frozen=True)
class ReportContent:
    """Everything on the page, from top to bottom. Empty parts are left out.

    Attributes:
        title: Title of the page.
        summary: One or two sentences below it.
        synthetic: Whether any number or picture comes from a twin; the page then says so at the top.
        note: What "synthetic" or anything else means for the reader.
        headlines: Numbers worth reading first.
        claims: What a paper claims, answered.
        figures: Drawn figures.
        tables: Tables.
        weight_rows: Expression pictures in order of learned weight, one row per class.
        photos: Real photos with what the detector says drawn on them.
        faces: Sample faces of the data.
        attention: Pictures with where the detectors look drawn on them, one row per model and action unit.
        corrected: Pictures whose expression one model gets wrong and another right, with where each looks.
        commands: Shell commands that made the report, in order.
        facts: Label and value of everything needed to make it again: data, split, seeds, versions.
    """

    title: str
    summary: str
    synthetic: bool
    note: str = ""
    headlines: tuple[Headline, ...] = ()
    claims: tuple[Claim, ...] = ()
    figures: tuple[DrawnFigure, ...] = ()
    tables: tuple[Table, ...] = ()
    weight_rows: tuple[PictureRow, ...] = ()
    photos: tuple[Picture, ...] = ()
    faces: tuple[PictureRow, ...] = ()
    attention: tuple[PictureRow, ...] = ()
    corrected: tuple[PictureRow, ...] = ()
    commands: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
