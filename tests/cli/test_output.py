"""Commands share what they print and write through modules that are no commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import metafacs.cli
from metafacs.cli import COMMANDS

FOLDER = Path(metafacs.cli.__file__).parent
SHARED = {"train": {"compare"}}
"""Command -> commands that may import it: a comparison's settings are those of training."""


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_imports_anothers_module(command: str) -> None:
    text = (FOLDER / f"{command}.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"from metafacs\.cli\.(\w+) import", text))
    for names in re.findall(r"from metafacs\.cli import (.*)", text):
        imported |= {name.strip() for name in names.split(",")}
    assert {name for name in imported & set(COMMANDS) if command not in SHARED.get(name, set())} == set()
