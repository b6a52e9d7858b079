"""Tables of how well two codings agree."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence

from metafacs.evaluation.agreement import (
    FEWEST_PEOPLE,
    MEASURES,
    Agreement,
    AuAgreement,
    Interval,
    PersonAgreement,
)
from metafacs.facs import au_name
from metafacs.reports.tables import Column, Table
from metafacs.texts import cell, markdown, shown

UNDEFINED = "-"
"""Printed for what has no value; the note says why."""

_HEADS = {
    "kappa": "kappa",
    "pabak": "PABAK",
    "f1": "F1",
    "negative_agreement": "agreement on absence",
    "auc": "AUC",
    "icc": "ICC",
    "event_precision": "precision",
    "event_recall": "recall",
    "event_f1": "F1",
}
_PER_FRAME = ("kappa", "pabak", "f1", "negative_agreement", "auc", "icc")
_PER_EVENT = ("event_precision", "event_recall", "event_f1")
_IN_REASONS = {
    "kappa": "kappa",
    "f1": "F1",
    "auc": "AUC",
    "icc": "ICC",
    "pabak": "PABAK",
    "negative_agreement": "agreement on absence",
    "event_precision": "precision of events",
    "event_recall": "recall of events",
    "event_f1": "F1 of events",
    "onset_difference": "difference of onsets",
}


def agreement_table(agreement: Agreement, title: str) -> Table:
    """Return agreement per AU over everybody's frames, with the mean over AUs."""
    rows = []
    for au, each in agreement.aus.items():
        events = each.events or (0, 0, 0)
        rows.append(
            (
                f"AU{au} {au_name(au)}",
                f"{each.frames:,}",
                _percent(each.left_present),
                _percent(each.right_present),
                *(_value(_of(each, name), each.intervals.get(name)) for name in _PER_FRAME),
                f"{events[1]} / {events[2]}" if each.events else UNDEFINED,
                *(_value(each.values[name], each.intervals.get(name)) for name in _PER_EVENT),
                _seconds(each.onset_difference),
            )
        )
    means, bounds = agreement.means, agreement.intervals
    rows.append(
        (
            "Mean over AUs",
            "",
            "",
            "",
            *(_value(means[name], bounds.get(name)) for name in _PER_FRAME),
            "",
            *(_value(means[name], bounds.get(name)) for name in _PER_EVENT),
            "",
        )
    )
    return Table(
        title=title,
        columns=(
            Column("Action unit", text=True),
            Column("frames"),
            Column("left, %", "present", "present"),
            Column("right, %", "present", "present"),
            *(Column(_HEADS[name]) for name in _PER_FRAME),
            Column("left / right", "events", "events"),
            *(Column(_HEADS[name], "events", "events") for name in _PER_EVENT),
            Column("onset, s", "events", "events"),
        ),
        rows=tuple(rows),
        note=_note(agreement),
        name="agreement",
        last_row_is_total=True,
    )


def confusion_table(agreement: Agreement) -> Table:
    """Return how many frames both, one or neither side call present, per AU."""
    return Table(
        title="Frames by what both sides say",
        columns=(
            Column("Action unit", text=True),
            *map(Column, ("both present", "only left", "only right", "both absent")),
        ),
        rows=tuple(
            (f"AU{au}", *(f"{count:,}" for count in each.pairs)) for au, each in agreement.aus.items()
        ),
        note="Frames in which both sides know the action unit.",
        name="confusion",
    )


def people_table(agreement: Agreement) -> Table:
    """Return what each person's frames tell: how many both sides have, and the means over AUs."""
    heads = ("kappa", "pabak", "f1", "icc", "event_f1")
    return Table(
        title="Agreement per person",
        columns=(
            Column("Video", text=True),
            Column("in both", "frames", "frames"),
            Column("only left", "frames", "frames"),
            Column("only right", "frames", "frames"),
            Column("left unknown", "frames", "frames"),
            Column("right unknown", "frames", "frames"),
            Column("AUs"),
            *(Column("event F1" if name == "event_f1" else _HEADS[name]) for name in heads),
        ),
        rows=tuple(
            (
                shown(each.person.name),
                *(f"{count:,}" for count in _counts(each)),
                str(len(each.aus)),
                *(_value(each.means[name], None) for name in heads),
            )
            for each in agreement.people
        ),
        note=(
            "'left unknown': frames in both files of which the left says nothing, because no face was found "
            "or nobody coded them; they are not compared. Scores are means over the AUs that have a value."
        ),
        name="people",
    )


def _counts(each: PersonAgreement) -> tuple[int, ...]:
    account = each.person.account
    return (
        account.both,
        account.left_only,
        account.right_only,
        account.left_unknown,
        account.right_unknown,
    )


def undefined_in_words(agreement: Agreement) -> list[str]:
    """Return which measures have no value and why, a sentence for all AUs of which the same is true."""
    phrases: dict[int, list[str]] = {}
    for au, each in agreement.aus.items():
        by_reason: dict[str, list[str]] = {}
        for name, reason in each.reasons.items():
            by_reason.setdefault(reason, []).append(_IN_REASONS[name])
        phrases[au] = [f"no {', '.join(names)} ({reason})" for reason, names in by_reason.items()]
    several = len(phrases) > 1
    everywhere = [one for one in next(iter(phrases.values()), []) if all(one in p for p in phrases.values())]
    found: dict[str, list[str]] = {}
    for au, told in phrases.items():
        own = [one for one in told if not (several and one in everywhere)]
        if own:
            found.setdefault("; ".join(own), []).append(f"AU{au}")
    shared = [f"all AUs: {'; '.join(everywhere)}"] if several and everywhere else []
    return [f"{', '.join(aus)}: {told}" for told, aus in found.items()] + shared


CSV_COLUMNS = (
    *("scope", "video", "person", "subject", "au", "frames"),
    *("both_present", "only_left", "only_right", "both_absent", "left_present", "right_present"),
    *(column for name in MEASURES for column in (name, f"{name}_low", f"{name}_high")),
    *("auc", "events_left", "events_right", "events_matched", "onset_difference", "undefined"),
)
"""Columns of ``agreement.csv``; ``scope`` is ``all`` or ``person``, ``au`` a number or ``mean``."""


def agreement_csv(agreement: Agreement) -> str:
    """Return everything measured as CSV with full precision; what has no value is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(_csv_rows({"scope": "all"}, agreement.aus, agreement.means, agreement.intervals))
    for each in agreement.people:
        who = {
            "scope": "person",
            "video": cell(each.person.video),
            "person": cell(each.person.person),
            "subject": cell(each.person.subject),
        }
        writer.writerows(_csv_rows(who, each.aus, each.means, {}))
    return text.getvalue()


def _csv_rows(
    who: Mapping[str, object],
    aus: Mapping[int, AuAgreement],
    means: Mapping[str, float],
    intervals: Mapping[str, Interval],
) -> Iterable[dict[str, object]]:
    for au, each in aus.items():
        events = each.events or ("", "", "")
        row: dict[str, object] = dict(who)
        row |= {"au": au, "frames": each.frames}
        row |= dict(zip(CSV_COLUMNS[6:10], each.pairs, strict=True))
        row |= {"left_present": _cell(each.left_present), "right_present": _cell(each.right_present)}
        row |= _with_bounds(each.values, each.intervals)
        row |= {"auc": _cell(each.auc), "onset_difference": _cell(each.onset_difference)}
        row |= dict(zip(("events_matched", "events_left", "events_right"), events, strict=True))
        yield row | {"undefined": "; ".join(f"{name}: {why}" for name, why in each.reasons.items())}
    yield dict(who) | {"au": "mean", "auc": _cell(means["auc"])} | _with_bounds(means, intervals)


def _with_bounds(values: Mapping[str, float], intervals: Mapping[str, Interval]) -> dict[str, object]:
    row: dict[str, object] = {}
    for name in MEASURES:
        low, high = intervals.get(name, (math.nan, math.nan))
        row |= {name: _cell(values[name]), f"{name}_low": _cell(low), f"{name}_high": _cell(high)}
    return row


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _of(each: AuAgreement, name: str) -> float:
    return each.auc if name == "auc" else each.values[name]


def _value(value: float, interval: Interval | None) -> str:
    if math.isnan(value):
        return UNDEFINED
    if interval is None or math.isnan(interval[0]):
        return f"{value:.2f}"
    return f"{value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def _percent(share: float) -> str:
    return UNDEFINED if math.isnan(share) else f"{100 * share:.1f}"


def _seconds(value: float) -> str:
    # Adding 0 makes -0 a plain one.
    return UNDEFINED if math.isnan(value) else f"{round(value, 3) + 0:+.3f}"


def _note(agreement: Agreement) -> str:
    people = agreement.subjects
    if agreement.intervals:
        interval = (
            f"In brackets: {agreement.level:.0%} intervals, {people} people resampled "
            f"{agreement.repetitions:,} times; AUC and onsets have none."
        )
    else:
        interval = (
            f"No intervals: {'one person' if people == 1 else f'{people} people'}, and they are resampled "
            f"from {FEWEST_PEOPLE} on."
        )
    parts = [
        "Left against right, over the frames of everybody together. F1 is the agreement on presence; ICC is "
        "ICC(3,1) of intensities; AUC is of the left's probabilities, or else intensities. Events are runs "
        "of frames as they stand; 'onset' is the median of left minus right of paired events.",
        interval,
    ]
    return " ".join(parts)


def in_sections(tables: Sequence[Table], lists: Mapping[str, Sequence[str]]) -> str:
    """Return tables and lists of sentences as one Markdown text; empty lists are left out."""
    parts = [table.to_markdown() for table in tables]
    parts += [
        "\n".join([f"**{title}**", "", *(f"- {markdown(sentence)}" for sentence in sentences), ""])
        for title, sentences in lists.items()
        if sentences
    ]
    return "\n".join(parts)
