from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from PIL import Image

from metafacs.data.datasets.pretraining_faces import HELD_OUT, read_pretraining_faces
from metafacs.data.twins.pretraining_faces import plan_pretraining_faces


def test_people_are_in_one_part_and_have_equal_numbers_of_pictures(pretraining_faces: Path) -> None:
    samples = read_pretraining_faces(pretraining_faces).samples
    parts = {(s.subject, s.part) for s in samples}
    assert len(parts) == 20
    assert {person for person, part in parts if part == HELD_OUT} == {"P00009", "P00019"}
    assert set(Counter(s.subject for s in samples).values()) == {3}
    with Image.open(samples[0].picture) as picture:
        assert (picture.size, picture.format) == ((96, 96), "JPEG")


def test_bytes_depend_on_seed_and_person_only(tmp_path: Path, pretraining_faces: Path) -> None:
    def rendered(seed: int) -> bytes:
        plan = plan_pretraining_faces("tiny", seed)
        record = plan.render(tmp_path, replace(plan.chunks["P00010"], numbers=(13,), pictures=1))
        assert record["files"] == ["pictures/P00013_0.jpg"]
        return (tmp_path / "pictures" / "P00013_0.jpg").read_bytes()

    again = (pretraining_faces / "pictures" / "P00013_0.jpg").read_bytes()
    assert rendered(0) == again
    assert rendered(1) != again
