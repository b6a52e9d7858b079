"""RAF-AU: action units of faces in the wild, coded for the pictures of RAF-ML."""

from __future__ import annotations

from pathlib import Path

from metafacs.data.datasets.action_unit_codes import read_action_unit_list, vocabulary_of
from metafacs.data.datasets.raf_lists import find_aligned_pictures, note_unlabelled
from metafacs.data.datasets.reading import Reading, Sample, read_twin, require_folder

LABEL_FILE = "RAFAU_label.txt"


def read_raf_au(root: Path | str) -> Reading:
    """Read the action unit codes of RAF-AU and match them with the aligned pictures.

    Layout: ``RAFAU_label.txt`` with lines ``0001.jpg 1+4+L12`` (notation of
    :func:`metafacs.data.datasets.action_unit_codes.parse_action_units`) and ``aligned/0001_aligned.jpg``.

    Args:
        root: The folder that holds the list.

    Returns:
        The reading; its AUs are those that occur in the list, each present or absent in every picture.
        ``null`` is a face without action units, not one without labels. Subjects are unknown.

    Raises:
        DatasetError: If the list or the folder of aligned pictures is missing.
    """
    root = require_folder(Path(root), f"{LABEL_FILE} and the folder 'aligned'")
    labels = root / LABEL_FILE
    reading = Reading("raf_au", root, pre_aligned=True, twin=read_twin(root))
    pictures = find_aligned_pictures(reading, (root / "aligned", root / "Image" / "aligned"))
    coded = read_action_unit_list(reading, labels)
    for key, picture in coded.items():
        if key not in pictures:
            reading.skip(labels, picture.line, "label without a picture")
            continue
        reading.samples.append(Sample(key, pictures[key], action_units=picture.action_units))
    note_unlabelled(reading, pictures, coded)
    reading.aus = vocabulary_of(coded)
    return reading
