from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from metafacs.inference.detector import Detector
from metafacs.inference.elan import write_elan
from metafacs.inference.events import EventRules, find_events
from metafacs.inference.result import FaceResult
from metafacs.inference.timelines import Timelines, gather_timelines

Maker = Callable[..., Detector]
Results = Callable[..., list[list[FaceResult]]]
NAN = float("nan")
PLAIN = EventRules(smoothing=0, hysteresis=0, minimum_duration=0, merge_pause=0)


@pytest.fixture
def timelines(make_detector: Maker, make_results: Results) -> Timelines:
    """Return two people; the first shows all AUs in frames 1 and 2, is gone in 4 and shows AU12 in 5."""
    people = {0: [0.1, 0.9, 0.7, 0.1, NAN, 0.45], 1: [NAN, NAN, 0.1, 0.1, 0.1, 0.1]}
    return gather_timelines(make_results(people), make_detector(intensities=True))


def write(path: Path, timelines: Timelines, **changes: object) -> ET.Element:
    write_elan(path, timelines, find_events(timelines, PLAIN), PLAIN, **changes)  # type: ignore[arg-type]
    return ET.parse(path).getroot()


def read_tiers(root: ET.Element) -> dict[str, list[tuple[int, int, str]]]:
    """Return tier -> beginning, end and value of its annotations."""
    times = {slot.attrib["TIME_SLOT_ID"]: int(slot.attrib["TIME_VALUE"]) for slot in root.iter("TIME_SLOT")}
    return {
        tier.attrib["TIER_ID"]: [
            (
                times[annotation.attrib["TIME_SLOT_REF1"]],
                times[annotation.attrib["TIME_SLOT_REF2"]],
                annotation.findtext("ANNOTATION_VALUE", ""),
            )
            for annotation in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        for tier in root.iter("TIER")
    }


def test_every_face_and_au_has_a_tier(tmp_path: Path, timelines: Timelines) -> None:
    tiers = read_tiers(write(tmp_path / "new" / "a.eaf", timelines))
    assert list(tiers) == [
        *["person0", "person0_AU01", "person0_AU06", "person0_AU12"],
        *["person1", "person1_AU01", "person1_AU06", "person1_AU12"],
    ]
    assert tiers["person0"] == [(0, 160, "seen"), (200, 240, "seen")]
    assert tiers["person0_AU01"] == [(40, 120, "AU01 0.90 (3.6)")]
    assert tiers["person0_AU12"] == [(40, 120, "AU12 0.90 (3.6)"), (200, 240, "AU12 0.45 (1.8)")]
    assert tiers["person1"] == [(80, 240, "seen")]
    assert tiers["person1_AU12"] == []


def test_only_the_aus_asked_for_have_tiers(tmp_path: Path, timelines: Timelines) -> None:
    assert list(read_tiers(write(tmp_path / "a.eaf", timelines, aus=[12]))) == [
        *["person0", "person0_AU12", "person1", "person1_AU12"]
    ]
    with pytest.raises(ValueError, match="does not tell"):
        write(tmp_path / "a.eaf", timelines, aus=[2])


def test_no_intensity_no_brackets(tmp_path: Path, make_detector: Maker, make_results: Results) -> None:
    timelines = gather_timelines(make_results({0: [0.1, 0.9, 0.1]}), make_detector())
    tiers = read_tiers(write(tmp_path / "a.eaf", timelines))
    assert tiers["person0_AU06"] == [(40, 80, "AU06 0.90")]


def test_the_file_is_as_the_schema_of_eaf_3_asks(tmp_path: Path, timelines: Timelines) -> None:
    root = write(tmp_path / "a.eaf", timelines, video=tmp_path / "session.mp4")
    assert root.tag == "ANNOTATION_DOCUMENT"
    assert (root.attrib["FORMAT"], root.attrib["VERSION"]) == ("3.0", "3.0")
    assert {"AUTHOR", "DATE"} <= set(root.attrib)
    assert datetime.fromisoformat(root.attrib["DATE"]).tzinfo is not None
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"]
    tags = [child.tag for child in root]
    assert tags == sorted(tags, key=order.index)
    header = [child.tag for child in root[0]]
    assert header == sorted(header)
    assert root[0].attrib["TIME_UNITS"] == "milliseconds"

    slots = [slot.attrib["TIME_SLOT_ID"] for slot in root.iter("TIME_SLOT")]
    annotations = [one.attrib["ANNOTATION_ID"] for one in root.iter("ALIGNABLE_ANNOTATION")]
    tiers = [tier.attrib["TIER_ID"] for tier in root.iter("TIER")]
    for names in (slots + annotations, tiers):
        assert len(set(names)) == len(names)
        assert all(name[0].isalpha() for name in names)
    values = [int(slot.attrib["TIME_VALUE"]) for slot in root.iter("TIME_SLOT")]
    assert values == sorted(values)
    types = {kind.attrib["LINGUISTIC_TYPE_ID"] for kind in root.iter("LINGUISTIC_TYPE")}
    assert {tier.attrib["LINGUISTIC_TYPE_REF"] for tier in root.iter("TIER")} <= types
    assert [one.attrib["STEREOTYPE"] for one in root.iter("CONSTRAINT")] == [
        *["Time_Subdivision", "Symbolic_Subdivision", "Symbolic_Association", "Included_In"]
    ]


def test_the_header_tells_how_events_were_found(tmp_path: Path, timelines: Timelines) -> None:
    root = write(tmp_path / "a.eaf", timelines)
    notes = {note.attrib["NAME"]: note.text for note in root.iter("PROPERTY")}
    assert notes["lastUsedAnnotationId"] == str(len(list(root.iter("ALIGNABLE_ANNOTATION"))))
    assert notes["metafacs.hysteresis"] == "0"
    assert notes["metafacs.thresholds"] == "AU01 0.5, AU06 0.5, AU12 0.4"
    assert notes["metafacs.synthetic"] == "true"
    assert "not smoothed" in (notes["metafacs.events"] or "")


@pytest.mark.parametrize(
    ("video", "link", "mime"),
    [
        ("session.MP4", "./session.MP4", "video/mp4"),
        ("../in/clip.mov", "../in/clip.mov", "video/quicktime"),
        ('<odd> & "näme" 50% #1.avi', './<odd> & "näme" 50% #1.avi', "video/x-msvideo"),
        ("line\nbreak.mkv", "./line\nbreak.mkv", "video/x-matroska"),
        ("frames.xyz", "./frames.xyz", "unknown"),
    ],
)
def test_the_video_is_linked_relative_to_the_file(
    tmp_path: Path, timelines: Timelines, video: str, link: str, mime: str
) -> None:
    root = write(tmp_path / "out" / "a.eaf", timelines, video=tmp_path / "out" / video)
    [media] = root.iter("MEDIA_DESCRIPTOR")
    assert media.attrib == {"MEDIA_URL": link, "RELATIVE_MEDIA_URL": link, "MIME_TYPE": mime}


def test_relative_paths_are_from_the_folder_of_the_file(
    tmp_path: Path, timelines: Timelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = write(Path("out/a.eaf"), timelines, video="in/session.mp4")
    assert next(root.iter("MEDIA_DESCRIPTOR")).attrib["MEDIA_URL"] == "../in/session.mp4"
    assert next(write(Path("a.eaf"), timelines).iter("MEDIA_DESCRIPTOR"), None) is None


@pytest.mark.parametrize("name", ["bell\x07.mp4", "\udcff.mp4"])
def test_names_that_xml_cannot_hold_are_refused(tmp_path: Path, timelines: Timelines, name: str) -> None:
    path = tmp_path / "a.eaf"
    path.write_text("old")
    with pytest.raises(ValueError, match="rename the video"):
        write(path, timelines, video=tmp_path / name)
    assert path.read_text() == "old"


def test_no_annotation_is_empty_and_none_overlap_however_fast_the_camera(
    tmp_path: Path, make_detector: Maker, make_results: Results
) -> None:
    values = np.tile([0.9, 0.1], 300)
    results = make_results({0: values}, times=np.arange(600) / 2500 + 0.0003)
    annotations = read_tiers(write(tmp_path / "a.eaf", gather_timelines(results, make_detector())))
    events = annotations["person0_AU01"]
    assert len(events) == 300
    assert all(begin < end for begin, end, _ in events)
    assert all(one[1] <= other[0] for one, other in pairwise(events))


def test_a_video_without_faces_has_no_tiers(tmp_path: Path, make_detector: Maker) -> None:
    root = write(tmp_path / "a.eaf", gather_timelines([FaceResult("a.mp4")], make_detector()))
    assert read_tiers(root) == {}
    assert list(root.iter("LINGUISTIC_TYPE"))
