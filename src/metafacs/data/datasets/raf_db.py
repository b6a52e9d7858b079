"""RAF-DB, basic part: seven expressions in the wild, one label per aligned picture."""

from __future__ import annotations

from pathlib import Path

from metafacs.data.datasets.raf_lists import find_aligned_pictures, read_expressions, read_list, read_shares
from metafacs.data.datasets.reading import Reading, read_twin, require_folder
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
    labels = basic / "EmoLabel" / "list_patition_label.txt"
    reading = Reading("raf_db", root, expressions=EXPRESSIONS, pre_aligned=True, twin=read_twin(root))
    pictures = find_aligned_pictures(reading, (basic / "Image" / "aligned",))
    votes = _read_votes(reading, basic / "EmoLabel" / "vote_distribution.txt")
    read_expressions(reading, labels, pictures, votes)
    return reading


def _read_votes(reading: Reading, path: Path) -> dict[str, tuple[float, ...]]:
    votes: dict[str, tuple[float, ...]] = {}
    for key, entry in read_list(reading, path).items() if path.is_file() else ():
        shares = read_shares(entry.label, len(EXPRESSIONS))
        if shares is None:
            reason = f"line is not '<name>.jpg' and {len(EXPRESSIONS)} shares that sum to 1"
            reading.skip(path, entry.line, reason)
        else:
            votes[key] = shares
    return votes
