"""Damaged tables: support lists, labels of other programs, and codings of videos."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from attacks.damage import damaged_cells, damaged_json, damaged_lines
from attacks.ground import Ground
from attacks.verdicts import LOST, RIGHT, WRONG, Finding, judge_error
from metafacs.data.codings import read_coding
from metafacs.data.codings.coding import FrameCoding
from metafacs.data.store import Store
from metafacs.personalisation.support import read_support
from metafacs.training.pseudo_labels import LabelTable

Values = dict[str, tuple[float, ...]]
_FRAMES = 20
_AUS = ("01", "02", "04", "12")


def attack_support(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a list of one person's labelled pictures."""
    path = place / "support.csv"

    def read(file: Path) -> Values:
        support = read_support(file)
        return {
            str(row.picture.relative_to(file.parent)): tuple(labels)
            for row, labels in zip(support.rows, support.labels.tolist(), strict=True)
        }

    return _attack(ground, chance, ground.support.read_bytes(), path, read)


def attack_labels(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a table of labels that another program wrote for the pictures of a store."""
    store = ground.once("opened store", lambda: Store(ground.store))
    bits = Random(1)
    lines = [f"{key},{bits.randrange(2)},{bits.randrange(2)}" for key in store.keys]
    content = "\n".join(["picture,AU1_c,AU12_c", *lines, ""]).encode()

    def read(file: Path) -> Values:
        table = LabelTable(file, store)
        labels = np.asarray(table._labels)
        return {str(key): tuple(row) for key, row in zip(store.keys, labels.tolist(), strict=True)}

    return _attack(ground, chance, content, place / "labels.csv", read)


def attack_coding(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a table or a coding of a video."""
    name = chance.choice(sorted(_CODINGS))
    content = _CODINGS[name]().encode() if name != "own" else ground.table.read_bytes()
    path = place / ("clip.eaf" if name == "elan" else "clip.csv")
    if name == "own":
        sidecar = ground.table.with_name("clip.csv.meta.json")
        shutil.copy(sidecar, place / sidecar.name)
        if chance.random() < 0.2:
            done, changed = damaged_json(sidecar.read_bytes(), chance)
            (place / sidecar.name).write_bytes(changed)
            path.write_bytes(content)
            try:
                read_coding(path)
            except Exception as error:
                return judge_error(error, f"sidecar: {done}", path.name)
            return Finding(RIGHT, f"sidecar: {done}", "read")

    return _attack(ground, chance, content, path, _read_coding, lines=name != "elan", name=name)


def _attack(
    ground: Ground,
    chance: Random,
    content: bytes,
    path: Path,
    read: Callable[[Path], Values],
    *,
    lines: bool = True,
    name: str = "",
) -> Finding:
    """Damage a table, then read it; after damage to lines what is read must be what was there."""
    name = name or path.stem
    path.write_bytes(content)
    expected = ground.once(f"table {name}", lambda: read(path))
    lines = lines and chance.random() < 0.5
    if lines and b"success" in content and chance.random() < 0.3:
        done, changed = _with_failed_row(content, chance)
    else:
        done, changed = (damaged_lines if lines else damaged_cells)(content, chance)
    path.write_bytes(changed)
    attack = f"{name}: {done}"
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = read(path)
    except Exception as error:
        return judge_error(error, attack, path.name)
    if not lines or changed == content:
        return Finding(RIGHT, attack)
    for key, values in found.items():
        if key.startswith(_NOTES):
            continue
        before = expected.get(key)
        if before is None:
            return Finding(WRONG, attack, f"{key} was not there")
        other = [
            (b, a) for b, a in zip(before, values, strict=False) if a == a and a != b and abs(a - b) > 1e-9
        ]
        if other:
            return Finding(WRONG, attack, f"{key}: {other[0][0]} -> {other[0][1]}")
    told = bool(warned) or any(key.startswith(_NOTES) and key not in expected for key in found)
    gone = sum(1 for key in expected if key not in found and not key.startswith(_NOTES))
    # A table that ends early, or lacks a line, is a whole table of fewer pictures.
    if gone > 1 and not told and done not in ("the end lost", "a line lost", "a line emptied"):
        return Finding(LOST, attack, f"{gone} rows are not read, and nothing is said")
    return Finding(RIGHT, attack)


_NOTES = "note: "


def _with_failed_row(content: bytes, chance: Random) -> tuple[str, bytes]:
    """Return a table in which a row says that it failed, and holds other decisions."""
    lines = content.split(b"\n")
    names = [name.strip() for name in lines[0].split(b",")]
    i = chance.randrange(1, len(lines) - 1)
    cells = lines[i].split(b",")
    for position, name in enumerate(names):
        if name == b"success":
            cells[position] = b"0"
        elif name.endswith(b"_c"):
            cells[position] = b"0" if float(cells[position]) else b"1"
    lines[i] = b",".join(cells)
    return f"row {i} failed", b"\n".join(lines)


def _read_coding(path: Path) -> Values:
    coding = read_coding(path)
    said: dict[str, tuple[float, ...]] = {f"{_NOTES}{text}": () for text in (*coding.notes, *coding.warnings)}
    if not isinstance(coding, FrameCoding):
        return said
    if coding.first_frame_guessed:
        # Which frames are meant is settled, or asked for, when it is compared with another.
        return {**said, f"{_NOTES}the first frame is guessed": ()}
    if coding.frames is not None:
        places: Any = coding.frames
    else:
        assert coding.times is not None
        places = coding.times
    for person, series in coding.people.items():
        for au, one in series.items():
            for place, value in zip(places.tolist(), one.presence.tolist(), strict=True):
                said[f"{person} AU{au} at {place}"] = (float(value),)
    return said


def _openface() -> str:
    chance = Random(2)
    head = "frame, face_id, timestamp, confidence, success, " + ", ".join(
        [f"AU{au}_r" for au in _AUS] + [f"AU{au}_c" for au in _AUS]
    )
    rows = [
        f"{i + 1}, 0, {i / 25:.3f}, 0.98, 1, "
        + ", ".join(
            [f"{chance.random() * 5:.2f}" for _ in _AUS] + [f"{chance.randrange(2)}.00" for _ in _AUS]
        )
        for i in range(_FRAMES)
    ]
    return "\n".join([head, *rows, ""])


def _pyfeat() -> str:
    chance = Random(3)
    head = "frame,FaceScore," + ",".join(f"AU{au}" for au in _AUS) + ",input"
    rows = [
        f"{i},0.99," + ",".join(f"{chance.random():.3f}" for _ in _AUS) + ",clip.mp4" for i in range(_FRAMES)
    ]
    return "\n".join([head, *rows, ""])


def _libreface() -> str:
    chance = Random(4)
    head = "frame_idx,frame_time_in_ms," + ",".join(
        [f"au_{int(au)}" for au in _AUS] + [f"au_{int(au)}_intensity" for au in _AUS]
    )
    rows = [
        f"{i},{i * 40},"
        + ",".join([f"{chance.randrange(2)}" for _ in _AUS] + [f"{chance.random() * 5:.3f}" for _ in _AUS])
        for i in range(_FRAMES)
    ]
    return "\n".join([head, *rows, ""])


def _by_frames() -> str:
    chance = Random(5)
    head = "frame," + ",".join(f"AU{int(au)}" for au in _AUS)
    rows = [f"{i}," + ",".join(chance.choice("01") for _ in _AUS) for i in range(_FRAMES)]
    return "\n".join([head, *rows, ""])


def _by_intervals() -> str:
    rows = [f"{'AU' + str(int(au))},{i / 2:.2f},{i / 2 + 0.4:.2f},B" for i, au in enumerate(_AUS * 3)]
    return "\n".join(["au,onset,offset,intensity", *rows, ""])


def _elan() -> str:
    slots = "".join(f'<TIME_SLOT TIME_SLOT_ID="ts{i}" TIME_VALUE="{i * 200}"/>' for i in range(8))
    notes = "".join(
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{i}" TIME_SLOT_REF1="ts{2 * i}" '
        f'TIME_SLOT_REF2="ts{2 * i + 1}"><ANNOTATION_VALUE>1</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>'
        "</ANNOTATION>"
        for i in range(4)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-01-01T00:00:00Z" '
        'FORMAT="3.0" VERSION="3.0"><HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>'
        f'<TIME_ORDER>{slots}</TIME_ORDER><TIER LINGUISTIC_TYPE_REF="au" TIER_ID="AU12">{notes}</TIER>'
        '<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="au" TIME_ALIGNABLE="true"/></ANNOTATION_DOCUMENT>'
    )


_CODINGS: dict[str, Callable[[], str]] = {
    "own": lambda: "",
    "openface": _openface,
    "pyfeat": _pyfeat,
    "libreface": _libreface,
    "frames": _by_frames,
    "intervals": _by_intervals,
    "elan": _elan,
}
"""Sort of table or coding -> its text; that of the program itself is of the ground."""
