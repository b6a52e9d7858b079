"""Every public name is explained, on the API page and where it is defined."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import metafacs

_MADE_BY = {"Store": "prepare", "Record": "evaluate", "VideoResults": "predict", "FrameResults": "predict"}
PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_page_lists_what_the_package_offers() -> None:
    listed = re.findall(r"^::: metafacs\.(\S+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(metafacs.__all__)


@pytest.mark.parametrize("name", metafacs.__all__)
def test_it_has_a_tested_example(name: str) -> None:
    made_by = _MADE_BY.get(name, name)
    docs = PAGE.parent
    pages = [docs.parent / "README.md", docs / "index.md", *(docs / "how-to").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = re.findall(r"^```python.*?^```", text, re.MULTILINE | re.DOTALL)
    shown = any(re.search(rf"\b{made_by}\b", block) for block in blocks)
    assert shown or ">>>" in (inspect.getdoc(getattr(metafacs, name)) or "")


@pytest.mark.parametrize("name", metafacs.__all__)
def test_it_is_explained_with_every_part_of_it(name: str) -> None:
    thing = getattr(metafacs, name)
    assert inspect.getdoc(thing)
    for part, value in vars(thing).items() if inspect.isclass(thing) else ():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not part.startswith("_") and inspect.isfunction(function):
            assert function.__doc__, f"{name}.{part} has no docstring"
