"""RAF-CE: fourteen compound expressions and action units of the same faces in the wild."""

from __future__ import annotations

import warnings
from pathlib import Path

from metafacs.compounds import COMPOUND_EXPRESSIONS
from metafacs.data.datasets.action_unit_codes import read_action_unit_list, vocabulary_of
from metafacs.data.datasets.mismatches import refuse_moved_codes, refuse_unmatched
from metafacs.data.datasets.raf_lists import find_aligned_pictures, note_unlabelled, read_code, read_list
from metafacs.data.datasets.reading import Reading, Sample, read_twin, require_folder, whole_number

EXPRESSION_FILE = "RAFCE_emolabel.txt"
ACTION_UNIT_FILE = "RAFCE_AUlabel.txt"
PARTITION_FILE = "RAFCE_partition.txt"

PARTS: tuple[str, ...] = ("train", "test", "validation")
"""Name of each part in the order of the codes 0 to 2."""

PUBLISHED_AUS = 32
"""How many AUs the paper counts in the real set; it does not list them."""


def read_raf_ce(root: Path | str) -> Reading:
    """Read expressions, action units and partition of RAF-CE and match them with the aligned pictures.

    Layout: ``RAFCE_emolabel.txt`` with lines ``0001.jpg 5`` (codes 0 to 13 in the order of
    :data:`metafacs.compounds.COMPOUND_EXPRESSIONS`), ``RAFCE_AUlabel.txt`` with lines ``0001.jpg 1+L4+25``
    in RAF-AU's notation, ``RAFCE_partition.txt`` with lines ``0001.jpg 0`` (0 train, 1 test, 2 validation)
    and ``aligned/0001_aligned.jpg``.

    Args:
        root: The folder that holds the three lists.

    Returns:
        The reading, one sample per picture of the expression list. A picture that another list does not
        name keeps what is known: its action units or its part stay unknown, and this is in ``skipped``.

    Raises:
        DatasetError: If a list or the folder of aligned pictures is missing, the numbers in a list are those
            of another code book, or the lists have no picture in common.

    Warns:
        UserWarning: If the list of action units has another number of different AUs than the paper.
    """
    root = require_folder(Path(root), f"{EXPRESSION_FILE}, {ACTION_UNIT_FILE} and {PARTITION_FILE}")
    reading = Reading(
        "raf_ce", root, expressions=COMPOUND_EXPRESSIONS, pre_aligned=True, twin=read_twin(root)
    )
    pictures = find_aligned_pictures(reading, (root / "aligned", root / "Image" / "aligned"))
    path = root / EXPRESSION_FILE
    entries = read_list(reading, path)
    coded = read_action_unit_list(reading, root / ACTION_UNIT_FILE)
    parts = read_partition(reading, root / PARTITION_FILE)
    numbers = [whole_number(entry.label) for entry in entries.values()]
    refuse_moved_codes(path, numbers, 0, len(COMPOUND_EXPRESSIONS) - 1, "expressions")
    for file, names in ((ACTION_UNIT_FILE, coded), (PARTITION_FILE, parts)):
        matched = len(names.keys() & entries.keys())
        refuse_unmatched(
            root / file, names, matched if entries else 1, "pictures", f"compare with {path.name}"
        )
    for key, entry in entries.items():
        code = read_code(entry.label, 0, len(COMPOUND_EXPRESSIONS) - 1)
        if code is None:
            reading.skip(
                path, entry.line, f"line is not '<name>.jpg <code 0..{len(COMPOUND_EXPRESSIONS) - 1}>'"
            )
            continue
        if key not in pictures:
            reading.skip(path, entry.line, "label without a picture")
            continue
        if key not in coded:
            reading.skip(path, entry.line, "picture has no action units: they stay unknown")
        if key not in parts:
            reading.skip(path, entry.line, "picture is in no part: its part stays unknown")
        action_units = coded[key].action_units if key in coded else {}
        reading.samples.append(
            Sample(key, pictures[key], action_units=action_units, expression=code, part=parts.get(key))
        )
    for key, picture in coded.items():
        if key not in entries:
            reading.skip(
                root / ACTION_UNIT_FILE, picture.line, "action units of a picture without an expression"
            )
    note_unlabelled(reading, pictures, entries)
    reading.aus = vocabulary_of(coded)
    if len(reading.aus) != PUBLISHED_AUS:
        warnings.warn(
            f"{root / ACTION_UNIT_FILE} names {len(reading.aus)} action units, the paper counts "
            f"{PUBLISHED_AUS}; models trained on it have as many outputs as the list has action units",
            stacklevel=2,
        )
    return reading


def read_partition(reading: Reading, path: Path) -> dict[str, str]:
    """Read a list of partition codes.

    Args:
        reading: Takes up the lines that were skipped.
        path: List with lines ``0001.jpg 0``: 0 train, 1 test, 2 validation.

    Returns:
        Key of the picture -> name of its part.

    Raises:
        DatasetError: If the list is missing or is not text in UTF-8, or its codes are others.
    """
    parts: dict[str, str] = {}
    entries = read_list(reading, path)
    numbers = [whole_number(entry.label) for entry in entries.values()]
    refuse_moved_codes(path, numbers, 0, len(PARTS) - 1, "parts")
    for key, entry in entries.items():
        code = read_code(entry.label, 0, len(PARTS) - 1)
        if code is None:
            reading.skip(path, entry.line, f"line is not '<name>.jpg <code 0..{len(PARTS) - 1}>'")
            continue
        parts[key] = PARTS[code]
    return parts
