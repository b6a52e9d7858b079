"""The XML of ELAN's annotation files (.eaf): tiers with their annotations and times.

Nothing outside the file is read: no document type, no entity, no external vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeVar
from xml.parsers import expat

from metafacs.data.codings.delimited import CodingError
from metafacs.texts import shown

_LARGEST = 200 * 2**20
_MOST_ANCESTORS = 100
_DIGITS = re.compile(r"-?[0-9]{1,12}")
_TEXTS = ("ANNOTATION_VALUE", "CVE_VALUE", "PROPERTY")


@dataclass
class Annotation:
    """One annotation.

    Attributes:
        key: Its id in the file.
        line: 1-based line of the file where it begins.
        value: Its text.
        first: Id of the time slot where it begins; empty for one that refers to another.
        last: Id of the time slot where it ends; likewise.
        parent: Id of the annotation it refers to; empty for one with times.
        entry: Id of the entry of a controlled vocabulary; empty where there is none.
        start: In seconds of the video; NaN until the times are settled.
        end: As that.
    """

    key: str
    line: int
    value: str = ""
    first: str = ""
    last: str = ""
    parent: str = ""
    entry: str = ""
    start: float = float("nan")
    end: float = float("nan")


@dataclass
class Tier:
    """One tier: its name, whom it is about if that is told, its line and its annotations."""

    name: str
    participant: str
    line: int
    annotations: list[Annotation] = field(default_factory=list)


@dataclass
class ElanDocument:
    """What an ELAN file holds.

    Attributes:
        path: The file.
        tiers: In order.
        slots: Id of a time slot -> seconds; None where it has no time of its own.
        entries: Id of an entry of a controlled vocabulary in the file -> its value, in the first language;
            None if several vocabularies have other values under this id.
        properties: Name -> value of what programs noted in the header.
        origin: Seconds of the video at which the time of the annotations starts.
    """

    path: Path
    tiers: list[Tier] = field(default_factory=list)
    slots: dict[str, float | None] = field(default_factory=dict)
    entries: dict[str, str | None] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    origin: float = 0.0

    def error(self, line: int, message: str) -> CodingError:
        """Return an error that names file and line."""
        return CodingError(f"{self.path}:{line}: {message}")


def read_elan_document(path: Path) -> ElanDocument:
    """Read an ELAN file and settle the time of every annotation.

    Annotations between two times that have none of their own share the stretch evenly, and so do those that
    refer to the same one, as ELAN shows them.

    Raises:
        CodingError: If the file is no ELAN file, is too large, declares a document type or entities, or an
            annotation has no time.
    """
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= _LARGEST else b""
    except OSError as error:
        raise CodingError(f"{path} cannot be read ({error.strerror})") from error
    if size > _LARGEST:
        raise CodingError(f"{path} has {size / 2**20:.0f} MB; ELAN files of more than 200 MB are not read")
    document = _Reader(path).read(raw)
    known: dict[str, Annotation] = {}
    for tier in document.tiers:
        for annotation in tier.annotations:
            _put(document, annotation.line, known, "annotation", annotation.key, annotation)
        _settle_slots(document, tier)
    for tier in document.tiers:
        _settle_references(document, tier, known)
    for annotation in known.values():
        annotation.start += document.origin
        annotation.end += document.origin
        if annotation.entry and not annotation.value.strip():
            if annotation.entry not in document.entries:
                raise document.error(
                    annotation.line,
                    "the annotation has no text and refers to a vocabulary outside the file, which is not "
                    "read; save it in ELAN with its values",
                )
            value = document.entries[annotation.entry]
            if value is None:
                raise document.error(
                    annotation.line,
                    f"the annotation has no text, and several vocabularies have '{annotation.entry}'; "
                    "save it in ELAN with its values",
                )
            annotation.value = value
    return document


class _Reader:
    """Handlers of the XML parser."""

    def __init__(self, path: Path) -> None:
        self._document = ElanDocument(path)
        self._text: list[str] | None = None
        self._key = ""
        self._depth = 0
        self._origins = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse

    def read(self, raw: bytes) -> ElanDocument:
        try:
            self._parser.Parse(raw, True)
        except expat.ExpatError as error:
            path, told = self._document.path, expat.ErrorString(error.code)
            raise CodingError(
                f"{path}:{error.lineno}: not XML ({told}); the file may be cut off or damaged"
            ) from error
        except CodingError:
            raise
        except (LookupError, ValueError) as error:  # encodings that expat does not know
            raise self._document.error(1, f"encoding is not read ({error}); save it as UTF-8") from error
        return self._document

    @property
    def _line(self) -> int:
        return self._parser.CurrentLineNumber

    def _refuse(self, *_: object) -> NoReturn:
        raise self._document.error(
            self._line, "the file declares a document type or an entity, which no ELAN file does; not read"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != "ANNOTATION_DOCUMENT":
            raise self._document.error(
                self._line, f"an ELAN file begins with ANNOTATION_DOCUMENT, not {name}"
            )
        handler = {
            "HEADER": self._header,
            "MEDIA_DESCRIPTOR": self._media,
            "TIME_SLOT": self._slot,
            "TIER": self._tier,
            "ALIGNABLE_ANNOTATION": self._annotation,
            "REF_ANNOTATION": self._annotation,
        }.get(name)
        if handler:
            handler(attributes)
        if name in ("CV_ENTRY_ML", "PROPERTY"):
            self._key = attributes.get("CVE_ID", attributes.get("NAME", ""))
        if name in _TEXTS:
            self._text = []

    def _header(self, attributes: dict[str, str]) -> None:
        units = attributes.get("TIME_UNITS", "milliseconds")
        if units != "milliseconds":
            raise self._document.error(
                self._line, f"times are in '{shown(units)}'; save the file with times in milliseconds"
            )

    def _media(self, attributes: dict[str, str]) -> None:
        self._origins += 1
        if self._origins == 1 and "TIME_ORIGIN" in attributes:
            self._document.origin = self._milliseconds(attributes["TIME_ORIGIN"]) / 1000

    def _slot(self, attributes: dict[str, str]) -> None:
        value = attributes.get("TIME_VALUE")
        time = None if value is None else self._milliseconds(value) / 1000
        # ELAN's own number for a slot without a time is -1.
        time = None if time is not None and time < 0 else time
        key = self._required(attributes, "TIME_SLOT_ID")
        _put(self._document, self._line, self._document.slots, "time slot", key, time)

    def _tier(self, attributes: dict[str, str]) -> None:
        self._document.tiers.append(
            Tier(self._required(attributes, "TIER_ID"), attributes.get("PARTICIPANT", "").strip(), self._line)
        )

    def _annotation(self, attributes: dict[str, str]) -> None:
        if not self._document.tiers:
            raise self._document.error(self._line, "an annotation stands outside any tier")
        annotation = Annotation(
            self._required(attributes, "ANNOTATION_ID"), self._line, entry=attributes.get("CVE_REF", "")
        )
        if "ANNOTATION_REF" in attributes:
            annotation.parent = attributes["ANNOTATION_REF"]
        else:
            slots = [self._required(attributes, f"TIME_SLOT_REF{i}") for i in (1, 2)]
            for slot in slots:
                if slot not in self._document.slots:
                    raise self._document.error(self._line, f"the time slot '{slot}' is missing in the file")
            annotation.first, annotation.last = slots
        self._document.tiers[-1].annotations.append(annotation)

    def _required(self, attributes: dict[str, str], name: str) -> str:
        if name not in attributes:
            raise self._document.error(self._line, f"{name} is missing")
        return attributes[name]

    def _milliseconds(self, text: str) -> int:
        if not _DIGITS.fullmatch(text):
            raise self._document.error(self._line, f"'{text[:20]}' is no time in milliseconds")
        return int(text)

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name not in _TEXTS or self._text is None:
            return
        text = "".join(self._text).strip()
        if name == "CVE_VALUE":
            entries = self._document.entries
            if self._key:
                entries[self._key] = text if entries.get(self._key, text) == text else None
            self._key = ""  # What follows is the same in other languages.
        elif name == "PROPERTY":
            self._document.properties[self._key] = text
        elif self._document.tiers and self._document.tiers[-1].annotations:
            self._document.tiers[-1].annotations[-1].value = text
        self._text = None


KeptT = TypeVar("KeptT")


def _put(
    document: ElanDocument, line: int, known: dict[str, KeptT], what: str, key: str, value: KeptT
) -> None:
    if known.setdefault(key, value) != value:
        raise document.error(line, f"a second {what} has the id '{key}'; save the file anew in ELAN")


def _settle_slots(document: ElanDocument, tier: Tier) -> None:
    """Give the annotations with time slots their times; chains without times share a stretch evenly."""
    aligned = [annotation for annotation in tier.annotations if annotation.first]
    follower = {annotation.first: annotation for annotation in aligned}
    ends = {annotation.last for annotation in aligned}
    for annotation in aligned:
        if document.slots[annotation.first] is None and annotation.first not in ends:
            raise _timeless(document, tier, annotation)
        if document.slots[annotation.first] is None:
            continue
        chain = [annotation]
        while document.slots[chain[-1].last] is None:
            following = follower.get(chain[-1].last)
            if following is None or len(chain) > len(aligned):
                raise _timeless(document, tier, chain[-1])
            chain.append(following)
        start, end = document.slots[chain[0].first], document.slots[chain[-1].last]
        assert start is not None
        assert end is not None
        _share(chain, start, end)
    for annotation in aligned:
        if annotation.start != annotation.start:
            raise _timeless(document, tier, annotation)


def _timeless(document: ElanDocument, tier: Tier, annotation: Annotation) -> CodingError:
    return document.error(
        annotation.line,
        f"an annotation '{shown(annotation.value)}' of tier '{shown(tier.name)}' begins or ends at a time "
        "slot without a "
        "time, and none beside it has one; give it a time in ELAN",
    )


def _share(annotations: list[Annotation], start: float, end: float) -> None:
    step = (end - start) / len(annotations)
    for i, annotation in enumerate(annotations):
        annotation.start, annotation.end = start + i * step, start + (i + 1) * step
    annotations[-1].end = end


def _settle_references(document: ElanDocument, tier: Tier, known: dict[str, Annotation]) -> None:
    """Give the annotations that refer to another its time; several of one tier share it in order."""
    families: dict[str, list[Annotation]] = {}
    for annotation in tier.annotations:
        if annotation.parent:
            families.setdefault(annotation.parent, []).append(annotation)
    for family in families.values():
        ancestor = _settled_ancestor(document, tier, family[0], known)
        _share(family, ancestor.start, ancestor.end)


def _settled_ancestor(
    document: ElanDocument, tier: Tier, annotation: Annotation, known: dict[str, Annotation]
) -> Annotation:
    for ancestor in _ancestors(annotation, known):
        if ancestor.start == ancestor.start:
            return ancestor
    raise document.error(
        annotation.line,
        f"an annotation of tier '{shown(tier.name)}' refers to '{shown(annotation.parent)}', which has no "
        "time",
    )


def _ancestors(annotation: Annotation, known: dict[str, Annotation]) -> Iterator[Annotation]:
    seen = {annotation.key}
    while annotation.parent in known and annotation.parent not in seen and len(seen) < _MOST_ANCESTORS:
        seen.add(annotation.parent)
        annotation = known[annotation.parent]
        yield annotation
