"""The files of the page: small, without anything from elsewhere, and no text missing or left over."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import metafacs.app

PAGE = Path(metafacs.app.__file__).parent / "page"
SCRIPTS = sorted(PAGE.glob("*.js"))
MOST_BYTES = 300_000

UPLOT = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""Vendored file -> SHA-256 of it in the npm package uplot 1.6.32."""


def code() -> str:
    return "\n".join(script.read_text(encoding="utf-8") for script in SCRIPTS if script.name != "texts.js")


def texts() -> set[str]:
    lines = (PAGE / "texts.js").read_text(encoding="utf-8")
    return set(re.findall(r'^  "?([\w.]+)"?: "', lines, re.MULTILINE))


def test_everything_together_is_small() -> None:
    assert sum(path.stat().st_size for path in PAGE.rglob("*") if path.is_file()) < MOST_BYTES


def test_nothing_comes_from_elsewhere() -> None:
    for path in [*SCRIPTS, *PAGE.glob("*.css"), PAGE / "index.html"]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|url\(", text), path.name


def test_the_page_has_no_code_or_style_in_its_markup() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", code())


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r'"/page/([^"]+)"', (PAGE / "index.html").read_text(encoding="utf-8") + code())
    imported = re.findall(r'from "\./([^"]+)"', code())
    assert len(named) >= 7
    assert [name for name in named + imported if not (PAGE / name).is_file()] == []


def test_every_text_that_is_asked_for_is_there_and_none_is_left_over() -> None:
    words, known = code(), texts()
    asked = set(re.findall(r'\b(?:say|badge|explain)\(\s*"([\w.]+)"', words))
    counted = set(re.findall(r'\bcount\(\s*"(\w+)"', words))
    asked = {name for name in asked if f"{name}_badge" not in known}
    assert asked <= known
    assert {f"{name}_{number}" for name in counted for number in ("one", "many")} <= known
    quoted = set(re.findall(r'"([\w.]+)"', words))
    made = tuple(f"{beginning}_" for beginning in re.findall(r"say\(`(\w+)_\$\{", words))
    ends = tuple(re.findall(r"say\(`\$\{\w+\}(_\w+)", words))
    left = [
        name
        for name in known - quoted
        if not name.startswith(made)
        and not name.endswith(ends)
        and re.sub(r"_(one|many|\d)$", "", name) not in quoted | counted
        and re.sub(r"_\d$", "", name) not in quoted
    ]
    assert left == []


def test_vendored_files_are_those_of_the_package() -> None:
    found = {name: hashlib.sha256((PAGE / "vendor" / name).read_bytes()).hexdigest() for name in UPLOT}
    assert found == UPLOT
    assert "MIT License" in (PAGE / "vendor" / "uPlot.LICENSE.txt").read_text(encoding="utf-8")


def test_what_the_page_computes() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run JavaScript with; the tests in a browser cover the page")
    script = Path(__file__).with_name("page_logic.mjs")
    done = subprocess.run([node, str(script), str(PAGE)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
