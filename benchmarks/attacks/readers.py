"""Damaged label files: what every reader makes of them."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path
from random import Random
from typing import Any

from attacks.damage import damaged_cells, damaged_lines
from attacks.ground import Ground
from attacks.layouts import LAYOUTS, OPTIONS
from attacks.verdicts import LOST, RIGHT, WRONG, Finding, judge_error
from metafacs.data.datasets import READERS
from metafacs.data.datasets.reading import Reading

Labels = dict[str, tuple[Any, ...]]

_LABEL_FILES = (".csv", ".txt", ".mat")
_BY_POSITION = ("AUoccur.txt", "land.txt", "path.txt")
"""Ends of names of lists whose lines belong to those of another by their number alone."""

_LENGTH = re.compile("lost|twice")
"""Damages after which a list has another length."""


def attack_reader(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage one file of labels of one data set, then read it.

    Damage to lines must leave every label that is read as it was, and what is no longer read must be counted.
    Damage to cells may say something else; it must be read or refused.
    """
    name = chance.choice(sorted(LAYOUTS))
    options = chance.choice(OPTIONS.get(name, ({},)))
    source = ground.once(f"layout {name}", lambda: _layout(ground, name))
    expected = ground.once(f"labels {name} {options}", lambda: _labels(READERS[name](source, **options)))
    root = place / name
    shutil.copytree(source, root)
    target = chance.choice(ground.once(f"files {name}", lambda: _files(source)))
    path = root / target
    content = path.read_bytes()
    lines_only = path.suffix != ".mat" and chance.random() < 0.5
    done, changed = (damaged_lines if lines_only else damaged_cells)(content, chance)
    path.write_bytes(changed)
    attack = f"{name} {options or ''}, {target}: {done}"
    if lines_only and chance.random() < 0.3:
        # Two damages may hide each other, such as a blank line in each of two lists.
        other = root / chance.choice(ground.once(f"files {name}", lambda: _files(source)))
        if other.suffix != ".mat" and other != path:
            again, twice = damaged_lines(other.read_bytes(), chance)
            other.write_bytes(twice)
            attack += f"; {other.relative_to(root)}: {again}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reading = READERS[name](root, **options)
        said = str(reading)
    except Exception as error:
        return judge_error(error, attack, path.name, str(root))
    # Nobody can see that lines without names were exchanged, or that each of two lists lacks another one.
    nameless = sum(attack.count(f"{end}:") for end in _BY_POSITION)
    unseen = nameless and ("two lines swapped" in attack or (nameless > 1 and _LENGTH.search(attack)))
    if not lines_only or unseen or changed == content:
        return Finding(RIGHT, attack)
    return _judge(expected, _labels(reading), reading, attack, said, target)


def _judge(
    expected: Labels, found: Labels, reading: Reading, attack: str, said: str, target: Path
) -> Finding:
    added = sorted(set(found) - set(expected))
    if added:
        return Finding(WRONG, attack, f"{len(added)} pictures more, such as {added[0]}")
    gone = len(set(expected) - set(found))
    for key, labels in found.items():
        for before, after in zip(expected[key], labels, strict=True):
            if before == after:
                continue
            if isinstance(before, dict):
                other = {au for au in after if au not in before or before[au] != after[au]}
                if other:
                    return Finding(WRONG, attack, f"{key}: AU {sorted(other)} {before} -> {after}"[:300])
            elif after is not None:
                return Finding(WRONG, attack, f"{key}: {before!s:.100} -> {after!s:.100}")
            gone += 1
    if gone and not reading.skipped:
        return Finding(LOST, attack, f"{gone} labels are not read, and nothing is said: {said[:200]}")
    return Finding(RIGHT, attack)


def _labels(reading: Reading) -> Labels:
    return {
        sample.key: (
            dict(sample.action_units),
            dict(sample.intensities),
            sample.expression,
            sample.votes,
            sample.part,
            sample.subject,
            sample.picture.name,
            None if sample.landmarks is None else sample.landmarks.tobytes(),
        )
        for sample in reading.samples
    }


def _layout(ground: Ground, name: str) -> Path:
    root = ground.root / "layouts" / name
    if not root.exists():
        LAYOUTS[name](root, ground.few)
    return root


def _files(root: Path) -> list[Path]:
    paths = [
        path.relative_to(root)
        for path in sorted(root.rglob("*"))
        if path.suffix in _LABEL_FILES and "provenance" not in path.name and "manu_attri" not in path.name
    ]
    # Many small files of one sort would hide the lists.
    return [path for path in paths if path.suffix != ".mat"] + [
        path for path in paths if path.suffix == ".mat"
    ][:4]
