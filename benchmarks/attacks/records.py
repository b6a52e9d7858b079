"""Damaged records, few-shot records, archives and comparisons: read, reported, and gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from attacks.commands import judge_command, run_here
from attacks.damage import damaged_bytes, damaged_json, damaged_lines
from attacks.folders import differing, tree_of
from attacks.ground import Ground
from attacks.models import damage_tensor_file
from attacks.verdicts import RIGHT, WRONG, Finding, judge_error
from metafacs.evaluation.archive import read_archive
from metafacs.evaluation.few_shot_records import read_few_shot_records
from metafacs.evaluation.records import Record, read_records

_REPORTED = 0.2
"""Share of the damaged records of which the report is written too."""


def attack_record(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a record, then read it, or write a report of it and a sound one."""
    folder = place / "records"
    shutil.copytree(ground.comparison, folder, ignore=shutil.ignore_patterns("*.safetensors", ".metafacs*"))
    target = chance.choice(sorted(folder.rglob("record.json")))
    return _attack_json(ground, chance, place, folder, target, read_records)


def attack_few_shot_record(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a few-shot record, then read it, or write a report of it and a sound one."""
    folder = place / "records"
    shutil.copytree(ground.few_shot, folder)
    target = chance.choice(sorted(folder.rglob("record.json")))
    return _attack_json(ground, chance, place, folder, target, read_few_shot_records)


def attack_archive(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage an archive, then read it."""
    target = place / "archive.jsonl"
    content = ground.archive.read_bytes()
    lines = content.split(b"\n")
    what = chance.randrange(3)
    if what == 0:
        attack, changed = damaged_bytes(content, chance)
    elif what == 1:
        attack, changed = damaged_lines(content, chance)
    else:
        i = chance.randrange(len(lines) - 1)
        attack, lines[i] = damaged_json(lines[i], chance)
        changed = b"\n".join(lines)
    target.write_bytes(changed)
    return _judge_reading(
        attack,
        ground.once("archive", lambda: _said(read_archive(ground.archive, Record.from_json))),
        lambda: _said(read_archive(target, Record.from_json)),
        target,
    )


def attack_comparison(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a file of a comparison, then compare again: records and tables must be the same."""
    out = place / "comparison"
    shutil.copytree(ground.comparison, out, ignore=shutil.ignore_patterns(".metafacs*"))
    target = chance.choice(sorted(path for path in out.rglob("*") if path.is_file()))
    if target.suffix == ".safetensors":
        attack, _ = damage_tensor_file(target, target, chance, on_purpose=False)
    else:
        damage = damaged_json if target.suffix == ".json" else damaged_bytes
        attack, changed = damage(target.read_bytes(), chance)
        target.write_bytes(changed)
    if chance.random() < 0.3:
        (target.parent / "record.json").unlink(missing_ok=True)
        attack += ", its record gone"
    name = target.relative_to(out).as_posix()
    ended = run_here(ground.compare_words(out))
    expected = ground.once("comparison", lambda: _tables(ground.comparison))

    def same() -> bool | str:
        return differing(expected, _tables(out))

    return judge_command(ended, f"{name}: {attack}", same, target.name, str(out))


def _attack_json(
    ground: Ground,
    chance: Random,
    place: Path,
    folder: Path,
    target: Path,
    read: Callable[..., list[Any]],
) -> Finding:
    attack, changed = damaged_json(target.read_bytes(), chance)
    target.write_bytes(changed)
    source = ground.comparison if folder.name == "records" and read is read_records else ground.few_shot
    if chance.random() < _REPORTED:
        # A report leaves damaged records out, says so, and ends with an error.
        ended = run_here(["report", folder, "--out", place / "report"])
        sound = source / target.relative_to(folder)

        def same() -> bool | str:
            return not _read_differs(read, target, sound) or "reported without a word"

        return judge_command(ended, f"report, {attack}", same, target.name, str(target))
    expected = ground.once(f"records {read.__name__}", lambda: _said(read(source)))
    return _judge_reading(attack, expected, lambda: _said(read(folder)), target)


def _read_differs(read: Callable[..., list[Any]], target: Path, sound: Path) -> bool:
    try:
        return _said(read(target)) != _said(read(sound))
    except ValueError:
        return True


def _judge_reading(attack: str, expected: list[str], read: Callable[[], list[str]], target: Path) -> Finding:
    try:
        found = read()
    except Exception as error:
        return judge_error(error, attack, target.name, str(target))
    if found == expected:
        return Finding(RIGHT, attack)
    first = next((pair for pair in zip(expected, found, strict=False) if pair[0] != pair[1]), None)
    return Finding(WRONG, attack, f"{len(found)} records; {_difference(*first) if first else 'fewer'}")


def _said(records: list[Any]) -> list[str]:
    return [json.dumps(record.to_json(), sort_keys=True) for record in records]


def _difference(first: str, second: str) -> str:
    before, after = json.loads(first), json.loads(second)
    keys = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    return "; ".join(f"{key}: {before.get(key)!s:.80} -> {after.get(key)!s:.80}" for key in keys[:4])


def _tables(folder: Path) -> dict[str, bytes]:
    # Models are compared by what they tell in their records.
    kept = (".json", ".csv", ".md", ".html", ".safetensors")
    return {name: content for name, content in tree_of(folder).items() if name.endswith(kept)}
