"""RAF-ML: faces in the wild that show more than one emotion, as a distribution over six."""

from __future__ import annotations

from pathlib import Path

from metafacs.compounds import BASIC_EXPRESSIONS
from metafacs.data.datasets.mismatches import refuse_many
from metafacs.data.datasets.raf_lists import find_aligned_pictures, note_unlabelled, read_list, read_shares
from metafacs.data.datasets.reading import Reading, Sample, read_twin, require_folder


def read_raf_ml(root: Path | str) -> Reading:
    """Read the distributions of RAF-ML and match them with the aligned pictures.

    Layout: ``EmoLabel/distribution.txt`` with lines ``0001.jpg p1 p2 p3 p4 p5 p6`` (shares of surprise,
    fear, disgust, happiness, sadness and anger that sum to 1) and ``Image/aligned/0001_aligned.jpg``.
    ``multilabel.txt`` and ``partition_label.txt`` are left alone: the meaning of their codes is not sure.

    Args:
        root: The folder that holds ``EmoLabel``.

    Returns:
        The reading: the distribution is in ``votes``; a picture has no single expression, so that is
        unknown, as are its subject and its part.

    Raises:
        DatasetError: If the list or the folder of aligned pictures is missing, or many lines are no shares.
    """
    root = Path(root)
    labels = require_folder(root / "EmoLabel", "RAF-ML's distribution.txt") / "distribution.txt"
    reading = Reading("raf_ml", root, expressions=BASIC_EXPRESSIONS, pre_aligned=True, twin=read_twin(root))
    pictures = find_aligned_pictures(reading, (root / "Image" / "aligned", root / "aligned"))
    entries = read_list(reading, labels)
    shares_of = {key: read_shares(entry.label, len(BASIC_EXPRESSIONS)) for key, entry in entries.items()}
    wrong = sum(shares is None for shares in shares_of.values())
    refuse_many(labels, wrong, len(entries), f"{len(BASIC_EXPRESSIONS)} shares that sum to 1")
    for key, entry in entries.items():
        shares = shares_of[key]
        if shares is None:
            reason = f"line is not '<name>.jpg' and {len(BASIC_EXPRESSIONS)} shares that sum to 1"
            reading.skip(labels, entry.line, reason)
        elif key not in pictures:
            reading.skip(labels, entry.line, "label without a picture")
        else:
            reading.samples.append(Sample(key, pictures[key], votes=shares))
    note_unlabelled(reading, pictures, entries)
    return reading
