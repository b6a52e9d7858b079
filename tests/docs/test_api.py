"""Every public name is explained, on the API page and where it is defined."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import metafacs

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
PLACES = re.findall(r"^::: (metafacs\.\S+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

pytestmark = pytest.mark.skipif(not hasattr(metafacs, "__all__"), reason="the public API is not there yet")


def test_the_page_lists_what_the_package_offers() -> None:
    listed = [place.rpartition(".")[2] for place in PLACES]
    assert sorted(listed) == sorted(metafacs.__all__)


@pytest.mark.parametrize("name", [place.rpartition(".")[2] for place in PLACES])
def test_it_is_explained_with_every_part_of_it(name: str) -> None:
    thing = getattr(metafacs, name)
    assert thing.__doc__, name
    if not inspect.isclass(thing):
        return
    for part, value in vars(thing).items():
        explained = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not part.startswith("_") and inspect.isfunction(explained):
            assert explained.__doc__, f"{name}.{part}"
