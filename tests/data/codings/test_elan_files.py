from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metafacs.data.codings import CodingError, ReadingRules, read_coding
from metafacs.data.codings.coding import IntervalCoding
from metafacs.inference.elan import write_elan
from metafacs.inference.events import EventRules, find_events
from metafacs.inference.timelines import Timeline, Timelines

Write = Callable[..., Path]
Note = tuple[int, int, str]


def eaf(tiers: dict[str, list[Note]], *, header: str = "", extra: str = "", root: str = "") -> bytes:
    """Return an ELAN file with tiers of (begin, end in milliseconds, value)."""
    slots, body = [], []
    for name, notes in tiers.items():
        body.append(f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="x">')
        for begin, end, value in notes:
            i = len(slots)
            slots += [begin, end]
            body.append(
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{i}" TIME_SLOT_REF1="ts{i}" '
                f'TIME_SLOT_REF2="ts{i + 1}"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>'
                "</ALIGNABLE_ANNOTATION></ANNOTATION>"
            )
        body.append("</TIER>")
    order = "".join(f'<TIME_SLOT TIME_SLOT_ID="ts{i}" TIME_VALUE="{t}"/>' for i, t in enumerate(slots))
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{root}<ANNOTATION_DOCUMENT>\n'
        f'<HEADER TIME_UNITS="milliseconds">{header}</HEADER>\n<TIME_ORDER>{order}</TIME_ORDER>\n'
        + "\n".join(body)
        + f"\n{extra}</ANNOTATION_DOCUMENT>\n"
    )
    return text.encode()


def elan(path: Path, rules: ReadingRules | None = None) -> IntervalCoding:
    coding = read_coding(path, rules)
    assert isinstance(coding, IntervalCoding)
    assert coding.kind == "ELAN file"
    return coding


def told(coding: IntervalCoding, au: int, person: str = "") -> list[tuple[float, float, float]]:
    return [(one.onset, one.offset, one.presence) for one in coding.people[person][au]]


def test_tiers_of_aus_with_every_kind_of_value(write: Write) -> None:
    tiers = {
        "AU12": [(0, 500, ""), (1000, 1500, "AU12"), (2000, 2500, "0"), (3000, 3500, "9")],
        "AU 4": [],
        "Speech": [(0, 9000, "hello there")],
        "coded": [(0, 4000, ""), (4000, 5000, "x")],
    }
    coding = elan(write("c.eaf", raw=eaf(tiers)))
    assert [one[:2] for one in told(coding, 12)] == [(0, 0.5), (1, 1.5), (2, 2.5), (3, 3.5)]
    assert [one[2] for one in told(coding, 12)][:3] == [1, 1, 0]
    assert math.isnan(told(coding, 12)[3][2])
    assert told(coding, 4) == []
    assert coding.coded == {"": ((0, 5),)}
    assert any("'Speech'" in note for note in coding.notes)
    assert not coding.with_intensities


def test_without_a_tier_of_stretches_they_are_derived_and_that_is_said(write: Write) -> None:
    coding = elan(write("c.eaf", raw=eaf({"AU12": [(1000, 1500, "1")], "AU4": [(2000, 3000, "1")]})))
    assert coding.coded == {"": ((1, 3),)}
    assert "first onset to the last offset (1 to 3 s)" in coding.warnings[0]


def test_letters_numbers_and_codes_are_intensities(write: Write) -> None:
    tiers = {"AU12": [(0, 500, "B"), (1000, 1500, "12D")], "AU6": [(0, 500, "1"), (600, 700, "AU6E")]}
    coding = elan(write("c.eaf", raw=eaf(tiers)), ReadingRules(present_from=2))
    assert coding.with_intensities
    assert [one.intensity for one in coding.people[""][12]] == [2, 4]
    assert [(one.intensity, one.presence) for one in coding.people[""][6]] == [(1, 0), (5, 1)]


def test_people_stand_in_the_name_or_as_participant(write: Write) -> None:
    tiers = {"person0_AU12": [(0, 500, "1")], "P1_AU12": [(0, 700, "1")], "person1_coded": [(0, 9000, "")]}
    coding = elan(write("c.eaf", raw=eaf(tiers)))
    assert told(coding, 12, "0") == [(0, 0.5, 1)]
    assert told(coding, 12, "1") == [(0, 0.7, 1)]
    assert coding.coded == {"0": ((0, 0.5),), "1": ((0, 9),)}
    raw = eaf({"AU12": [(0, 500, "1")]}).replace(b'TIER_ID="AU12"', b'TIER_ID="AU12" PARTICIPANT="face 3"')
    assert list(elan(write("p.eaf", raw=raw)).people) == ["3"]


def test_halves_of_the_face_and_tiers_of_intensities(write: Write) -> None:
    tiers = {
        "AU12_L": [(0, 500, "1")],
        "AU12_R": [(200, 900, "1")],
        "AU6": [(0, 500, ""), (600, 900, "")],
        "AU6_intensity": [(0, 500, "C")],
    }
    coding = elan(write("c.eaf", raw=eaf(tiers)))
    assert [one.side for one in coding.people[""][12]] == ["L", "R"]
    assert coding.people[""][6][0].intensity == 3
    assert math.isnan(coding.people[""][6][1].intensity)


def test_annotations_may_name_the_aus(write: Write) -> None:
    tiers = {"FACS": [(0, 500, "AU6+AU12B"), (1000, 1500, "AU12"), (2000, 2100, "AU51")]}
    coding = elan(write("c.eaf", raw=eaf(tiers)))
    assert [one[:2] for one in told(coding, 12)] == [(0, 0.5), (1, 1.5)]
    assert [one[:2] for one in told(coding, 6)] == [(0, 0.5)]
    assert any("[51]" in note for note in coding.notes)


def test_what_metafacs_wrote_is_read_back_with_the_stretches_in_which_a_face_was_seen(tmp_path: Path) -> None:
    frames = np.r_[0:40, 60:100]
    smile = np.where((frames >= 10) & (frames < 30), 0.9, 0.1).astype(np.float32)
    times, ends = frames / 25, (frames + 1) / 25
    line = Timeline(0, frames, times, ends, np.array([[0, 40], [40, 80]]), {6: smile * 0, 12: smile}, {})
    lines = Timelines(
        "v.mp4",
        (line,),
        frames,
        times,
        ends,
        np.zeros(0, np.int64),
        0.04,
        (6, 12),
        {6: 0.5, 12: 0.5},
        (),
        True,
    )
    rules = EventRules(smoothing=0)
    write_elan(tmp_path / "v.eaf", lines, find_events(lines, rules), rules)
    coding = elan(tmp_path / "v.eaf")
    assert coding.synthetic
    assert [one[:2] for one in told(coding, 12, "0")] == [(0.4, 1.2)]
    assert told(coding, 6, "0") == []
    assert coding.coded == {"0": ((0, 1.6), (2.4, 4))}
    assert not coding.with_intensities


def test_time_slots_without_a_time_share_the_stretch_between_those_that_have_one(write: Write) -> None:
    raw = eaf({"AU12": [(0, 1000, "1"), (1000, 2000, "0"), (2000, 3000, "1")]})
    for slot in (1, 2, 3, 4):
        raw = raw.replace(
            f'TIME_SLOT_ID="ts{slot}" TIME_VALUE="{(slot + 1) // 2}000"'.encode(),
            f'TIME_SLOT_ID="ts{slot}"'.encode(),
        )
    raw = raw.replace(b'"ts2"', b'"ts1"').replace(b'"ts4"', b'"ts3"')
    coding = elan(write("c.eaf", raw=raw))
    assert told(coding, 12) == [(0, 1, 1), (1, 2, 0), (2, 3, 1)]
    alone = eaf({"AU12": [(0, 1000, "1")]}).replace(b' TIME_VALUE="1000"', b"")
    with pytest.raises(
        CodingError, match=r"c\.eaf:6: an annotation '1' of tier 'AU12' begins or ends at a time"
    ):
        read_coding(write("c.eaf", raw=alone))


def test_annotations_that_refer_to_others_take_their_time(write: Write) -> None:
    refer = (
        '<TIER TIER_ID="AU12" PARENT_REF="face">'
        '<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r1" ANNOTATION_REF="a0">'
        "<ANNOTATION_VALUE>1</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
        '<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r2" ANNOTATION_REF="a0" PREVIOUS_ANNOTATION="r1">'
        "<ANNOTATION_VALUE>0</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
        '<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="r3" ANNOTATION_REF="a2">'
        "<ANNOTATION_VALUE>1</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>"
    )
    path = write("c.eaf", raw=eaf({"face": [(0, 1000, "hi"), (2000, 3000, "hi")]}, extra=refer))
    assert told(elan(path), 12) == [(0, 0.5, 1), (0.5, 1, 0), (2, 3, 1)]
    lost = refer.replace('"a0"', '"nobody"')
    with pytest.raises(CodingError, match="refers to 'nobody', which has no time"):
        read_coding(write("c.eaf", raw=eaf({"face": [(0, 1000, "hi"), (2000, 3000, "hi")]}, extra=lost)))


def test_values_may_stand_in_a_vocabulary_of_the_file_but_not_outside(write: Write) -> None:
    vocabulary = (
        '<CONTROLLED_VOCABULARY CV_ID="level"><CV_ENTRY_ML CVE_ID="c3"><CVE_VALUE LANG_REF="en">C</CVE_VALUE>'
        "</CV_ENTRY_ML></CONTROLLED_VOCABULARY>"
    )
    raw = eaf({"AU12": [(0, 1000, "")]}, extra=vocabulary).replace(
        b'ANNOTATION_ID="a0"', b'ANNOTATION_ID="a0" CVE_REF="c3"'
    )
    assert elan(write("c.eaf", raw=raw)).people[""][12][0].intensity == 3
    with pytest.raises(CodingError, match="vocabulary outside the file"):
        read_coding(write("c.eaf", raw=raw.replace(b'CVE_ID="c3"', b'CVE_ID="c4"')))
    second = vocabulary.replace('"level"', '"other"').replace(">C<", ">D<").encode()
    twice = raw.replace(b"</ANNOTATION_DOCUMENT>", second + b"</ANNOTATION_DOCUMENT>")
    with pytest.raises(CodingError, match="several vocabularies have 'c3'"):
        read_coding(write("c.eaf", raw=twice))


def test_the_origin_of_the_video_moves_all_times(write: Write) -> None:
    media = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///v.mp4" MIME_TYPE="video/mp4" TIME_ORIGIN="2500"/>'
    coding = elan(write("c.eaf", raw=eaf({"AU12": [(0, 1000, "1")]}, header=media)))
    assert told(coding, 12) == [(2.5, 3.5, 1)]
    assert any("2.5 s into the video" in note for note in coding.notes)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (eaf({"AU12": [(0, 5, "1")]}, root='<!DOCTYPE a [<!ENTITY b "c">]>'), "declares a document type"),
        (eaf({"AU12": [(0, 5, "1")]})[:-30], r"c\.eaf:7: not XML"),
        (
            eaf({"AU12": []}).replace(b"UTF-8", b"UTF-9"),
            r"c\.eaf:1: encoding is not read .unknown encoding: UTF-9",
        ),
        (b"<html></html>", "begins with ANNOTATION_DOCUMENT"),
        (b"frame,AU12\n", r"c\.eaf:1: not XML"),
        (b"", "not XML"),
        (eaf({"Speech": [(0, 5, "hi")]}), "codes no action unit; .* its tiers: 'Speech'"),
        (eaf({"AU99": []}), r"c\.eaf:5: tier 'AU99': AU99 is no FACS action unit"),
        (eaf({"AU12_x": []}), r"c\.eaf:5: tier 'AU12_x': 'x' is unknown"),
        (eaf({"AU12": [(0, 5, "smile")]}), r"c\.eaf:6: tier 'AU12' says 'smile' at 0\.000 s"),
        (eaf({"AU12": [(0, 5, "AU6")]}), r"c\.eaf:6: tier 'AU12' says 'AU6'"),
        (eaf({"FACS": [(0, 5, "AU6"), (7, 9, "oops")]}), r"c\.eaf:7: tier 'FACS' says 'oops'"),
        (eaf({"FACS": [(0, 5, "AU6"), (7, 9, "AU99")]}), r"c\.eaf:7: tier 'FACS' says 'AU99'"),
        (eaf({"AU12": [(5, 0, "1")]}), r"c\.eaf:6: AU12 ends at 0, before it begins"),
        (
            eaf({"AU12": [(0, 50, "1")], "AU 12": [(40, 90, "1")]}),
            r"c\.eaf:9: AU12 .* overlaps with .*c\.eaf:6",
        ),
        (eaf({"AU12": [(0, 5, "0.7")]}), r"c\.eaf:6: tier 'AU12' says '0\.7', neither 0 nor 1"),
        (eaf({"AU12": [(0, 5, "1")]}).replace(b'"ts1" ', b'"ts0" '), r"c\.eaf:4: a second time slot has"),
        (eaf({"AU4": [(0, 5, "1")], "AU12": [(6, 9, "1")]}).replace(b'"a2"', b'"a0"'), "a second annotation"),
        (eaf({"AU12": [(0, 5, "1")]}).replace(b"UTF-8", b"utf-32"), "encoding is not read"),
        (
            eaf({"AU12": [(0, 5, "1")]}).replace(b'VALUE="5"', b'VALUE="' + b"5" * 5000 + b'"'),
            "is no time in",
        ),
        (eaf({"AU12": [(0, 5, "1")]}).replace(b"milliseconds", b"PAL-frames"), "times are in 'PAL-frames'"),
        (eaf({"AU12": [(0, 5, "1")]}).replace(b'"ts1" TIME_VALUE', b'"tsX" TIME_VALUE'), "'ts1' is missing"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(write: Write, raw: bytes, message: str) -> None:
    with pytest.raises(CodingError, match=message):
        read_coding(write("c.eaf", raw=raw))


def test_entities_are_not_read(write: Write, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("AU12")
    document = f'<!DOCTYPE d [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
    with pytest.raises(CodingError, match="declares a document type or an entity"):
        read_coding(write("c.eaf", raw=eaf({"FACS": [(0, 5, "&s;")]}, root=document)))
