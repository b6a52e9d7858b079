"""RAF-CE made from RAF-ML's distributions and RAF-AU's codes, as its paper made it."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from metafacs.compounds import BASIC_EXPRESSIONS, COMPOUND_EXPRESSIONS, compound_of
from metafacs.data.datasets.action_unit_codes import read_action_unit_list
from metafacs.data.datasets.raf_au import LABEL_FILE, read_raf_au
from metafacs.data.datasets.raf_ce import (
    ACTION_UNIT_FILE,
    EXPRESSION_FILE,
    PARTITION_FILE,
    PARTS,
    read_partition,
)
from metafacs.data.datasets.raf_ml import read_raf_ml
from metafacs.data.datasets.reading import TWIN_FILE, DatasetError, Reading, Skipped, count_reasons
from metafacs.files import make_durable, write_json, write_text, written_whole
from metafacs.locks import OWN_FILES, claimed
from metafacs.parsing import read_json
from metafacs.progress import progress_bar
from metafacs.version import __version__

CONSTRUCTION_FILE = "construction.json"
"""What was built, from what, and what was discarded and why; beside RAF-CE's own files."""

PUBLISHED_PART_SIZES: tuple[int, ...] = (2709, 909, 931)
"""Pictures in the train, test and validation part of the published RAF-CE."""

ONLY_IN_RAF_ML = "in RAF-ML but not in RAF-AU"
ONLY_IN_RAF_AU = "in RAF-AU but not in RAF-ML"
ONE_EXPRESSION = "only one basic expression has a share"
TIE = "tie: several basic expressions compete for the two highest shares"
OUT_OF_CATEGORY = "out of category: the two basic expressions make none of the 14 compounds"
NO_PART = "not in the given partition"


@dataclass(frozen=True)
class BuiltPicture:
    """A picture of the constructed set.

    Attributes:
        key: Name without ending, e.g. ``0001``.
        file: The aligned picture in RAF-AU.
        expression: Index into :data:`metafacs.compounds.COMPOUND_EXPRESSIONS`.
        codes: Action units as RAF-AU writes them.
        part: ``train``, ``test`` or ``validation``.
    """

    key: str
    file: Path
    expression: int
    codes: str
    part: str


@dataclass(frozen=True)
class Discarded:
    """A picture that was left out: its key, the reason, and what it showed where that tells more."""

    key: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Construction:
    """RAF-CE as made from the two sets, before it is written.

    Attributes:
        pictures: What it holds, in the order of the keys.
        discarded: What one set or both had and it does not hold.
        skipped: Lines and pictures that the readers of the two sets could not use.
        twin: Content of its ``TWIN.json`` where the two sets are rendered, else None.
    """

    pictures: tuple[BuiltPicture, ...]
    discarded: tuple[Discarded, ...]
    skipped: tuple[Skipped, ...] = ()
    twin: Mapping[str, object] | None = None

    def summary(self) -> dict[str, object]:
        """Return the counts as plain data for JSON."""
        expressions = Counter(picture.expression for picture in self.pictures)
        parts = Counter(picture.part for picture in self.pictures)
        return {
            "dataset": "raf_ce",
            "synthetic": self.twin is not None,
            "pictures": len(self.pictures),
            "expressions": {name: expressions[i] for i, name in enumerate(COMPOUND_EXPRESSIONS)},
            "parts": {part: parts[part] for part in PARTS},
            "discarded": dict(Counter(entry.reason for entry in self.discarded).most_common()),
            "skipped": count_reasons(self.skipped),
        }

    def __str__(self) -> str:
        counts = self.summary()
        synthetic = " (synthetic)" if self.twin is not None else ""
        lines = [f"raf_ce{synthetic}: {len(self.pictures)} pictures, {len(self.discarded)} discarded"]
        lines += [f"  {name}: {count}" for name, count in counts["expressions"].items()]  # type: ignore[attr-defined]
        lines += [f"  {part}: {count}" for part, count in counts["parts"].items()]  # type: ignore[attr-defined]
        lines += [f"  discarded {n}: {reason}" for reason, n in counts["discarded"].items()]  # type: ignore[attr-defined]
        lines += [f"  skipped {n}: {reason}" for reason, n in counts["skipped"].items()]  # type: ignore[attr-defined]
        return "\n".join(lines)


def two_highest(shares: Sequence[float]) -> tuple[str, str] | str:
    """Return the two basic expressions with the highest shares, or why there are no such two.

    Section 3.1 of the RAF-CE paper: "retained the two labels with the highest probabilities". The paper
    does not say what became of ties for the second place; here they are discarded, for either choice
    would be a guess. A tie of the first two is none: a compound has no order.

    Args:
        shares: Shape (6,), in the order of :data:`metafacs.compounds.BASIC_EXPRESSIONS`.

    Returns:
        The two expressions, the higher first, or the reason as a sentence.

    >>> two_highest([0.6, 0.0, 0.0, 0.4, 0.0, 0.0])
    ('surprise', 'happiness')
    """
    ranked = sorted(range(len(BASIC_EXPRESSIONS)), key=lambda index: -shares[index])
    first, second, third = ranked[:3]
    if shares[second] <= 0:
        return ONE_EXPRESSION
    if shares[second] == shares[third]:
        return TIE
    return BASIC_EXPRESSIONS[first], BASIC_EXPRESSIONS[second]


def construct_raf_ce(
    raf_ml: Path | str, raf_au: Path | str, *, partition: Path | str | None = None, seed: int = 0
) -> Construction:
    """Make RAF-CE from RAF-ML and RAF-AU: intersection, two highest labels, fourteen compounds.

    Args:
        raf_ml: Folder of RAF-ML or its twin.
        raf_au: Folder of RAF-AU or its twin.
        partition: The published ``RAFCE_partition.txt``; None = parts of the published proportions drawn
            within each expression, see :func:`assign_parts`.
        seed: Seed of the drawn partition.

    Returns:
        The construction; nothing is written yet.

    Raises:
        DatasetError: If a set is not in its layout, one is rendered and the other not, the twins do not
            belong together, or no picture is left.
    """
    shares, faces = read_raf_ml(raf_ml), read_raf_au(raf_au)
    twin = _common_twin(shares, faces)
    skipped = [*shares.skipped, *faces.skipped]
    codes = read_action_unit_list(Reading("raf_au", faces.root), faces.root / LABEL_FILE)
    distributions = {sample.key: sample.votes for sample in shares.samples}
    files = {sample.key: sample.picture for sample in faces.samples}
    discarded = [Discarded(key, ONLY_IN_RAF_ML) for key in distributions.keys() - files.keys()]
    discarded += [Discarded(key, ONLY_IN_RAF_AU) for key in files.keys() - distributions.keys()]
    labels: dict[str, int] = {}
    for key in sorted(distributions.keys() & files.keys()):
        label = _label(key, distributions[key] or ())
        if isinstance(label, Discarded):
            discarded.append(label)
        else:
            labels[key] = label
    if partition is None:
        parts = assign_parts(labels, seed=seed)
    else:
        given = Reading("raf_ce", Path(partition).parent)
        parts = read_partition(given, Path(partition))
        skipped += given.skipped
        discarded += [Discarded(key, NO_PART) for key in labels if key not in parts]
    pictures = tuple(
        BuiltPicture(key, files[key], label, codes[key].codes, parts[key])
        for key, label in labels.items()
        if key in parts
    )
    if not pictures:
        raise DatasetError(
            f"no picture of {shares.root} and {faces.root} makes a compound expression "
            f"({len(distributions)} and {len(files)} pictures read, {len(discarded)} discarded); "
            "check that both folders hold the same pictures"
        )
    return Construction(pictures, tuple(sorted(discarded, key=lambda entry: entry.key)), tuple(skipped), twin)


def assign_parts(labels: Mapping[str, int], *, seed: int = 0) -> dict[str, str]:
    """Draw train, test and validation parts of the published sizes' proportions within each expression.

    The pictures of an expression come in an order that depends on their key and the seed alone, and are
    dealt out evenly: in total, a part's size is off by less than one picture, and in an expression by less
    than two.

    Args:
        labels: Key of the picture -> index of its expression.
        seed: Another seed, another draw.

    Returns:
        Key of the picture -> ``train``, ``test`` or ``validation``.
    """

    def place(key: str) -> tuple[int, str]:
        return labels[key], hashlib.sha256(f"{seed}/{key}".encode()).hexdigest()

    train, test, validation = PUBLISHED_PART_SIZES
    parts = {}
    rest = 0
    for number, key in enumerate(sorted(labels, key=place)):
        if _falls_due(number, test, train + test + validation):
            parts[key] = PARTS[1]
            continue
        parts[key] = PARTS[2] if _falls_due(rest, validation, train + validation) else PARTS[0]
        rest += 1
    return parts


def write_raf_ce(construction: Construction, out: Path | str, *, progress: bool = True) -> None:
    """Write a construction as RAF-CE's own files, with ``construction.json`` beside them.

    The pictures are copied to ``aligned``. The list of expressions is written last, so a folder that has it
    is whole; the same call goes on after a kill.

    Args:
        construction: What to write.
        out: Folder; new, empty, or one that an earlier, stopped call began with the same content.
        progress: Show a progress bar.

    Raises:
        DatasetError: If the folder holds anything else: RAF-CE's own files are never overwritten.
        FolderInUseError: If another process is writing the folder.
    """
    out = Path(out)
    lists = raf_ce_lists(construction.pictures)
    content = hashlib.sha256("".join(lists[name] for name in sorted(lists)).encode()).hexdigest()
    _refuse_another(out, content)  # Before anything is written: a foreign folder is left as it is.
    with claimed(out, "building raf_ce", below=True):
        _refuse_another(out, content)
        described = {
            **construction.summary(),
            "content": content,
            "metafacs": __version__,
            "discarded_pictures": [asdict(entry) for entry in construction.discarded],
            "skipped_lines": [asdict(entry) for entry in construction.skipped],
        }
        write_json(out / CONSTRUCTION_FILE, described)
        if construction.twin is not None:
            write_json(out / TWIN_FILE, construction.twin)
        copies = [out / "aligned" / f"{picture.key}_aligned.jpg" for picture in construction.pictures]
        with progress_bar(progress) as bar:
            task = bar.add_task("building raf_ce", total=len(copies))
            for picture, copy in zip(construction.pictures, copies, strict=True):
                with written_whole(copy, durable=False) as temporary:
                    shutil.copyfile(picture.file, temporary)
                bar.advance(task)
        make_durable(copies)
        for name in (ACTION_UNIT_FILE, PARTITION_FILE, EXPRESSION_FILE):
            write_text(out / name, lists[name])


def raf_ce_lists(pictures: Iterable[BuiltPicture]) -> dict[str, str]:
    """Return the text of RAF-CE's three lists: name of the file -> lines in the order of the pictures."""
    lines: dict[str, list[str]] = defaultdict(list)
    for picture in pictures:
        name = f"{picture.key}.jpg"
        lines[EXPRESSION_FILE].append(f"{name} {picture.expression}\n")
        lines[ACTION_UNIT_FILE].append(f"{name} {picture.codes}\n")
        lines[PARTITION_FILE].append(f"{name} {PARTS.index(picture.part)}\n")
    return {name: "".join(entries) for name, entries in lines.items()}


def _label(key: str, shares: Sequence[float]) -> int | Discarded:
    pair = two_highest(shares)
    if isinstance(pair, str):
        shown = ", ".join(
            f"{name} {share:g}" for name, share in zip(BASIC_EXPRESSIONS, shares, strict=True) if share > 0
        )
        return Discarded(key, pair, shown)
    compound = compound_of(*pair)
    if compound is None:
        return Discarded(key, OUT_OF_CATEGORY, " and ".join(pair))
    return COMPOUND_EXPRESSIONS.index(compound)


def _falls_due(number: int, share: int, whole: int) -> bool:
    """Return whether the numbered item is one of ``share`` in every ``whole``, spread evenly."""
    return (number + 1) * share // whole > number * share // whole


def _common_twin(shares: Reading, faces: Reading) -> dict[str, object] | None:
    if shares.twin is None and faces.twin is None:
        return None
    if shares.twin is None or faces.twin is None:
        rendered, real = (shares, faces) if faces.twin is None else (faces, shares)
        raise DatasetError(
            f"{rendered.root} is a synthetic twin and {real.root} is not; give two real sets or two twins"
        )
    seeds = [(twin.get("preset"), twin.get("seed")) for twin in (shares.twin, faces.twin)]
    if seeds[0] != seeds[1]:
        raise DatasetError(
            f"{shares.root} and {faces.root} are twins of different preset or seed, {seeds[0]} and "
            f"{seeds[1]}: the same name is not the same face; render both alike"
        )
    kept = ("synthetic", "generator", "generator_version", "format", "preset", "seed")
    identity = {name: faces.twin[name] for name in kept if name in faces.twin}
    return {"twin": "raf_ce", **identity, "synthetic": True, "built_from": ["raf_ml", "raf_au"]}


def _refuse_another(out: Path, content: str) -> None:
    path = out / CONSTRUCTION_FILE
    if path.is_file():
        found = read_json(path, dict[str, Any], DatasetError, f"delete {out} and build again").get("content")
        if found != content:
            raise DatasetError(f"{out} holds another construction; choose another --out or delete it")
    elif out.exists() and (not out.is_dir() or {entry.name for entry in out.iterdir()} - OWN_FILES):
        raise DatasetError(f"{out} is not an empty folder, and no earlier construction; choose another --out")
