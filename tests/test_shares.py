from __future__ import annotations

import pytest

from metafacs.shares import ALL, Share, parse_share


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_every_job_is_of_one_share(count: int) -> None:
    shares = [parse_share(f"{number}/{count}") for number in range(1, count + 1)]
    for job in range(30):
        assert sum(share.holds(job) for share in shares) == 1
    assert all(ALL.holds(job) for job in range(30))
    assert str(shares[-1]) == f"{count}/{count}"


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "-1/3", "1/0", "a/b", "1/2/3", "1.5/3"])
def test_what_names_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"--shard is '.*e\.g\. 3/10"):
        parse_share(text)


def test_blanks_around_it_do_not_matter() -> None:
    assert parse_share(" 1/2 ") == Share(1, 2)
