"""Other inputs for what is there already: refused with the difference, or made as if nothing were there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from PIL import Image, ImageOps

from attacks.commands import judge_command, run_here
from attacks.folders import differing, tree_of
from attacks.ground import Ground, GroundError
from attacks.verdicts import Finding

_LATER = 5_000_000_000
"""Nanoseconds by which a changed file is newer than it was."""

_PREPARED: tuple[tuple[object, ...], ...] = (
    ("--size", "64"),
    ("--alignment.border", "0"),
    ("--alignment.box_enlarge", "2.5"),
)
_TRAINED: tuple[tuple[object, ...], ...] = (
    ("--seed", "1"),
    ("--iterations", "7"),
    ("--size", "40"),
    ("--batch.au", "5"),
    ("--fold", "2"),
    ("--options.reduction", "mean"),
    ("--augmentation.flip", "0.25"),
    ("--augmentation.noise", "0.02"),
    ("--reserve", "0.3"),
    ("--validation_people", "2"),
)


def attack_with_other_inputs(ground: Ground, chance: Random, place: Path) -> Finding:
    """Give a command other inputs than those that its folder was made from."""
    if chance.random() < 0.5:
        return _prepare(ground, chance, place)
    return _train(ground, chance, place)


def _prepare(ground: Ground, chance: Random, place: Path) -> Finding:
    root, out = place / "set", place / "store"
    shutil.copytree(ground.few, root)
    words = ground.prepare_words(out, root)
    name = chance.choice((*_CHANGES, *_CHANGES, "an option"))
    if name == "an option":
        more = chance.choice(_PREPARED)
        attack = f"prepare, then with {more[0]} {more[1]}"
        _do(words)
        words = [*words, *more]
    elif name == "repaired":
        attack = "prepare with a damaged picture, then with the sound one"
        picture = chance.choice(sorted(root.rglob("*.jpg")))
        sound = picture.read_bytes()
        picture.write_bytes(sound[: chance.choice((0, len(sound) // 2))])
        _do(words)
        picture.write_bytes(sound)
        _touch(picture)
    else:
        attack = f"prepare, then {name}"
        _do(words)
        _CHANGES[name](root, chance)
    if chance.random() < 0.3:
        (out / "store.json").unlink()
        attack += ", not finished"
    ended = run_here(words)
    fresh = place / "fresh"

    def same() -> bool | str:
        _do([fresh if word == out else word for word in words])
        return differing(tree_of(fresh), tree_of(out))

    return judge_command(ended, attack, same, str(out), out.name)


def _train(ground: Ground, chance: Random, place: Path) -> Finding:
    out = place / "run"
    stopped = chance.random() < 0.5
    shutil.copytree(ground.stopped if stopped else ground.run, out)
    store = ground.once("mirrored", lambda: _mirrored(ground))
    more: tuple[object, ...] = chance.choice(
        (*_TRAINED, ("--action_units", store), ("--action_units", store))
    )
    words = [*ground.train_words(out), *more]
    ended = run_here(words)
    fresh = place / "fresh"

    def same() -> bool | str:
        _do([fresh if word == out else word for word in words])
        return differing(tree_of(fresh), tree_of(out))

    attack = f"train {'on ' if stopped else ''}with {more[0]} {more[1]}"
    return judge_command(ended, attack, same, str(out), out.name)


def _mirrored(ground: Ground) -> Path:
    """Return a store with the same labels and other pictures."""
    root, out = ground.root / "mirrored", ground.root / "mirrored_store"
    if not root.exists():
        shutil.copytree(ground.twin, root)
        for path in root.rglob("*.jpg"):
            with Image.open(path) as image:
                mirrored = ImageOps.mirror(ImageOps.grayscale(image)).convert("RGB")
            mirrored.save(path)
    _do(ground.prepare_words(out, root))
    return out


def _do(words: list[object]) -> None:
    ended = run_here(words)
    if ended.code:
        raise GroundError(ended.said[-500:])


def _touch(path: Path) -> None:
    """Make a file newer than it was, whatever the clock of the disk tells apart."""
    known = path.stat()
    os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns + _LATER))


def _exchange(root: Path, chance: Random) -> None:
    one, other = chance.sample(sorted(root.rglob("*.jpg")), 2)
    shutil.copyfile(other, one)
    _touch(one)


def _remove(root: Path, chance: Random) -> None:
    chance.choice(sorted(root.rglob("*.jpg"))).unlink()


def _damage(root: Path, chance: Random) -> None:
    path = chance.choice(sorted(root.rglob("*.jpg")))
    path.write_bytes(path.read_bytes()[:200])
    _touch(path)


def _code(root: Path, chance: Random) -> None:
    path = chance.choice(sorted((root / "AUCoding" / "AU_OCC").glob("*.csv")))
    lines = path.read_text().split("\n")
    cells = lines[1].split(",")
    # The column of an action unit that BP4D codes everywhere.
    cells[12] = "1" if cells[12] == "0" else "0"
    path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]))


_CHANGES: dict[str, Callable[[Path, Random], None]] = {
    "a picture exchanged": _exchange,
    "a picture removed": _remove,
    "a picture damaged": _damage,
    "a code changed": _code,
    "repaired": lambda root, chance: None,
}
"""What changes in a data set between two preparations -> what does it."""
