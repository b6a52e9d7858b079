from __future__ import annotations

import zlib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from metafacs.data.datasets.pretraining_faces import HELD_OUT, read_pretraining_faces
from metafacs.data.twins import TWINS
from metafacs.data.twins.pretraining_faces import _People, _render_people
from metafacs.data.twins.rendering import render_twin
from metafacs.synthesis import identities

SEED = "971"
"""Used by no other test, because twins may remember people."""


class FoundError(Exception):
    pass


@pytest.fixture
def pools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Name of each twin -> the pool it takes its first person from, nothing rendered."""
    seen: dict[str, str] = {}
    for name in TWINS:

        def note(pool: str, seed: int, purpose: str, name: str = name) -> None:
            seen[name] = pool
            raise FoundError

        monkeypatch.setattr(identities, "_generator", note)
        with pytest.raises(FoundError):
            render_twin(name, tmp_path / name, preset="tiny", seed=int(SEED), workers=1, progress=False)
    return seen


def test_nobody_of_it_is_in_a_twin(pools: dict[str, str]) -> None:
    assert set(pools) == set(TWINS)
    assert all(SEED in pool for pool in pools.values())
    mine = pools.pop("pretraining_faces")
    assert mine not in pools.values()

    def checksums(pool: str) -> set[int]:
        """Return what seeds the people of a pool, over the first thousand seeds of its twin."""
        return {zlib.crc32(pool.replace(SEED, str(seed)).encode()) for seed in range(1000)}

    assert not checksums(mine) & set().union(*map(checksums, pools.values()))


def test_people_are_in_one_part_and_have_equal_numbers_of_pictures(pretraining_faces: Path) -> None:
    samples = read_pretraining_faces(pretraining_faces).samples
    parts = {(s.subject, s.part) for s in samples}
    assert len(parts) == 20
    assert {person for person, part in parts if part == HELD_OUT} == {"P00009", "P00019"}
    assert set(Counter(s.subject for s in samples).values()) == {3}
    with Image.open(samples[0].picture) as picture:
        assert (picture.size, picture.format) == ((96, 96), "JPEG")


def test_bytes_depend_on_seed_and_person_only(tmp_path: Path, pretraining_faces: Path) -> None:
    record = _render_people(tmp_path, _People(0, (13,), 1, 96))
    assert record["files"] == ["pictures/P00013_0.jpg"]
    again = (tmp_path / "pictures" / "P00013_0.jpg").read_bytes()
    assert again == (pretraining_faces / "pictures" / "P00013_0.jpg").read_bytes()
    _render_people(tmp_path, _People(1, (13,), 1, 96))
    assert (tmp_path / "pictures" / "P00013_0.jpg").read_bytes() != again
