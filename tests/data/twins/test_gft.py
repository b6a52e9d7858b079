from __future__ import annotations

import csv
import itertools

import numpy as np
import pytest

from metafacs.data.datasets.gft import read_gft
from metafacs.data.datasets.reading import listed_names
from metafacs.data.splits import listed_split
from metafacs.data.twins import gft
from metafacs.data.twins.gft import (
    CODED_AUS,
    FRAMES,
    GROUPS,
    SUBJECTS,
    TALK,
    TEST_GROUPS,
    TINY_GROUPS,
    _plan_recording,
    _sitter,
    conversation,
    occlusions,
)
from metafacs.synthesis.activations import RENDERED_AUS


def test_layout_is_the_one_the_reader_takes(gft_twin):
    root, summary = gft_twin
    assert (summary.pictures, summary.counts["groups"], summary.counts["subjects"]) == (72, 2, 6)
    people = [group + seat for group in TINY_GROUPS for seat in "ABC"]
    assert sorted(path.name for path in (root / "videos").iterdir()) == [f"{who}.mp4" for who in people]
    assert sorted(path.name for path in (root / "labels").iterdir()) == [f"{who}.csv" for who in people]
    first = (root / "labels" / "001A.csv").read_text().splitlines()
    assert first[0] == "frame,AU1,AU2,AU4,AU6,AU10,AU12,AU14,AU15,AU23,AU24"
    assert [line.split(",")[0] for line in first[1:]] == [str(number) for number in range(1, 13)]


def test_lists_have_the_official_sizes_and_never_part_a_group(gft_twin):
    root, _ = gft_twin
    train, test = (listed_names(root / f"{name}.txt") for name in ("train", "test"))
    assert (len(train), len(test)) == (78, 18)
    assert sorted(train + test) == sorted(SUBJECTS)
    assert not {who[:-1] for who in train} & {who[:-1] for who in test}
    people = [sample.subject for sample in read_gft(root).samples]
    with pytest.warns(UserWarning, match="90 of the 96 people"):
        split = listed_split(root / "train.txt", root / "test.txt", people)
    assert split.train == ("001A", "001B", "001C")
    assert split.test == ("004A", "004B", "004C")


def test_the_reader_gets_back_what_was_rendered(gft_twin):
    root, _ = gft_twin
    reading = read_gft(root)
    assert [(entry.file, entry.count) for entry in reading.skipped] == [("train.txt", 75), ("test.txt", 15)]
    assert all("listed person without a table" in entry.reason for entry in reading.skipped)
    assert (reading.aus, len(reading.samples)) == (CODED_AUS, 72)
    with (root / "twin_provenance.csv").open(newline="", encoding="utf-8") as file:
        truth = {row["name"]: row["action_units"].split("+") for row in csv.DictReader(file)}
    unknown = 0
    for sample in reading.samples:
        unknown += len(CODED_AUS) - len(sample.action_units)
        for au, code in sample.action_units.items():
            assert code == (str(au) in truth[sample.key])
        assert sample.part == ("test" if sample.subject[:-1] in TEST_GROUPS else "train")
        assert sample.frame == int(sample.key[-5:]) - 1
    assert 0 < unknown < 0.05 * 72 * len(CODED_AUS)


def test_a_group_shares_room_and_jokes_and_takes_turns():
    sitters = [_sitter(0, f"007{seat}")[0] for seat in "ABC"]
    first = sitters[0].studio
    for sitter in sitters[1:]:
        np.testing.assert_array_equal(sitter.studio.backdrop, first.backdrop)
        np.testing.assert_array_equal(sitter.studio.sky, first.sky)
        assert not np.allclose(sitter.studio.lights[0].direction, first.lights[0].direction)
    other = _sitter(0, "008A")[0].studio
    assert not np.array_equal(other.backdrop, first.backdrop)
    parts = [conversation(np.random.default_rng(5), place) for place in range(3)]
    jokes = [[m for m in part if m.aus == gft._AMUSED] for part in parts]
    assert jokes[0] == jokes[1] == jokes[2]
    turns = sorted((m.start, m.end) for part in parts for m in part if m.aus == gft._SPEAKING)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(turns))
    assert turns[0][0] == 0.0
    assert turns[-1][1] == 1.0


def test_cups_and_hands_come_before_the_face_for_a_while():
    events = [event for seed in range(200) for event in occlusions(np.random.default_rng(seed))]
    assert {event.kind for event in events} == {"cup", "hand"}
    seconds = np.array([(event.end - event.start) / gft.FRAMES_PER_SECOND for event in events])
    assert seconds.min() >= 1.9
    assert seconds.max() <= 8
    assert 0.05 < seconds.sum() * gft.FRAMES_PER_SECOND / (200 * FRAMES) < 0.2


def test_presets_have_the_sizes_of_the_real_set():
    full = [len(_plan_recording(0, subject, gft._SIZES["full"]).rendered) for subject in SUBJECTS]
    assert (len(GROUPS), len(SUBJECTS), sum(full)) == (32, 96, 172_800)
    assert set(CODED_AUS) <= set(TALK.rates) <= set(RENDERED_AUS)
