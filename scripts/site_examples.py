"""Shows the examples in docstrings as code on the site: an extension of Griffe, see ``mkdocs.yml``.

Docstrings end with their examples without a heading, and without one they would be read as Markdown.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class MarkExamples(griffe.Extension):
    """Puts a heading over every paragraph that begins with a prompt, as sections of the Google style have."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object that was loaded."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(_as_section, obj.docstring.value)


def _as_section(example: re.Match[str]) -> str:
    return "Examples:\n" + "\n".join(f"    {line}" for line in example[0].splitlines())
