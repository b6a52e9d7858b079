"""What a run is made of, so that none is taken for another."""

from __future__ import annotations

import sys
from pathlib import Path

from metafacs.files import digest_of_file
from metafacs.version import __version__


def code_of(kind: type) -> dict[str, str]:
    """Return which code a learner is: the version of metafacs, and of a foreign one what its file holds."""
    module = sys.modules.get(kind.__module__)
    own = kind.__module__.partition(".")[0] == __name__.partition(".")[0]
    source = Path(getattr(module, "__file__", None) or "")
    told = {"metafacs": __version__}
    return told if own or not source.is_file() else {**told, kind.__module__: digest_of_file(source)[:16]}
