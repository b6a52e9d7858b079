"""Codings made in ELAN: one tier for each action unit, or tiers whose annotations name action units."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from metafacs.data.codings.coding import NOBODY, CodedInterval, IntervalCoding, ReadingRules
from metafacs.data.codings.delimited import CodingError
from metafacs.data.codings.elan_documents import Annotation, ElanDocument, Tier, read_elan_document
from metafacs.data.codings.intervals import CODED_NAMES, GatheredIntervals, build_coding
from metafacs.data.codings.values import (
    AuCode,
    AuName,
    other_facs_code,
    parse_au_codes,
    parse_au_name,
    parse_code,
    parse_person,
    parse_side,
    says_letter,
)
from metafacs.facs import AU_NAMES
from metafacs.texts import shown

_SEEN = "seen"
"""What metafacs writes on a person's tier where the face is seen; its other tiers tell of these stretches."""

_PEAK = re.compile(r"(AU\d+) [01]\.\d+(?: \(\d\.\d+\))?")
"""What metafacs writes for an event: probability and intensity at its peak, which is no level."""

_INTENSITY_WORDS = ("intensity", "int", "level")


@dataclass
class _Gathering:
    """What the tiers seen so far say."""

    intervals: dict[tuple[str, int], list[CodedInterval]] = field(default_factory=dict)
    levels: dict[tuple[str, int], list[CodedInterval]] = field(default_factory=dict)
    coded: dict[str, list[CodedInterval]] = field(default_factory=dict)
    graded: bool = False
    other: list[str] = field(default_factory=list)
    strange: set[int] = field(default_factory=set)
    between: CodingError | None = None


def read_elan(path: Path, rules: ReadingRules) -> IntervalCoding:
    """Read an ELAN file.

    A tier ``AU12``, ``person0_AU12`` or ``AU 12`` codes this AU: its annotations are empty, name the AU, or
    say 1, 0, A to E or 1 to 5. On another tier, annotations such as ``AU6+AU12B`` name the AUs themselves. A
    tier ``coded`` or ``person0_coded`` marks the stretches that were coded, and so does ``person0`` in files
    of metafacs. Other tiers are left alone.

    Args:
        path: The ``.eaf`` file.
        rules: The coded range, and from which intensity on an AU is present.

    Raises:
        CodingError: If it is no ELAN file, holds no AU, or an annotation of an AU cannot be understood.
    """
    document = read_elan_document(path)
    gathering = _Gathering()
    for tier in document.tiers:
        _gather_tier(document, tier, gathering)
    if not gathering.intervals:
        listed = ", ".join(repr(shown(tier.name)) for tier in document.tiers[:8]) or "none"
        raise CodingError(
            f"{path} codes no action unit; tiers are called AU12 or person0_AU12, or their annotations say "
            f"AU12; its tiers: {listed}"
        )
    if gathering.between is not None and not gathering.graded:
        raise gathering.between
    notes = ["an AU without a tier is unknown; one with a tier is absent where its tier is empty"]
    if document.origin:
        notes.append(f"its time starts {document.origin:g} s into the video (TIME_ORIGIN)")
    if gathering.other:
        notes.append(f"tiers left alone, since they name no action unit: {', '.join(gathering.other)}")
    if gathering.strange:
        notes.append(f"left out, since metafacs does not know these codes: {sorted(gathering.strange)}")
    gathered = GatheredIntervals(_with_levels(gathering), gathering.coded, gathering.graded)
    synthetic = document.properties.get("metafacs.synthetic") == "true"
    return build_coding(path, "ELAN file", "seconds", gathered, rules, notes, synthetic=synthetic)


def _gather_tier(document: ElanDocument, tier: Tier, gathering: _Gathering) -> None:
    participant = parse_person(tier.participant)
    name = tier.name.strip()
    person, _, rest = name.rpartition("_")
    if name.lower() in CODED_NAMES or rest.lower() in CODED_NAMES:
        who = parse_person(person) if name.lower() not in CODED_NAMES else participant
        gathering.coded.setdefault(who, []).extend(_interval(document, one) for one in tier.annotations)
        return
    if parse_person(name).isdecimal() and {one.value for one in tier.annotations} == {_SEEN}:
        marked = [_interval(document, one) for one in tier.annotations]
        gathering.coded.setdefault(parse_person(name), []).extend(marked)
        return
    parsed = parse_au_name(name)
    if parsed is None:
        _gather_free(document, tier, participant, gathering)
        return
    if parsed.au not in AU_NAMES:
        if not other_facs_code(parsed.au):
            raise document.error(
                tier.line, f"tier '{shown(tier.name)}': AU{parsed.au} is no FACS action unit"
            )
        gathering.strange.add(parsed.au)
        return
    who, side, is_level = _read_name(document, tier, parsed)
    intervals = [_coded_interval(document, one, tier, parsed.au, side, gathering) for one in tier.annotations]
    place = gathering.levels if is_level else gathering.intervals
    place.setdefault((who or participant, parsed.au), []).extend(intervals)


def _read_name(document: ElanDocument, tier: Tier, parsed: AuName) -> tuple[str, str, bool]:
    """Return person, part of the face and whether the tier holds intensities, of a tier that names an AU."""
    who, side, is_level = NOBODY, "", False
    before = parse_side(parsed.before) if parsed.before else None
    if before:
        side = before
    elif parsed.before:
        who = parse_person(parsed.before)
    after = parsed.after
    english = AU_NAMES[parsed.au].lower()
    if not after or after.replace("_", " ").strip("() ") == english:
        return who, side, is_level
    if after in _INTENSITY_WORDS:
        is_level = True
    elif known := parse_side(after):
        side = known
    elif parse_person(after).isdecimal() and not who:
        who = parse_person(after)
    else:
        raise document.error(
            tier.line,
            f"tier '{shown(tier.name)}': '{shown(after)}' is unknown; expected e.g. AU12, person0_AU12, "
            "AU12_L or "
            "AU12_intensity",
        )
    return who, side, is_level


def _coded_interval(
    document: ElanDocument, one: Annotation, tier: Tier, au: int, side: str, gathering: _Gathering
) -> CodedInterval:
    """Return an annotation of a tier that codes one AU."""
    text = one.value.strip()
    if match := _PEAK.fullmatch(text):
        text = match[1]
    if not text:
        return _interval(document, one, side=side)
    try:
        level = parse_code(text)
    except ValueError:
        codes = parse_au_codes(text, prefixed=False)
        if codes is None or len(codes) != 1 or codes[0].au != au:
            raise document.error(
                one.line,
                f"tier '{shown(tier.name)}' says '{shown(text)}' at {one.start:.3f} s; expected nothing, "
                f"AU{au}, 1, 0, an "
                "intensity 1 to 5 or A to E, or 9 for unknown",
            ) from None
        gathering.graded |= not math.isnan(codes[0].level)
        return _interval(document, one, level=codes[0].level, side=codes[0].side or side)
    if math.isnan(level):
        return _interval(document, one, presence=math.nan, side=side)
    gathering.graded |= level > 1 or says_letter(text)
    if 0 < level < 1 and gathering.between is None:
        gathering.between = document.error(
            one.line,
            f"tier '{shown(tier.name)}' says '{shown(text)}', neither 0 nor 1, though no other tells an "
            "intensity above 1",
        )
    return _interval(document, one, presence=float(level > 0), level=level, side=side)


def _gather_free(document: ElanDocument, tier: Tier, person: str, gathering: _Gathering) -> None:
    """Gather a tier whose annotations name the AUs; leave it alone if none does."""
    codes = [
        parse_au_codes(one.value, prefixed=True) if one.value.strip() else None for one in tier.annotations
    ]
    if not any(codes):
        gathering.other.append(repr(tier.name))
        return
    for one, each in zip(tier.annotations, codes, strict=True):
        for code in _known(document, tier, one, each, gathering):
            gathering.graded |= not math.isnan(code.level)
            interval = _interval(document, one, level=code.level, side=code.side)
            gathering.intervals.setdefault((person, code.au), []).append(interval)


def _known(
    document: ElanDocument, tier: Tier, one: Annotation, codes: list[AuCode] | None, gathering: _Gathering
) -> list[AuCode]:
    wrong = next((c.au for c in codes or [] if c.au not in AU_NAMES and not other_facs_code(c.au)), None)
    if codes is None or wrong is not None:
        raise document.error(
            one.line,
            f"tier '{shown(tier.name)}' says '{shown(one.value)}' at {one.start:.3f} s, though its other "
            "annotations name "
            "action units; expected e.g. AU6+AU12B",
        )
    gathering.strange |= {code.au for code in codes if code.au not in AU_NAMES}
    return [code for code in codes if code.au in AU_NAMES]


def _interval(
    document: ElanDocument,
    one: Annotation,
    *,
    presence: float = 1.0,
    level: float = math.nan,
    side: str = "",
) -> CodedInterval:
    return CodedInterval(one.start, one.end, presence, level, side, f"{document.path}:{one.line}")


def _with_levels(gathering: _Gathering) -> dict[tuple[str, int], list[CodedInterval]]:
    """Return the intervals with the levels of tiers such as ``AU12_intensity`` put into them.

    An interval takes the level of the annotation that begins within it; an AU that has only a tier of
    intensities is coded by it.
    """
    joined = {key: list(intervals) for key, intervals in gathering.intervals.items()}
    for key, levels in gathering.levels.items():
        joined[key] = [_leveled(one, levels) for one in joined[key]] if joined.get(key) else list(levels)
    return joined


def _leveled(interval: CodedInterval, levels: list[CodedInterval]) -> CodedInterval:
    inside = [one for one in levels if interval.onset <= one.onset < interval.offset]
    if not inside:
        return interval
    return CodedInterval(
        interval.onset,
        interval.offset,
        interval.presence,
        max(one.intensity for one in inside),
        interval.side,
        interval.place,
    )
