"""What the pages tell a reader to type works: run in order, page by page, as the reader would."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metafacs.cli import COMMANDS, command_module, main
from metafacs.data.videos import encode_video
from metafacs.synthesis.clips import render_clip

ROOT = Path(__file__).parents[2]
RUN = [ROOT / "README.md", ROOT / "docs" / "index.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
"""Pages whose blocks are run; the commands of every other page are parsed."""
PAGES = [
    *RUN,
    *sorted(page for page in (ROOT / "docs").glob("*.md") if page not in RUN),
    ROOT / "results" / "README.md",
]

_BLOCK = re.compile(
    r"(?P<left>^<!-- not run: .+ -->\n)?"
    r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_SHELL = ("ls", "head", "mkdir")
"""Words that may begin a line of bash which is run as it stands."""
_INSTALLS = ("pip", "make", "git")
"""Words that begin a line which a reader runs once, before everything here."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page.

    Attributes:
        language: ``python``, ``bash``, or another one, of which nothing is run.
        title: Name of the file that the block is the content of; empty if it is none.
        body: Its text.
        run: False where the page says that it cannot be run here.
        line: Where it stands in the page, from 1.
    """

    language: str
    title: str
    body: str
    run: bool
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            found["language"],
            found["title"] or "",
            found["body"],
            not found["left"],
            text.count("\n", 0, found.start()) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]


def command_lines(body: str) -> list[list[str]]:
    """Return the words of every line of a block of bash, comments dropped, continued lines joined."""
    joined = re.sub(r"\s*\\\n\s*", " ", body)
    lines = (shlex.split(line, comments=True) for line in joined.splitlines())
    return [part for line in lines for part in _parts(line) if part]


def _parts(words: list[str]) -> list[list[str]]:
    """Return the commands of one line that '&&' joins."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def expanded(words: list[str]) -> list[str]:
    """Return the words with patterns of file names replaced by the files, as a shell does."""
    found = []
    for word in words:
        files = sorted(path.as_posix() for path in Path().glob(word)) if "*" in word else []
        found += files or [word]
    return found


@pytest.fixture(scope="session")
def session_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a rendered person who frowns and smiles."""
    path = tmp_path_factory.mktemp("videos") / "session.mp4"
    encode_video(path, (frame.image for frame in render_clip("one", 0, 4.0, 6.0, (256, 144))), 6)
    return path


@pytest.fixture
def folder(
    tmp_path: Path,
    bp4d_twin: Path,
    session_video: Path,
    astronaut: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """A reader's folder: a photo, a video, and the faces that the pages render first."""
    shutil.copytree(bp4d_twin, tmp_path / "data" / "bp4d")
    Image.fromarray(astronaut).save(tmp_path / "photo.jpg")
    shutil.copy(session_video, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if Path(getattr(sys.modules[name], "__file__", None) or "").is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_its_blocks_run_one_after_the_other(page: Path, folder: Path) -> None:
    names: dict[str, object] = {"__name__": "__page__"}
    for block in blocks_of(page):
        place = f"{page.relative_to(ROOT)}:{block.line}"
        if block.title:
            target = folder / block.title
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.body, encoding="utf-8")
        elif block.language == "python" and block.run:
            exec(compile(block.body, place, "exec"), names)
        elif block.language == "bash" and block.run:
            run_bash(block, place)


def run_bash(block: Block, place: str) -> None:
    for words in command_lines(block.body):
        if words[0] == "metafacs":
            assert main(expanded(words[1:])) == 0, f"{place}: {shlex.join(words)}"
        elif words[0] == "python":
            runpy.run_path(words[1], run_name="__main__")
        elif words[0] not in _INSTALLS:
            assert words[0] in _SHELL, f"{place}: mark the block as not run, or leave {words[0]} out"
            subprocess.run(expanded(words), check=True)


def commands() -> list[tuple[str, list[str]]]:
    """Return every command of the program on any page, with the place where it stands."""
    found = []
    for page in PAGES:
        for block in blocks_of(page):
            if block.language == "bash" and not (page in RUN and block.run):
                place = f"{page.relative_to(ROOT)}:{block.line}"
                found += [(place, words[1:]) for words in command_lines(block.body) if words[0] == "metafacs"]
    return found


@pytest.mark.parametrize(("place", "words"), commands(), ids=lambda value: str(value)[:60])
def test_commands_that_are_not_run_are_commands(
    place: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert words[0] in COMMANDS, place
    command = command_module(words[0])
    words = getattr(command, "rewritten", list)(words)
    parser = command.build_parser(words)
    parser.exit_on_error = False
    parser.parse_args(words[1:])
