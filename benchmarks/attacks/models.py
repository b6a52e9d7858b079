"""Damaged models, persons' files and runs: read, used, and trained on."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from random import Random
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from attacks.commands import judge_command, run_here
from attacks.damage import damaged_bytes, damaged_values
from attacks.folders import differing, tree_of
from attacks.ground import Ground
from attacks.verdicts import RIGHT, WRONG, Finding, judge_error
from metafacs import load_detector
from metafacs.faces.pictures import read_picture
from metafacs.inference.loading import PACKAGED_MODEL
from metafacs.tensor_files import DIGEST, HEADER, digest_of_tensors

_HUGE = 10**12


def attack_model(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a model file, then predict with it."""
    source = PACKAGED_MODEL if chance.random() < 0.1 else ground.model
    path = place / "model.safetensors"
    attack, crafted = damage_tensor_file(source, path, chance)
    return _judge(ground, attack, crafted, path, (source, None), (path, None))


def attack_person(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a person's file, then predict with it."""
    path = place / "me.safetensors"
    attack, crafted = damage_tensor_file(ground.person, path, chance)
    return _judge(ground, attack, crafted, path, (ground.model, ground.person), (ground.model, path))


def attack_run(ground: Ground, chance: Random, place: Path) -> Finding:
    """Damage a finished or a stopped run, then train on: the model must be the same to the bit."""
    source = ground.stopped if chance.random() < 0.7 else ground.run
    out = place / "run"
    shutil.copytree(source, out, ignore=shutil.ignore_patterns(".metafacs*"))
    target = chance.choice(sorted(path for path in out.rglob("*") if path.is_file()))
    attack, _ = damage_tensor_file(target, target, chance, on_purpose=False)
    ended = run_here(ground.train_words(out))
    expected = ground.once("run", lambda: tree_of(ground.run)["model.safetensors"])
    return judge_command(
        ended,
        f"{source.name}, {target.name}: {attack}",
        lambda: differing({"model": expected}, {"model": tree_of(out).get("model.safetensors", b"")}),
        str(out),
        target.name,
    )


def damage_tensor_file(
    source: Path, path: Path, chance: Random, *, on_purpose: bool = True
) -> tuple[str, bool]:
    """Write a damaged copy of a file of tensors.

    Args:
        source: The undamaged one.
        path: The copy.
        chance: Decides about the damage.
        on_purpose: Sometimes write what no accident writes.

    Returns:
        What was done, and whether it was made on purpose, with a digest that fits it: then other results are
        no fault.
    """
    content = source.read_bytes()
    what = chance.randrange(12 if on_purpose else 10)
    if source.suffix != ".safetensors" or what < 4:
        done, changed = damaged_bytes(content, chance)
        path.write_bytes(changed)
        return done, False
    size = struct.unpack("<Q", content[:8])[0]
    if what < 8:
        turned = bytearray(content)
        at = chance.randrange(8 + size)
        turned[at] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(turned))
        return f"a bit of the head turned, byte {at}", False
    if what < 10:
        done = _write_odd_head(content, size, path, chance)
        return done, False
    return _write_crafted(source, path, chance), True


def _write_odd_head(content: bytes, size: int, path: Path, chance: Random) -> str:
    """Write a file whose table of tensors says what is not so."""
    head: dict[str, Any] = json.loads(content[8 : 8 + size])
    name = chance.choice([key for key in head if key != "__metadata__"])
    entry, what = head[name], chance.randrange(8)
    if what == 0:
        head[f"x{name}"] = head.pop(name)
        done = "renamed"
    elif what == 1:
        entry["shape"] = [chance.choice((_HUGE, 2**40, 2**63))]
        done = "huge"
    elif what == 2:
        entry["shape"] = entry["shape"][::-1]
        done = "turned over"
    elif what == 3:
        entry["dtype"] = chance.choice(("I32", "U32", "F64", "F16", "BOOL", "X"))
        done = f"of type {entry['dtype']}"
    elif what == 4:
        del head[name]
        done = "gone"
    elif what == 5:
        entry["data_offsets"] = [chance.choice((0, -1, 2**62)), chance.choice((0, 4, 2**62))]
        done = "elsewhere"
    elif what == 6:
        path.write_bytes(struct.pack("<Q", chance.choice((2**63, 2**40, 99_000_000, 0))) + content[8:])
        return "another size of the head"
    else:
        path.write_bytes(struct.pack("<Q", 400_000) + b"[" * 200_000 + b"]" * 200_000 + content[8 + size :])
        return "a head that is nested deeply"
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])
    return f"{name} {done}"


def _write_crafted(source: Path, path: Path, chance: Random) -> str:
    """Write a file with odd content whose digest fits it, or that has none, as files of old have."""
    with safe_open(str(source), framework="pt") as file:
        metadata: dict[str, str] = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    text, what = metadata[HEADER], chance.randrange(10)
    if what < 7:
        done, values = damaged_values(json.loads(text), chance)
        text = json.dumps(values)
    elif what == 7:
        text = chance.choice(("[" * 100_000 + "]" * 100_000, "[1]", "null", "x", "{}", '{"a":' * 50_000))
        done = f"a header of {text[:10]}"
    else:
        name = chance.choice([key for key, value in tensors.items() if value.is_floating_point()])
        odd = chance.choice((float("nan"), float("inf"), torch.finfo(tensors[name].dtype).max))
        tensors[name] = torch.full_like(tensors[name], odd)
        done = f"{name} is {odd}"
    text = text.encode("utf-8", "replace").decode()
    kept = {HEADER: text}
    if chance.random() < 0.7:
        kept[DIGEST] = digest_of_tensors(tensors, text)
    save_file({name: value.contiguous() for name, value in tensors.items()}, str(path), metadata=kept)
    return f"made on purpose: {done}"


def _judge(
    ground: Ground,
    attack: str,
    crafted: bool,
    path: Path,
    undamaged: tuple[Path, Path | None],
    damaged: tuple[Path, Path | None],
) -> Finding:
    expected = ground.once(f"read {undamaged}", lambda: _read(ground, *undamaged))
    try:
        found = _read(ground, *damaged)
    except Exception as error:
        return judge_error(error, attack, str(path), path.name)
    if found == expected:
        return Finding(RIGHT, attack)
    if crafted:
        odd = [value for value in found[0] if not 0 <= value <= 1]
        return (
            Finding(WRONG, attack, f"probabilities of {odd[:3]}")
            if odd
            else Finding(RIGHT, attack, "used as it is")
        )
    which = "probabilities" if found[0] != expected[0] else "description"
    return Finding(WRONG, attack, f"other {which}")


def _read(ground: Ground, model: Path, person: Path | None) -> tuple[list[float], str]:
    """Return the probabilities of a face, and what the detector says of itself."""
    detector = load_detector(model, person=person)
    image = ground.once("image", lambda: read_picture(ground.face))
    (result,) = detector.analyse_picture(image)
    said = {key: value for key, value in detector.description.items() if key not in ("model", "person")}
    values = [float(value) for value in result.probabilities.values()]
    return values, repr((sorted(said.items()), detector.aus, detector.thresholds, result))
