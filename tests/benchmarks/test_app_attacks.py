from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


def test_two_hundred_hostile_requests_do_no_harm(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    status = benchmark.main(["--requests", "200", "--seed", "0"])
    said = capsys.readouterr().out
    assert status == 0, said
    assert said.rstrip().endswith("200 requests, 0 faults")


@pytest.fixture
def target(benchmark: ModuleType, tmp_path: Path) -> object:
    return benchmark.Target(
        port=1,
        cookie="a=b",
        picture="picture",
        video="video",
        limit=1 << 20,
        canary=tmp_path / "canary.jpg",
    )


def test_a_seed_gives_the_same_requests(benchmark: ModuleType, target: object) -> None:
    first, again, other = (
        [benchmark.hostile_request(seed, number, target) for number in range(66)] for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (500, b"", "answered with 500"),
        (200, b"", "let in with 200"),
        (403, b"root:x:0:0", "outside the folder"),
        (403, b"from __future__ import annotations", "its own source"),
        (403, b"Traceback (most recent call last)", "its insides"),
        (403, b"{}", ""),
    ],
)
def test_what_must_not_be_answered_is_seen(
    status: int, body: bytes, fault: str, benchmark: ModuleType, bare_ground: Callable[[], object]
) -> None:
    request = benchmark.Request("stranger", b"", must_be_refused=True)
    found = bare_ground().fault_of(request, benchmark.Outcome(status, body))  # type: ignore[attr-defined]
    assert (fault in found) if fault else not found


@pytest.fixture
def bare_ground(benchmark: ModuleType, tmp_path: Path) -> Callable[[], object]:
    """Return a function that makes a ground without a server."""

    def make() -> object:
        ground = object.__new__(benchmark.Ground)
        ground.folder, ground.secret = tmp_path, b"not to be told"
        return ground

    return make
