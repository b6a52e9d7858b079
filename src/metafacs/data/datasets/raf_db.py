"""RAF-DB, basic part: seven expressions in the wild, one label per aligned picture."""

from __future__ import annotations

from pathlib import Path

from metafacs.data.datasets.reading import (
    DatasetError,
    Reading,
    Sample,
    numbered_lines,
    read_twin,
    require_folder,
)
from metafacs.facs import EXPRESSIONS


def read_raf_db(root: Path | str) -> Reading:
    """Read the labels of RAF-DB's basic part and match them with the aligned pictures.

    Layout: ``basic/EmoLabel/list_patition_label.txt`` (sic) with lines ``train_00001.jpg 5`` (codes 1
    surprise, 2 fear, 3 disgust, 4 happiness, 5 sadness, 6 anger, 7 neutral; the prefix of the name is the
    partition) and ``basic/Image/aligned/train_00001_aligned.jpg``. Where
    ``basic/EmoLabel/vote_distribution.txt`` is present (twins write it), the share of annotators per class
    comes with the sample.

    Args:
        root: The folder that holds ``basic``.

    Returns:
        The reading. RAF-DB tells no subjects: every picture's subject is unknown, but pictures of a
        twin carry theirs in ``twin_provenance.csv``, which this reader leaves alone.

    Raises:
        DatasetError: If the label list or the folder of aligned pictures is missing.
    """
    root = Path(root)
    basic = require_folder(root / "basic", "EmoLabel and Image of RAF-DB")
    pictures = require_folder(
        basic / "Image" / "aligned", "the aligned pictures, e.g. train_00001_aligned.jpg"
    )
    labels = basic / "EmoLabel" / "list_patition_label.txt"
    if not labels.is_file():
        raise DatasetError(f"{labels} is missing: it is RAF-DB's list of labels ('train_00001.jpg 5')")
    reading = Reading("raf_db", root, expressions=EXPRESSIONS, pre_aligned=True, twin=read_twin(root))
    votes = _read_votes(reading, basic / "EmoLabel" / "vote_distribution.txt")
    available = {entry.name for entry in pictures.iterdir()}
    for number, line in numbered_lines(labels):
        cells = line.split()
        if len(cells) != 2 or not cells[1].isdecimal() or not 1 <= int(cells[1]) <= len(EXPRESSIONS):
            reading.skip(labels, number, f"line is not '<name>.jpg <code 1..{len(EXPRESSIONS)}>'")
            continue
        stem = Path(cells[0]).stem
        part = stem.split("_")[0]
        if part not in ("train", "test"):
            reading.skip(labels, number, "name starts with neither train nor test")
            continue
        name = f"{stem}_aligned.jpg"
        if name not in available:
            reading.skip(labels, number, "label without a picture")
            continue
        code = int(cells[1]) - 1
        reading.samples.append(
            Sample(stem, pictures / name, expression=code, part=part, votes=votes.get(cells[0]))
        )
    return reading


def _read_votes(reading: Reading, path: Path) -> dict[str, tuple[float, ...]]:
    votes: dict[str, tuple[float, ...]] = {}
    if not path.is_file():
        return votes
    for number, line in numbered_lines(path):
        name, *cells = line.split()
        try:
            shares = tuple(float(cell) for cell in cells)
        except ValueError:
            shares = ()
        if len(shares) != len(EXPRESSIONS) or abs(sum(shares) - 1) > 0.02:
            reading.skip(
                path, number, f"line is not '<name>.jpg' and {len(EXPRESSIONS)} shares that sum to 1"
            )
            continue
        votes[name] = shares
    return votes
