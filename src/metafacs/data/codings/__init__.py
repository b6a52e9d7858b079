"""Tables of programs and codings by people: read whatever says which action units a video shows."""

from __future__ import annotations

from pathlib import Path

from metafacs.data.codings.coding import Coding, ReadingRules
from metafacs.data.codings.delimited import CodingError
from metafacs.data.codings.elan_files import read_elan
from metafacs.data.codings.frame_codings import read_frame_coding
from metafacs.data.codings.interval_lists import is_interval_list, read_interval_list
from metafacs.data.codings.predicted_tables import read_predicted_table, read_sidecar, recognise_program
from metafacs.data.codings.raw_tables import SUFFIXES, read_raw_table
from metafacs.data.parts import holds_parts

__all__ = ["READABLE", "Coding", "CodingError", "ReadingRules", "read_coding"]

READABLE = (*SUFFIXES, ".eaf")
"""Endings of the files that :func:`read_coding` reads."""


def read_coding(path: str | Path, rules: ReadingRules | None = None, *, video: str | None = None) -> Coding:
    """Read a table or a coding, whatever its format.

    Args:
        path: A table of metafacs, OpenFace, py-feat or LibreFace; a coding by frames; a list of intervals; or
            an ELAN file; or a folder of parts that metafacs wrote of many videos.
        rules: How to read what a format leaves open.
        video: Which video of a folder of parts, as results call it; None for the only one.

    Raises:
        CodingError: If the file is none of these or says something impossible; with file and line.
    """
    path, rules = Path(path), rules or ReadingRules()
    if holds_parts(path):
        raw, sidecar = read_raw_table(path, video), read_sidecar(path)
        program = recognise_program(raw.names, sidecar)
        assert program is not None
        return read_predicted_table(raw, program, sidecar, rules)
    if not path.is_file():
        raise CodingError(f"{path} is {'a folder' if path.is_dir() else 'missing'}; give a table or a coding")
    if path.suffix.lower() == ".eaf":
        return read_elan(path, rules)
    if path.suffix.lower() not in SUFFIXES:
        raise CodingError(f"{path} ends in '{path.suffix}'; tables and codings end in {', '.join(READABLE)}")
    raw = read_raw_table(path)
    sidecar = read_sidecar(path)
    if program := recognise_program(raw.names, sidecar):
        return read_predicted_table(raw, program, sidecar, rules)
    if is_interval_list(raw.names):
        return read_interval_list(raw, rules)
    return read_frame_coding(raw, rules)
