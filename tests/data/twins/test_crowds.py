"""Sets of rendered people that are no twins: nobody of them is elsewhere, bytes depend on the seed only."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from metafacs.data.twins import TWINS
from metafacs.data.twins.rendering import render_twin
from metafacs.synthesis import identities

CROWDS = ("pretraining_faces", "people")

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


@pytest.mark.parametrize("name", CROWDS)
def test_nobody_of_it_is_in_another_set(name: str, pools: dict[str, str]) -> None:
    assert set(pools) == set(TWINS)
    assert all(SEED in pool for pool in pools.values())
    mine = pools.pop(name)
    assert mine not in pools.values()

    def checksums(pool: str) -> set[int]:
        """Return what seeds the people of a pool, over the first thousand seeds of its twin."""
        return {zlib.crc32(pool.replace(SEED, str(seed)).encode()) for seed in range(1000)}

    assert not checksums(mine) & set().union(*map(checksums, pools.values()))


@pytest.mark.parametrize("name", CROWDS)
def test_bytes_do_not_depend_on_the_number_of_processes(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    one: Path = request.getfixturevalue(name)
    render_twin(name, tmp_path, preset="tiny", seed=0, workers=2, progress=False)
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(files) == 62 + 2 + 1, "with a manifest for each chunk, and the lock"
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert all((one / file).read_bytes() == (tmp_path / file).read_bytes() for file in files)


@pytest.mark.parametrize("name", CROWDS)
def test_chunks_hold_everybody_once(name: str) -> None:
    plan = TWINS[name]("small", 0)
    numbers = [number for group in plan.chunks.values() for number in group.numbers]
    assert numbers == list(range(len(numbers)))
    assert all(chunk == f"P{group.numbers[0]:05d}" for chunk, group in plan.chunks.items())
    assert sum(plan.pictures.values()) == {"pretraining_faces": 400 * 6, "people": 600 * 4}[name]
