"""Labels of unlabelled pictures: of a trained detector that stays as it is, or of another program."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.checkpoints.checkpoint import Checkpoint, load_checkpoint
from metafacs.checkpoints.description import Framing
from metafacs.data.codings.coding import Floats, ReadingRules
from metafacs.data.codings.predicted_tables import refuse_unread
from metafacs.data.codings.raw_tables import RawTable, read_raw_table
from metafacs.data.codings.usable_rows import usable_rows
from metafacs.data.drawn import Drawn
from metafacs.data.store import Store
from metafacs.data.streams import Stream
from metafacs.faces.alignment import AlignmentSpec
from metafacs.facs import check_aus
from metafacs.files import digest_of_file
from metafacs.models.model_file import DECIDES_AT, origin, read_model_file
from metafacs.ranks import ALONE, Rank
from metafacs.texts import shown

TABLE_SUFFIX = ".csv"
_PICTURE_COLUMNS = ("picture", "input")
_AU_COLUMN = re.compile(r"^AU0*(?P<au>[1-9]\d?)(?P<decision>_c)?$", re.IGNORECASE | re.ASCII)


_AU_SUFFIXES = ("", "c", "p", "r", "intensity")
_PRESENT_FROM = 0.5


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

    def draw(self, k: int, rank: Rank = ALONE) -> Drawn:
        """Return a process's part of batch number ``k`` of the stream with the labeller's labels."""
        drawn = self._stream.draw(k, rank).changed()
        labels = torch.full((len(drawn), self._width), torch.nan)
        labels[:, self._columns] = self._labeller.label(drawn.on("cpu"))[:, self._known]
        # What the store knows of the strength is no label of the labeller.
        return drawn.with_known(action_units=labels, intensities=None)

    def batch(self, k: int) -> Batch:
        """Return batch number ``k`` with the labeller's labels as networks read it."""
        return self.draw(k).on("cpu")

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

    Attributes:
        thresholds: AU -> probability from which on it is present.

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
        self.thresholds = thresholds_of(detector)
        self._thresholds = torch.tensor([self.thresholds[au] for au in self.aus])

    def label(self, batch: Batch) -> Tensor:
        """Return 1 where the probability reaches the detector's threshold, else 0."""
        with torch.inference_mode():
            return (self._method.predict(batch.images).probabilities >= self._thresholds).float()


def thresholds_of(detector: Checkpoint) -> dict[int, float]:
    """Return AU -> probability from which on a detector labels it as present; they may be chosen anew."""
    return {au: detector.description.threshold_of(au) for au in detector.aus}


class LabelTable:
    """Labels that another program, such as OpenFace or py-feat, wrote for the pictures of a store.

    A CSV file with a column ``picture`` (or ``input``) and columns of action units: decisions ``AU12_c`` of
    0 or 1 as OpenFace writes them, or, if there are none, numbers from 0 to 1 in columns such as ``AU12``,
    where .5 and more is present. A blank cell is unknown, and so is a row that the table calls failed, see
    :func:`metafacs.data.codings.usable_rows.usable_rows`; other columns are passed over. A picture's name is
    its key in the store, of a folder of pictures the path below the folder; folders before that are ignored.

    Args:
        path: The table.
        store: Whose pictures are looked up; those not listed are unknown.

    Attributes:
        listed: How many pictures of the store are in the table.
        notes: Sentences on what is unknown and what did not match.

    Raises:
        PseudoLabelError: If columns are missing, a cell has another value, a picture is listed twice, or no
            picture of the store is listed.
        CodingError: If the file cannot be read or is no table.
    """

    def __init__(self, path: Path, store: Store) -> None:
        raw = read_raw_table(path)
        picture, columns = _columns_of(path, raw.names)
        refuse_unread(raw, _AU_SUFFIXES)
        self.aus = tuple(sorted(columns))
        notes: list[str] = []
        usable = usable_rows(raw, ReadingRules(), notes)
        labels = np.stack([_labels(raw, columns[au]) for au in self.aus], axis=1)
        labels[~usable] = np.nan
        found: dict[str, int] = {}
        for row, name in enumerate(text.replace("\\", "/") for text in raw.texts(picture)):
            if name in found:
                raise _refused(raw, row, f"{shown(name)} is listed before; keep the row of its largest face")
            found[name] = row
        self._labels = torch.full((len(store), len(self.aus)), torch.nan)
        keys = {str(key): row for row, key in enumerate(store.keys)}
        folder = _folder_before(path, found, keys)
        listed = {row: found[folder + key] for key, row in keys.items() if folder + key in found}
        self.listed = len(listed)
        if not listed:
            raise PseudoLabelError(
                f"{path} lists no picture of {store.path}, whose pictures have names such as "
                f"{next(iter(keys))}"
            )
        self._labels[list(listed)] = torch.from_numpy(labels[list(listed.values())].astype(np.float32))
        told = {folder + key for key in keys}
        strange = [name for name in found if name not in told]
        if strange:
            notes.append(f"{len(strange)} rows name no picture of {store.path}: {_some(strange)}")
        missing = [key for key, row in keys.items() if row not in listed]
        if missing:
            notes.append(f"{len(missing)} pictures of {store.path} are not in it, unknown: {_some(missing)}")
        self.notes = tuple(f"{path}: {note}" for note in notes)

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
        checkpoint = load_checkpoint(path)
        detector = LabellingDetector(checkpoint, store, size)
        decides_at = {
            "thresholds": {str(au): threshold for au, threshold in detector.thresholds.items()},
            "chosen_on": dict(checkpoint.description.thresholds_chosen_on),
        }
        return detector, {**origin(path, *read_model_file(path)), DECIDES_AT: decides_at}
    table = LabelTable(path, store)
    described = {
        "file": path.name,
        "sha256": digest_of_file(path)[:16],
        "aus": list(table.aus),
        "pictures": table.listed,
        "notes": list(table.notes),
    }
    return table, described


def _columns_of(path: Path, header: Sequence[str]) -> tuple[str, dict[int, str]]:
    """Return the column of the picture's name, and AU -> column of its labels."""
    named = [name for name in header if name.lower() in _PICTURE_COLUMNS]
    matches = [match for name in header if (match := _AU_COLUMN.match(name))]
    decided = any(match["decision"] for match in matches)
    chosen = [(int(match["au"]), match[0]) for match in matches if bool(match["decision"]) == decided]
    if len(named) != 1 or not chosen:
        raise PseudoLabelError(
            f"{path}:1: there must be one column '{_PICTURE_COLUMNS[0]}' and columns of action units such as "
            f"AU12_c or AU12; the columns are {shown(', '.join(header) or 'none')}"
        )
    try:
        check_aus([au for au, _ in chosen])
    except ValueError as error:
        raise PseudoLabelError(f"{path}:1: {error}") from error
    return named[0], dict(chosen)


def _labels(raw: RawTable, column: str) -> Floats:
    """Return one column of labels, ``row``: 1, 0 or NaN."""
    decisions = column.lower().endswith("_c")
    values = raw.numbers(column, what=column)
    wrong = ~np.isnan(values) & ~(np.isin(values, (0, 1)) if decisions else (values >= 0) & (values <= 1))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        expected = "0, 1" if decisions else "a number from 0 to 1"
        raise _refused(raw, row, f"{column} is {values[row]:g}, not {expected} or blank")
    return np.where(np.isnan(values), np.nan, values >= _PRESENT_FROM)


def _refused(raw: RawTable, row: int, message: str) -> PseudoLabelError:
    return PseudoLabelError(str(raw.error(row, message)))


def _some(names: Sequence[str]) -> str:
    return shown(", ".join(names[:3])) + (" ..." if len(names) > 3 else "")


def _folder_before(path: Path, names: Iterable[str], keys: Collection[str]) -> str:
    """Return what stands before the keys in most of the names that end with one, e.g. ``photos/faces/``."""
    found: Counter[str] = Counter()
    for name in names:
        parts = name.split("/")
        for first in range(len(parts)):
            if "/".join(parts[first:]) in keys:
                found["".join(f"{part}/" for part in parts[:first])] += 1
    most = found.most_common(2)
    if len(most) > 1 and most[0][1] == most[1][1]:
        one, other = (shown(folder or ".") for folder, _ in most)
        raise PseudoLabelError(
            f"{path} lists as many pictures below {one} as below {other}, and the store may be of either; "
            "leave out the rows of one"
        )
    return most[0][0] if most else ""
