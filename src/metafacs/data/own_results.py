"""What metafacs drew itself: overlays and plots of earlier runs among somebody's pictures and videos."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from metafacs.parsing import FileError, convert, read_json
from metafacs.seals import SEAL, unsealed

SIDECAR = ".meta.json"
"""What is added to the name of a file of results for that of its description."""

OF_PICTURES = tuple(f"faces{ending}{SIDECAR}" for ending in (".csv", ".jsonl", ".parquet"))
"""Names of the descriptions that list files far below them: those of the table of all pictures."""


class OwnResults:
    """The files that descriptions of results list as theirs, known folder by folder as a tree is walked.

    No picture is opened. A description counts only with its seal, so that nobody else's file of such a name
    takes pictures away; of the files that it lists, those beside and below it count.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, bool]] = set()
        self._listed: set[str] = set()

    def look_into(self, folder: Path, names: Iterable[str] | None = None) -> None:
        """Read the descriptions in a folder, before what lies below it is asked for.

        Args:
            folder: The folder.
            names: Of the files in it; None lists them.
        """
        place = os.path.abspath(folder)
        if (place, True) in self._seen:
            return
        if names is None:
            names = []
            with suppress(OSError):
                names = os.listdir(folder)
        self._seen.add((place, True))
        self._read(place, (name for name in names if name.endswith(SIDECAR)))

    def look_above(self, folder: Path) -> None:
        """Read the descriptions of pictures above a folder, where a walk begins; no folder is listed."""
        for above in Path(os.path.abspath(folder)).parents:
            if (str(above), False) in self._seen:
                return
            self._seen.add((str(above), False))
            self._read(str(above), (name for name in OF_PICTURES if os.path.isfile(above / name)))

    def _read(self, place: str, names: Iterable[str]) -> None:
        for name in names:
            for output in _outputs(Path(place, name)):
                self._listed.add(os.path.join(place, *output.parts))

    def __contains__(self, path: Path) -> bool:
        return bool(self._listed) and os.path.abspath(path) in self._listed


def _outputs(sidecar: Path) -> list[Path]:
    """Return what a description lists below its folder; empty if it is none, or not as it was written."""
    try:
        content = read_json(sidecar, dict[str, Any])
        if "metafacs" not in content or SEAL not in content:
            return []
        # The time of writing stands outside the seal.
        content.pop("written", None)
        listed = unsealed(content, str(sidecar)).get("outputs", [])
        outputs = [Path(name) for name in convert(listed, list[str], str(sidecar))]
    except FileError:
        return []
    return [path for path in outputs if not path.is_absolute() and ".." not in path.parts]
