"""What the words of a command name: pictures, videos, folders of numbered frames, a camera.

Nothing is decoded here; only a named file whose ending says nothing is asked what it is. What is passed
over is counted by kind.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from metafacs.data.own_results import OwnResults
from metafacs.data.videos import VIDEO_SUFFIXES
from metafacs.faces.pictures import SUFFIXES, is_picture
from metafacs.texts import printable

Kind = Literal["picture", "video", "frames", "camera"]

_PATTERN = re.compile(r"[*?[]")
_CAMERA = re.compile(r"(?:camera:?)?(\d*)")

RESULTS = "the folder of the results"
"""Kind of what is passed over because results are written there."""

DRAWN = "overlays and plots of earlier runs"
"""Kind of what is passed over because metafacs drew it."""

_DEEPEST = 100
"""Folders within folders that are read; a tool gone wrong makes thousands."""

_SEQUENCE = 25
"""Pictures that are numbered one after the other, from which on a folder looks like the frames of a video."""


class InputError(ValueError):
    """A word that names nothing to analyse; the message says which and what to do."""


@dataclass(frozen=True)
class Input:
    """One thing to analyse.

    Attributes:
        path: The file or folder; of a camera its number.
        kind: What it is.
        place: Where it lies below the folder that was named, or its name alone; results are laid out alike.
    """

    path: Path
    kind: Kind
    place: Path

    @property
    def name(self) -> str:
        """What results call it: the path as given, in letters that can be printed."""
        return f"camera:{self.path}" if self.kind == "camera" else printable(self.path)


@dataclass
class Inputs:
    """Everything that was named, in the order in which it was named, folders sorted.

    Attributes:
        found: What is analysed.
        passed_over: Kind, e.g. ``hidden files`` -> the paths of that kind that are not.
        hints: Sentences for the user.
        folders: Folders that were named themselves.
    """

    found: list[Input] = field(default_factory=list)
    passed_over: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    hints: list[str] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)

    def of(self, *kinds: Kind) -> list[Input]:
        """Return what is of some kinds."""
        return [found for found in self.found if found.kind in kinds]

    def told(self, names: int = 3) -> list[str]:
        """Return one line per kind that was passed over, with the number and the first names."""
        lines = []
        for kind, paths in sorted(self.passed_over.items()):
            shown = ", ".join(printable(path) for path in paths[:names])
            lines.append(f"{kind}: {len(paths)} ({shown}{', ...' if len(paths) > names else ''})")
        return lines


def gather_inputs(words: Sequence[str], out: Path, *, frames: bool = False) -> Inputs:
    """Return what is to be analysed, each once.

    Args:
        words: As of :func:`list_inputs`.
        out: Folder of the results; it is passed over.
        frames: Every folder that holds pictures is a video, its pictures the frames.

    Raises:
        InputError: If a word names nothing, a camera is not alone, or there is nothing to analyse.
    """
    inputs = Inputs()
    inputs.found.extend(list_inputs(words, out, inputs, frames=frames))
    if inputs.of("camera") and len(inputs.found) > 1:
        raise InputError("a camera runs until it is stopped: name it alone")
    return inputs


def list_inputs(words: Sequence[str], out: Path, told: Inputs, *, frames: bool = False) -> Iterator[Input]:
    """Yield what is to be analysed, each once, as it is found.

    Folders are read with everything below them. Links to files are followed; links to folders are not, so
    that none is read twice or for ever. Hidden files and folders are passed over unless they are named, and
    so is what earlier runs drew.

    Args:
        words: Paths, patterns (``*``, ``?``, ``[...]``, ``**`` for folders of any depth), ``camera`` or
            ``camera:N``.
        out: Folder of the results; it is passed over.
        told: Gets what else there is to be told; ``found`` is left to who asks.
        frames: Every folder that holds pictures is a video, its pictures the frames.

    Raises:
        InputError: If a word names nothing, or there is nothing to analyse.
    """
    gathering = _Gathering(told, absolute(out), frames)
    for word in words:
        yield from gathering.of(word)
    if not gathering.count:
        passed = f" (not read: {'; '.join(told.told())})" if told.passed_over else ""
        raise InputError(
            f"there is nothing to analyse in {', '.join(map(printable, words))}{passed}; name pictures, "
            "videos or folders of them"
        )


def is_there(word: str) -> bool:
    """Return whether there is anything where a word looks for inputs, without reading a folder.

    >>> is_there("no such folder/*.png"), is_there(".")
    (False, True)
    """
    path = Path(word).expanduser()
    if not path.exists() and _PATTERN.search(word):
        path = next((above for above in path.parents if not _PATTERN.search(str(above))), path)
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is not None
    except OSError:
        return path.is_file()


def looks_like_frames(pictures: Sequence[Path]) -> bool:
    """Return whether pictures are numbered one after the other, as the frames of a video are.

    >>> looks_like_frames([Path(f"frame_{i:04}.png") for i in range(1, 40)])
    True
    """
    numbered = [re.fullmatch(r"(.*?)(\d+)", picture.stem) for picture in pictures]
    names = {(found[1], int(found[2])) for found in numbered if found is not None}
    if len(names) < max(len(pictures), _SEQUENCE) or len({name for name, _ in names}) > 1:
        return False
    numbers = [number for _, number in names]
    return max(numbers) - min(numbers) == len(numbers) - 1


def absolute(path: Path) -> Path:
    """Return the path without ``..`` and the like; links are left as they are."""
    return Path(os.path.abspath(path))


class _Gathering:
    """Yields what words name, and notes what is passed over."""

    def __init__(self, inputs: Inputs, out: Path, frames: bool) -> None:
        self._inputs, self._out, self._frames = inputs, out, frames
        self._known: set[str] = set()
        self._passed: set[tuple[str, str]] = set()
        self._results = OwnResults()

    @property
    def count(self) -> int:
        """How many inputs were yielded."""
        return len(self._known)

    def of(self, word: str) -> Iterator[Input]:
        """Yield what one word names."""
        path = Path(word).expanduser()
        camera = _CAMERA.fullmatch(word)
        if word and os.path.lexists(path):
            yield from self._named(path)
        elif word and camera is not None:
            yield from self._found(Path(camera[1] or "0"), "camera", Path("camera" + (camera[1] or "")))
        elif _PATTERN.search(word):
            yield from self._matches(path)
        else:
            raise InputError(
                f"{printable(word) or 'an empty word'} does not exist; name a picture, a video or a folder "
                "of them"
            )

    def _named(self, path: Path) -> Iterator[Input]:
        if path.is_dir():
            self._inputs.folders.append(path)
            before = self.count, len(self._passed)
            self._results.look_above(path)
            yield from self._folder(path, path)
            if before == (self.count, len(self._passed)):
                self._pass_over("folders with nothing new in them", path)
        elif not path.exists():
            raise InputError(f"{printable(path)} is a link to something that does not exist; mend it")
        elif not path.is_file():
            raise InputError(f"{printable(path)} is a pipe or a device; save it as a file first")
        else:
            yield from self._found(path, _kind_of(path) or _kind_inside(path), Path(path.name))

    def _matches(self, pattern: Path) -> Iterator[Input]:
        """Yield what a pattern matches, hidden names only where the pattern says so."""
        parts = pattern.relative_to(pattern.anchor).parts
        first = next(i for i, part in enumerate(parts) if _PATTERN.search(part))
        root, parts = Path(pattern.anchor, *parts[:first]), parts[first:]
        matches = sorted(root.glob("/".join(parts))) if root.is_dir() else []
        if not matches:
            raise InputError(f"{printable(pattern)} matches nothing; nothing was read or written")
        self._results.look_above(root)
        wants_hidden = any(part.startswith(".") for part in parts)
        ending = Path(parts[-1]).suffix
        names_ending = bool(ending) and not _PATTERN.search(ending)
        for match in matches:
            for folder in reversed(match.relative_to(root).parents):
                self._results.look_into(root / folder)
            if not wants_hidden and any(part.startswith(".") for part in match.relative_to(root).parts):
                self._pass_over(_hidden(match), match)
            elif match in self._results and _kind_of(match) is not None:
                self._pass_over(self._drawn(match), match)
            elif match.is_dir() or (names_ending and match.is_file()):
                yield from self._named(match)
            elif (kind := self._kind_of_listed(match)) is not None:
                yield from self._found(match, kind, Path(match.name))

    def _folder(self, folder: Path, root: Path) -> Iterator[Input]:
        """Yield everything below a folder."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            self._pass_over(f"folders that cannot be read ({error.strerror})", folder)
            return
        pictures: list[Path] = []
        self._results.look_into(folder, [entry.name for entry in entries])
        for entry in entries:
            path = folder / entry.name
            if entry.name.startswith("."):
                self._pass_over(_hidden(path), path)
            elif entry.is_dir() and entry.is_symlink():
                self._pass_over("linked folders", path)
            elif entry.is_dir() and absolute(path) == self._out:
                self._pass_over(RESULTS, path)
            elif entry.is_dir() and len(path.relative_to(root).parts) > _DEEPEST:
                self._pass_over(f"folders nested more than {_DEEPEST} deep", path)
            elif entry.is_dir():
                yield from self._folder(path, root)
            elif path in self._results and _kind_of(path) is not None:
                self._pass_over(self._drawn(path), path)
            elif (kind := self._kind_of_listed(path)) is not None:
                pictures += [path] if kind == "picture" else []
                if kind == "video" or not self._frames:
                    yield from self._found(path, kind, path.relative_to(root))
        if self._frames and pictures:
            place = folder.relative_to(root) if folder != root else Path(absolute(root).name or "frames")
            yield from self._found(folder, "frames", place)
        elif looks_like_frames(pictures):
            self._inputs.hints.append(
                f"{printable(folder)} holds {len(pictures)} numbered pictures, which are read one by one; if "
                "they are the frames of a video, say how many there are per second, e.g. --frames 25"
            )

    def _kind_of_listed(self, path: Path) -> Kind | None:
        """Return what a file is that nobody named; None if it is passed over."""
        kind = _kind_of(path)
        try:
            # Once: on the file systems of clusters this is what a listing takes its time for.
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            self._pass_over("broken links", path)
            return None
        except OSError as error:
            loop = error.errno == errno.ELOOP
            what = "broken links" if loop else f"files that cannot be reached ({error.strerror})"
            self._pass_over(what, path)
            return None
        if not stat.S_ISREG(status.st_mode):
            self._pass_over("pipes and devices", path)
        elif kind is None:
            self._pass_over(_unknown(path), path)
        elif status.st_size == 0:
            self._pass_over("empty files", path)
        else:
            return kind
        return None

    def _drawn(self, path: Path) -> str:
        """Return the kind of what was drawn: the next run in the same folder is to tell the same."""
        return RESULTS if self._out in absolute(path).parents else DRAWN

    def _found(self, path: Path, kind: Kind, place: Path) -> Iterator[Input]:
        known = os.path.abspath(path)
        if known not in self._known:
            self._known.add(known)
            yield Input(path, kind, place)

    def _pass_over(self, kind: str, path: Path) -> None:
        if (kind, os.fspath(path)) not in self._passed:
            self._passed.add((kind, os.fspath(path)))
            self._inputs.passed_over[kind].append(path)


def _kind_of(path: Path) -> Kind | None:
    """Return what the ending says a file is."""
    ending = path.suffix.lower()
    if ending in SUFFIXES:
        return "picture"
    return "video" if ending in VIDEO_SUFFIXES else None


def _kind_inside(path: Path) -> Kind:
    """Return what a file is whose ending says nothing: what is no picture is left to FFmpeg."""
    return "picture" if is_picture(path) else "video"


def _unknown(path: Path) -> str:
    ending = path.suffix.lower()
    return f"files ending in {printable(ending)}" if ending else "files without an ending"


def _hidden(path: Path) -> str:
    if path.name.startswith("._"):
        return "AppleDouble files (._*)"
    return "hidden folders" if path.is_dir() else "hidden files"
