"""Damaged stores: read as they are, and prepared again."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa

from attacks.commands import judge_command, run_here
from attacks.damage import damaged_bytes, damaged_integer, damaged_json
from attacks.folders import differing, tree_of
from attacks.ground import Ground
from attacks.verdicts import RIGHT, WRONG, Finding, judge_error
from metafacs.data.store import Store

_LABELS = (
    "keys",
    "subjects",
    "parts",
    "action_units",
    "intensities",
    "expression",
    "votes",
    "landmarks",
    "pose",
)
_FEW = 24
"""Pictures that are looked at."""


def attack_store(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a prepared store, then read its labels, its pictures and what it says of itself."""
    store = place / "store"
    shutil.copytree(ground.store, store)
    attack = damage_store(ground, store, chance)
    # Every second time the pictures are read first, and some of them only.
    expected = ground.once(
        "store", lambda: _content(Store(ground.store), np.arange(len(Store(ground.store))))
    )
    try:
        opened = Store(store)
        rows = np.array(sorted(chance.sample(range(len(opened)), min(_FEW, len(opened)))))
        found = _content(opened, rows)
    except Exception as error:
        return judge_error(error, attack, str(store), store.name)
    images, labels, said = expected
    if said != found[2]:
        changed = sorted(key for key in {*said, *found[2]} if said.get(key) != found[2].get(key))
        return Finding(WRONG, attack, f"it says something else of itself: {', '.join(changed)}")
    if labels != found[1]:
        changed = [name for name, before in labels.items() if found[1][name] != before]
        return Finding(WRONG, attack, f"other labels: {', '.join(changed)}")
    if any(images[row] != image for row, image in found[0].items()):
        return Finding(WRONG, attack, "other pictures")
    return Finding(RIGHT, attack)


def attack_preparation(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a store, finished or not, then prepare it again: it must be the same to the byte."""
    store = place / "store"
    shutil.copytree(
        ground.once("few", lambda: _prepare(ground)), store, ignore=shutil.ignore_patterns(".metafacs*")
    )
    expected = tree_of(store)
    attack = damage_store(ground, store, chance)
    if chance.random() < 0.4 and not (store / "store.json").is_dir():
        (store / "store.json").unlink(missing_ok=True)
        attack += ", not finished"
    ended = run_here(ground.prepare_words(store))
    return judge_command(ended, attack, lambda: differing(expected, tree_of(store)), str(store), store.name)


def damage_store(ground: Ground, store: Path, chance: Random) -> str:
    """Damage one file of a store; return what was done."""
    shards = sorted(store.glob("*.arrow"))
    target = chance.choice((*shards, *shards, *shards, *sorted(store.glob("*.json"))))
    content = target.read_bytes()
    if target.suffix == ".json":
        done, changed = damaged_json(content, chance)
    else:
        first, last = content.find(b"\xff\xd8\xff"), content.rfind(b"\xff\xd9")
        what = chance.randrange(10)
        if what < 4:
            done, changed = damaged_bytes(content, chance)
        elif what < 6:
            start, end = chance.choice(((0, first), (last, len(content))))
            done, changed = damaged_integer(content, chance, start, end)
        elif what < 8:
            turned = bytearray(content)
            at = chance.choice((chance.randrange(first), chance.randrange(last, len(content))))
            turned[at] ^= 1 << chance.randrange(8)
            done, changed = f"a bit beside the pictures turned, byte {at}", bytes(turned)
        elif what == 8:
            done, changed = "another store's shard", next(ground.other_store.glob("*.arrow")).read_bytes()
        else:
            done, changed = _with_other_labels(content, chance)
    if chance.random() < 0.03:
        target.unlink()
        done = "gone"
        if chance.random() < 0.5:
            target.mkdir()
            done = "a folder"
    else:
        target.write_bytes(changed)
    return f"{target.name}: {done}"


def _with_other_labels(content: bytes, chance: Random) -> tuple[str, bytes]:
    """Return a shard with labels exchanged, written as it should be."""
    table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
    rows = table.to_pylist()
    i = chance.randrange(len(rows))
    labels = rows[i]["action_units"]
    rows[i]["action_units"] = [1 - value if value in (0, 1) else value for value in labels]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=table.schema))
    return f"the labels of row {i} exchanged", sink.getvalue().to_pybytes()


def _content(store: Store, rows: np.ndarray) -> tuple[dict[int, bytes], dict[str, bytes], dict[str, object]]:
    """Return digests of pictures by row, of labels by name, and what a store says of itself."""
    labels = {name: _digest(getattr(store, name)) for name in _LABELS}
    images = {int(row): _digest(store.images(np.array([row]))) for row in rows}
    said: dict[str, object] = {**store.description, "aus": store.aus, "size": store.size}
    return images, labels, said


def _digest(values: np.ndarray) -> bytes:
    return hashlib.sha256(f"{values.dtype} {values.shape}".encode() + values.tobytes()).digest()


def _prepare(ground: Ground) -> Path:
    out = ground.root / "few_store"
    ended = run_here(ground.prepare_words(out))
    if ended.code:
        raise RuntimeError(ended.said)
    return out
