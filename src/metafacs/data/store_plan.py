"""What a prepared store is made from, and whether a folder may become, or is, one of the same."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from metafacs.data.datasets.reading import Reading
from metafacs.data.shards import StoreError
from metafacs.data.sources import place_of
from metafacs.data.store import FORMAT, STORE_FILE
from metafacs.differences import differences
from metafacs.faces.alignment import AlignmentSpec
from metafacs.files import write_json
from metafacs.locks import OWN_FILES
from metafacs.parsing import parse_json, read_bytes
from metafacs.seals import SEAL, sealed, unsealed
from metafacs.version import __version__

PLAN_FILE = "plan.json"

_OWN = re.compile(r"shard-\d{5,}\.(arrow|json)|\..+\.partial", re.DOTALL)
_DIGESTS = {
    "labels_hash": "other labels",
    "pictures_hash": "other pictures or frames",
    "people_hash": "other people, parts or votes",
}
_WAYS_OUT = "choose another --out, or delete it to prepare it anew"


class _NoPlanError(Exception):
    """There is no plan, or only half of one."""


def plan_of(reading: Reading, size: int, alignment: AlignmentSpec, pictures_per_shard: int) -> dict[str, Any]:
    """Return everything that a store depends on but the content of the pictures, as plain data for JSON."""
    labels, pictures, people = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    for sample in reading.samples:
        # Labels and keys are part of the identity: a store must not mix two versions of a set.
        known = (sample.key, sorted(sample.action_units.items()), sample.expression)
        labels.update(repr(known).encode())
        labels.update(repr(sorted(sample.intensities.items())).encode())
        if sample.landmarks is not None:
            labels.update(sample.landmarks.tobytes())
        if sample.pose is not None:
            labels.update(repr(sample.pose).encode())
        where = (place_of(sample.picture, reading.root), sample.frame)
        pictures.update(json.dumps(where).encode())
        people.update(json.dumps((sample.subject, sample.part)).encode())
        people.update(repr(sample.votes).encode())
    return {
        "format": FORMAT,
        "dataset": reading.dataset,
        "reader": reading.reader,
        "options": reading.options,
        "size": size,
        "alignment": asdict(alignment),
        "pre_aligned": reading.pre_aligned,
        "aus": list(reading.aus),
        "expressions": list(reading.expressions),
        "samples": len(reading.samples),
        "labels_hash": labels.hexdigest()[:16],
        "pictures_hash": pictures.hexdigest()[:16],
        "people_hash": people.hexdigest()[:16],
        "pictures_per_shard": pictures_per_shard,
        "synthetic": reading.twin is not None,
        "twin": reading.twin,
        "metafacs": __version__,
    }


def name_of(plan: dict[str, Any]) -> str:
    """Return 16 hexadecimal digits that tell a plan from others."""
    return str(sealed(plan)[SEAL])[:16]


def check_folder(out: Path, plan: dict[str, Any]) -> None:
    """Refuse a folder that holds anything else than a store, or parts of one, of the same plan.

    Raises:
        StoreError: Naming the difference.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise StoreError(f"{out} is a file; give --out a folder")
    try:
        found = _read_plan(out / PLAN_FILE)
    except _NoPlanError:
        others = sorted(
            path.name
            for path in out.iterdir()
            if path.name not in {PLAN_FILE, STORE_FILE, *OWN_FILES} and not _OWN.fullmatch(path.name)
        )
        if others:
            raise StoreError(
                f"{out} is not empty and not a store (it holds {others[0]!r}); choose another --out"
            ) from None
        return
    if told := _differences(found, json.loads(json.dumps(plan))):
        raise StoreError(f"{out} holds a store of other data or settings: {told}; {_WAYS_OUT}")


def write_plan(out: Path, plan: dict[str, Any]) -> None:
    """Write the plan of a store unless it is there."""
    try:
        _read_plan(out / PLAN_FILE)
    except _NoPlanError:
        write_json(out / PLAN_FILE, sealed(plan))


def _differences(found: dict[str, Any], plan: dict[str, Any]) -> str:
    """Return in words what two plans do not share; empty if nothing."""
    others = [what for key, what in _DIGESTS.items() if found.get(key) != plan[key]]
    readable = [{key: value for key, value in p.items() if key not in _DIGESTS} for p in (found, plan)]
    return ", ".join(filter(None, [differences(*readable), *others]))


def _read_plan(path: Path) -> dict[str, Any]:
    """Return the plan in a file.

    Raises:
        _NoPlanError: If there is none, or the file was not written to its end.
        StoreError: If the file is something else.
    """
    if not path.exists():
        raise _NoPlanError
    content = parse_json(read_bytes(path, StoreError), Any, str(path), _NoPlanError)
    if not isinstance(content, dict) or "labels_hash" not in content or not {"format", SEAL} & content.keys():
        raise StoreError(f"{path} is not that of a store; choose another --out")
    if SEAL not in content:
        raise _NoPlanError
    return unsealed(content, str(path), _NoPlanError)
