"""Labels of unlabelled pictures: of a trained detector that stays as it is, or of another program."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint
from metafacs.checkpoints.description import Framing
from metafacs.data.datasets.reading import numbered_rows
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.faces.alignment import AlignmentSpec
from metafacs.facs import check_aus
from metafacs.models.model_file import origin, read_model_file

TABLE_SUFFIX = ".csv"
_PICTURE_COLUMNS = ("picture", "input")
_AU_COLUMN = re.compile(r"^AU0*(?P<au>[1-9]\d?)(?P<decision>_c)?$", re.IGNORECASE | re.ASCII)


class PseudoLabelError(ValueError):
    """A detector or a table cannot label the pictures; the message says why."""


class Labeller(Protocol):
    """Who labels pictures.

    Attributes:
        aus: FACS numbers it knows.
    """

    aus: tuple[int, ...]

    def label(self, batch: Batch) -> Tensor:
        """Return ``batch x au``: 1 present, 0 absent, NaN unknown."""


class PseudoLabelled:
    """A stream whose AU labels are what a labeller says about its pictures.

    Labels that the pictures may have are replaced, so nothing but the labeller's knowledge gets through.
    Shang & Liu (dual-domain AU detection), section 4.2.1, take OpenFace for it.

    Args:
        stream: The pictures.
        labeller: Who labels them.
        aus: FACS numbers of the columns; those the labeller does not know stay NaN.

    Attributes:
        aus: Empty: there are no known labels to count before training.

    Raises:
        PseudoLabelError: If the labeller knows none of the AUs.
    """

    def __init__(self, stream: Stream, labeller: Labeller, aus: Sequence[int]) -> None:
        shared = [au for au in aus if au in labeller.aus]
        if not shared:
            raise PseudoLabelError(f"the labels are of {list(labeller.aus)}, none of {list(aus)}")
        self.aus: tuple[int, ...] = ()
        self._stream, self._labeller, self._width = stream, labeller, len(aus)
        self._columns = [list(aus).index(au) for au in shared]
        self._known = [labeller.aus.index(au) for au in shared]

    def batch(self, k: int) -> Batch:
        """Return batch number ``k`` of the stream with the labeller's labels."""
        batch = self._stream.batch(k)
        labels = torch.full((len(batch), self._width), torch.nan)
        labels[:, self._columns] = self._labeller.label(batch)[:, self._known]
        # What the store knows of the strength is no label of the labeller.
        return replace(batch, action_units=labels, intensities=None)

    def targets(self) -> np.ndarray:
        """Return no labels, ``row x 0``."""
        return np.empty((len(self._stream.rows), 0), np.float32)

    def identity(self) -> dict[str, Any]:
        """Return that of the stream; whose labels they are is in the description of the run."""
        return self._stream.identity()


class LabellingDetector:
    """A trained detector's decisions; it stays as it is.

    Args:
        detector: Checkpoint of the detector.
        store: Whose pictures it is going to see.
        size: Side of the pictures in pixels.

    Raises:
        PseudoLabelError: If it reads other pictures than it is going to see.
    """

    def __init__(self, detector: Checkpoint, store: Store, size: int) -> None:
        read = detector.description.framing
        given = Framing(size, store.size, AlignmentSpec.from_mapping(store.description["alignment"]))
        if read != given:
            raise PseudoLabelError(
                f"the labelling detector reads pictures of {read._asdict()}, the target gives "
                f"{given._asdict()}; train it on a store prepared alike"
            )
        self.aus = tuple(detector.aus)
        self._method = detector.build()
        self._thresholds = torch.tensor([detector.description.threshold_of(au) for au in detector.aus])

    def label(self, batch: Batch) -> Tensor:
        """Return 1 where the probability reaches the detector's threshold, else 0."""
        with torch.inference_mode():
            return (self._method.predict(batch.images).probabilities >= self._thresholds).float()


class LabelTable:
    """Labels that another program, such as OpenFace or py-feat, wrote for the pictures of a store.

    A CSV file with a column ``picture`` (or ``input``) and columns of action units: decisions ``AU12_c`` of
    0 or 1 as OpenFace writes them, or, if there are none, numbers from 0 to 1 in columns such as ``AU12``,
    where .5 and more is present. A blank cell is unknown, other columns are passed over. A picture's name
    is its key in the store, of a folder of pictures the path below the folder; folders before that are
    ignored.

    Args:
        path: The table.
        store: Whose pictures are looked up; those not listed are unknown.

    Attributes:
        listed: How many pictures of the store are in the table.

    Raises:
        PseudoLabelError: If columns are missing, a cell has another value, a picture is listed twice, or no
            picture of the store is listed.
        DatasetError: If the file cannot be read or is not text.
    """

    def __init__(self, path: Path, store: Store) -> None:
        lines = numbered_rows(path)
        picture, columns = _columns_of(path, next(lines, (1, []))[1])
        self.aus = tuple(sorted(columns))
        found: dict[str, tuple[int, list[float]]] = {}
        for line, cells in lines:
            if len(cells) <= max(picture, *columns.values()):
                raise PseudoLabelError(f"{path}, line {line}: the line ends before its last column")
            name = cells[picture].replace("\\", "/")
            if name in found:
                raise PseudoLabelError(
                    f"{path}, line {line}: {name} is listed before, in line {found[name][0]}; keep the row "
                    "of its largest face"
                )
            found[name] = line, [_label(path, line, au, cells[columns[au]]) for au in self.aus]
        self._labels = torch.full((len(store), len(self.aus)), torch.nan)
        keys = {str(key): row for row, key in enumerate(store.keys)}
        folder = _folder_before(found, keys)
        listed = {row: found[folder + key][1] for key, row in keys.items() if folder + key in found}
        self.listed = len(listed)
        if listed:
            self._labels[list(listed)] = torch.tensor(list(listed.values()))
        else:
            raise PseudoLabelError(
                f"{path} lists no picture of {store.path}, whose pictures have names such as "
                f"{next(iter(keys))}"
            )

    def label(self, batch: Batch) -> Tensor:
        """Return what the table says."""
        assert batch.index is not None
        return self._labels[batch.index]


def read_labeller(path: Path, store: Store, size: int) -> tuple[Labeller, dict[str, object]]:
    """Return who labels the pictures of a store, and what a record says of it.

    Args:
        path: A table (``.csv``) or a model file.
        store: The pictures to label.
        size: Side of the network's input in pixels.

    Raises:
        PseudoLabelError: If the labels do not fit the pictures.
        CheckpointError: If the model file cannot be read.
    """
    if path.suffix.lower() != TABLE_SUFFIX:
        detector = LabellingDetector(load_checkpoint(path), store, size)
        return detector, origin(path, read_model_file(path)[0])
    table = LabelTable(path, store)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    described = {"file": path.name, "sha256": digest, "aus": list(table.aus), "pictures": table.listed}
    return table, described


def _columns_of(path: Path, header: Sequence[str]) -> tuple[int, dict[int, int]]:
    """Return the position of the picture's name, and AU -> position of its labels."""
    named = [position for position, name in enumerate(header) if name.lower() in _PICTURE_COLUMNS]
    matches = [(match, position) for position, name in enumerate(header) if (match := _AU_COLUMN.match(name))]
    decided = any(match["decision"] for match, _ in matches)
    chosen = [
        (int(match["au"]), position) for match, position in matches if bool(match["decision"]) == decided
    ]
    if len(named) != 1 or not chosen:
        raise PseudoLabelError(
            f"{path}, line 1: there must be one column '{_PICTURE_COLUMNS[0]}' and columns of action units "
            f"such as AU12_c or AU12; the columns are {', '.join(header) or 'none'}"
        )
    try:
        check_aus([au for au, _ in chosen])
    except ValueError as error:
        raise PseudoLabelError(f"{path}, line 1: {error}") from error
    return named[0], dict(chosen)


def _label(path: Path, line: int, au: int, cell: str) -> float:
    if not cell:
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise PseudoLabelError(f"{path}, line {line}: AU{au} is {cell!r}, not a number from 0 to 1 or blank")
    return float(value >= 0.5)


def _folder_before(names: Iterable[str], keys: Collection[str]) -> str:
    """Return what stands before the keys in most of the names that end with one, e.g. ``photos/faces/``."""
    found: Counter[str] = Counter()
    for name in names:
        parts = name.split("/")
        for first in range(len(parts)):
            if "/".join(parts[first:]) in keys:
                found["".join(f"{part}/" for part in parts[:first])] += 1
    return found.most_common(1)[0][0] if found else ""
