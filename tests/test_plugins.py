"""What goes wrong in modules of others is told in a sentence."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from metafacs.plugins import PluginError, Registry

REGISTRY: Registry[object] = Registry("thing", "metafacs.things", {"own": 1}, lambda found: None, "--thing")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; sys.exit(3)", "cannot be imported: SystemExit: 3"),
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
        ("x = (", "cannot be imported: SyntaxError"),
        ("import not_there_at_all", "cannot be imported: No module named 'not_there_at_all'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told(code: str, message: str, folder: Path) -> None:
    name = f"broken_{abs(hash(code))}"
    (folder / f"{name}.py").write_text(code)
    importlib.invalidate_caches()
    with pytest.raises(PluginError, match=message):
        REGISTRY.find(f"{name}:Thing")


@pytest.mark.parametrize(
    "name", [None, 3, ["own"], ":x", "x:", "..x:y", "a b:c", "os:path.", "a\0b:c", "/tmp:x"]
)
def test_a_name_that_is_none_is_told(name: Any) -> None:
    with pytest.raises(PluginError, match="thing"):
        REGISTRY.find(name)


def test_an_installed_package_that_is_broken_is_named(folder: Path) -> None:
    info = folder / "broken_things-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-things\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[metafacs.things]\nfoo = broken_things:Foo\n")
    (folder / "broken_things.py").write_text("raise RuntimeError('too old')")
    importlib.invalidate_caches()
    with pytest.raises(PluginError, match="package broken-things cannot be imported: RuntimeError: too old"):
        REGISTRY.find("foo")
