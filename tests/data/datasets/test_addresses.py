from __future__ import annotations

from pathlib import Path

import pytest

from metafacs.data.datasets.addresses import CONTESTED, NOT_THERE, SEVERAL, LocalPictures

ROOT = Path("set")


def find(pictures: str, addresses: str) -> list[str]:
    """Return for every address the picture below the root, or why there is none."""
    local = LocalPictures(ROOT, [ROOT / name for name in pictures.split()])
    found = local.find_all(addresses.split())
    return [
        str(x.relative_to(ROOT)) if isinstance(x := found[address], Path) else x
        for address in addresses.split()
    ]


@pytest.mark.parametrize(
    ("pictures", "addresses", "expected"),
    [
        # The end of the path decides, whatever comes before it.
        ("opt/A/1.jpg opt/B/1.jpg", "http://x/A/1.jpg http://x/B/1.jpg", ["opt/A/1.jpg", "opt/B/1.jpg"]),
        ("one/A/1.jpg two/A/1.jpg", "http://x/two/A/1.jpg", ["two/A/1.jpg"]),
        ("one/A/1.jpg two/A/1.jpg", "http://x/A/1.jpg", [SEVERAL]),
        # Nobody gets the label of another folder: not where both are there, nor where one is missing.
        ("A/2.jpg B/1.jpg", "http://x/A/1.jpg http://x/A/2.jpg", [NOT_THERE, "A/2.jpg"]),
        ("B/1.jpg", "http://x/A/1.jpg http://x/B/1.jpg", [NOT_THERE, "B/1.jpg"]),
        ("B/1.jpg", "http://x/A/1.jpg http://x/B/2.jpg", [NOT_THERE, NOT_THERE]),
        ("two/A/1.jpg one/A/2.jpg", "http://x/one/A/1.jpg", [NOT_THERE]),
        ("1.jpg A/2.jpg", "http://x/A/1.jpg", [NOT_THERE]),
        ("C/1.jpg", "http://x/A/1.jpg http://x/B/1.jpg", [CONTESTED, CONTESTED]),
        # Pictures that were put elsewhere are found by names that only they have.
        ("all/N_1.jpg all/N_2.jpg", "http://x/1/N_1.jpg http://x/2/N_2.jpg", ["all/N_1.jpg", "all/N_2.jpg"]),
        ("1.jpg", "http://x/A/1.jpg", ["1.jpg"]),
        ("A/1.jpg B/1.jpg", "http://x/C/1.jpg", [SEVERAL]),
        # Two ways of writing one path are no contest.
        ("opt/A/1.jpg", "A/1.jpg opt/A/1.jpg 1.jpg opt\\A\\1.jpg", ["opt/A/1.jpg"] * 4),
        ("A/1.jpg", "http://x/A/2.jpg / .", [NOT_THERE] * 3),
    ],
)  # fmt: skip
def test_an_address_finds_its_picture_or_none(pictures: str, addresses: str, expected: list[str]) -> None:
    assert find(pictures, addresses) == expected


def test_what_was_found_by_its_name_alone_is_known() -> None:
    local = LocalPictures(ROOT, [ROOT / "all" / "1.jpg"])
    assert local.by_name_alone("http://x/A/1.jpg", ROOT / "all" / "1.jpg")
    assert not local.by_name_alone("http://x/all/1.jpg", ROOT / "all" / "1.jpg")
    assert not local.by_name_alone("1.jpg", ROOT / "all" / "1.jpg")
