"""RAF-DB, compound part: eleven compound expressions in the wild, one label per aligned picture."""

from __future__ import annotations

from pathlib import Path

from metafacs.compounds import RAF_DB_COMPOUNDS
from metafacs.data.datasets.raf_lists import find_aligned_pictures, read_expressions
from metafacs.data.datasets.reading import Reading, read_twin, require_folder


def read_raf_db_compound(root: Path | str) -> Reading:
    """Read the labels of RAF-DB's compound part and match them with the aligned pictures.

    Layout: ``compound/EmoLabel/list_patition_label.txt`` (sic) with lines ``train_0001.jpg 5`` (codes 1 to
    11 in the order of :data:`metafacs.compounds.RAF_DB_COMPOUNDS`; the prefix of the name is the partition)
    and ``compound/Image/aligned/train_0001_aligned.jpg``.

    Args:
        root: The folder that holds ``compound``.

    Returns:
        The reading; subjects are unknown.

    Raises:
        DatasetError: If the label list or the folder of aligned pictures is missing.
    """
    root = Path(root)
    compound = require_folder(root / "compound", "EmoLabel and Image of RAF-DB's compound part")
    labels = compound / "EmoLabel" / "list_patition_label.txt"
    reading = Reading(
        "raf_db_compound", root, expressions=RAF_DB_COMPOUNDS, pre_aligned=True, twin=read_twin(root)
    )
    pictures = find_aligned_pictures(reading, (compound / "Image" / "aligned",))
    read_expressions(reading, labels, pictures)
    return reading
