"""The prepared data set on disk: aligned face crops with their labels, memory-mapped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from metafacs.data.crops import CropError, fastest_decoder
from metafacs.data.shards import (
    ANGLES,
    LANDMARKS,
    Count,
    Shard,
    StoreError,
    crop_digest,
    open_shard,
)
from metafacs.faces.alignment import AlignmentSpec
from metafacs.facs import check_aus
from metafacs.parsing import convert
from metafacs.seals import read_sealed

STORE_FILE = "store.json"
FORMAT = 2
"""Version of what is in the folder."""

REMEDY = "run the same 'metafacs prepare' again: it makes anew what is damaged"


@dataclass(frozen=True)
class Noted:
    """A crop that is not beyond doubt: its key, and what the picture was like."""

    key: str
    note: str


@dataclass(frozen=True)
class _Description:
    """What ``store.json`` must hold."""

    dataset: str
    size: Annotated[int, Meta(ge=1, le=4096)]
    alignment: dict[str, int | float]
    aus: tuple[int, ...]
    expressions: tuple[str, ...]
    synthetic: bool
    twin: dict[str, Any] | None
    labels_hash: str
    pictures: Count
    skipped: list[dict[str, Any]]
    shards: Annotated[list[Shard], Meta(min_length=1)]
    format: int
    noted: list[Noted] = field(default_factory=list)


class Store:
    """Random access to a prepared data set.

    A store is a folder of Arrow files ``shard-*.arrow`` and a ``store.json`` that is written last and vouches
    for them. The crops stay encoded in the memory-mapped files; labels are held in memory. Everything but the
    crops is compared with its digest when the store is opened, a crop when it is decoded.

    Attributes:
        path: The folder.
        description: Content of ``store.json``: data set, crop size, alignment, counts, provenance.
        aus: FACS numbers in the column order of ``action_units``.
        expressions: Names of the expression classes.
        size: Side of the square crops in pixels.

    Raises:
        StoreError: If the folder is not a finished store, or if it is not what was written.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.description, known = _described(self.path / STORE_FILE)
        self.aus, self.expressions, self.size = check_aus(known.aus), known.expressions, known.size
        self._decode = fastest_decoder()
        self._noted = known.noted
        try:
            self._tables = [open_shard(self.path, shard) for shard in known.shards]
        except FileNotFoundError as error:
            raise _unfinished(self.path, Path(error.filename).name) from error
        except StoreError as error:
            raise StoreError(f"{error}; {REMEDY}") from error
        self._images = [chunk for table in self._tables for chunk in table.column("image").chunks]
        self._ends = np.cumsum([len(chunk) for chunk in self._images])
        if len(self) != known.pictures:
            raise StoreError(f"{self.path} holds {len(self)} of its {known.pictures} crops; {REMEDY}")

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def dataset(self) -> str:
        """Name of the data set the store was prepared from."""
        return str(self.description["dataset"])

    @property
    def synthetic(self) -> bool:
        """True where the faces are rendered."""
        return bool(self.description["synthetic"])

    @property
    def twin_seed(self) -> int | None:
        """Seed of the generator of the faces; None for real ones, or where the twin does not tell it."""
        seed = (self.description["twin"] or {}).get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def noted(self) -> dict[str, list[str]]:
        """Notes about crops that are not beyond doubt, such as of several faces -> keys of these crops."""
        keys: dict[str, list[str]] = {}
        for entry in self._noted:
            keys.setdefault(entry.note, []).append(entry.key)
        return keys

    @cached_property
    def keys(self) -> np.ndarray:
        """Unique names of the rows, ``row``."""
        return self._strings("key")

    @cached_property
    def subjects(self) -> np.ndarray:
        """Ids of the people, ``row``; the empty string where unknown."""
        return self._strings("subject")

    @cached_property
    def parts(self) -> np.ndarray:
        """The data set's own partition or session, ``row``; the empty string where it has none."""
        return self._strings("part")

    @cached_property
    def action_units(self) -> np.ndarray:
        """Labels ``row x au``: 1 present, 0 absent, NaN unknown."""
        return self._lists("action_units", len(self.aus))

    @cached_property
    def intensities(self) -> np.ndarray:
        """FACS intensities ``row x au``: 0 absent, 1 to 5 levels A to E, maybe fractions, NaN unknown."""
        return self._lists("intensities", len(self.aus))

    @cached_property
    def expression(self) -> np.ndarray:
        """Class index per row, -1 unknown."""
        return np.concatenate([table.column("expression").to_numpy() for table in self._tables]).astype(
            np.int64
        )

    @cached_property
    def votes(self) -> np.ndarray:
        """Share of the annotators per class, ``row x expression``; NaN where the set has none."""
        return self._lists("votes", len(self.expressions))

    @cached_property
    def landmarks(self) -> np.ndarray:
        """The 68 iBUG points in crop pixels, ``row x 68 x 2`` as (x, y); NaN where one is unknown."""
        return self._lists("landmarks", LANDMARKS * 2).reshape(-1, LANDMARKS, 2)

    @cached_property
    def pose(self) -> np.ndarray:
        """Yaw, pitch and roll of the head in the crop, ``row x 3`` in radians; NaN where unknown."""
        return self._lists("pose", ANGLES)

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell this content from any other: labels, people, crops and framing.

        Where the store lies, when it was made and into how many files it is cut makes no difference.
        """
        framing = [self.dataset, self.synthetic, self.size, self.description["alignment"]]
        columns = [list(self.aus), list(self.expressions)]
        names = [self.keys.tolist(), self.subjects.tolist(), self.parts.tolist()]
        digest = hashlib.sha256(json.dumps([framing, columns, names], sort_keys=True).encode())
        for values in (self.action_units, self.intensities, self.votes, self.landmarks, self.pose):
            # Unknown is unknown, whatever bits stand for it.
            digest.update(np.where(np.isnan(values), np.float32(np.nan), values).astype("<f4").tobytes())
        digest.update(self.expression.astype("<i8").tobytes())
        digest.update(self._crop_digests.astype("<u8").tobytes())
        return digest.hexdigest()[:16]

    def columns_of(self, aus: Iterable[int]) -> np.ndarray:
        """Return the columns of the given AUs in ``action_units``.

        Raises:
            StoreError: If an AU is not labelled in this store.
        """
        missing = sorted(set(aus) - set(self.aus))
        if missing:
            raise StoreError(f"{self.path} has no labels for AU {missing}; it has {list(self.aus)}")
        return np.array([self.aus.index(au) for au in aus], dtype=np.int64)

    def image(self, row: int) -> np.ndarray:
        """Decode one crop: ``height x width x 3`` uint8 RGB.

        Raises:
            IndexError: If there is no such row.
            StoreError: If the crop is not what was written.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside the store's {len(self)} rows")
        chunk = int(np.searchsorted(self._ends, row, side="right"))
        start = int(self._ends[chunk - 1]) if chunk else 0
        encoded = self._images[chunk][row - start].as_buffer()
        if crop_digest(encoded) != self._crop_digests[row]:
            raise StoreError(f"{self.path}: the crop of {self.keys[row]} is damaged; {REMEDY}")
        try:
            return self._decode(encoded, self.size)
        except CropError as error:
            raise StoreError(
                f"{self.path}: the crop of {self.keys[row]} is damaged ({error}); {REMEDY}"
            ) from error

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Decode several crops: ``row x height x width x 3`` uint8 RGB."""
        out = np.empty((len(rows), self.size, self.size, 3), dtype=np.uint8)
        for position, row in enumerate(rows):
            out[position] = self.image(int(row))
        return out

    @cached_property
    def _crop_digests(self) -> np.ndarray:
        return np.concatenate([table.column("image_digest").to_numpy() for table in self._tables])

    def _strings(self, name: str) -> np.ndarray:
        return np.array(
            [value or "" for table in self._tables for value in table.column(name).to_pylist()], dtype=str
        )

    def _lists(self, name: str, width: int) -> np.ndarray:
        blocks = []
        for table in self._tables:
            for chunk in table.column(name).chunks:
                values = np.full((len(chunk), width), np.nan, dtype=np.float32)
                known = ~np.asarray(chunk.is_null())
                given = chunk.drop_null().flatten().to_numpy(zero_copy_only=False)
                # Not reshape(-1, width): a set without AUs has lists of width 0.
                values[known] = given.reshape(int(known.sum()), width)
                blocks.append(values)
        return np.concatenate(blocks) if blocks else np.empty((0, width), np.float32)


def _described(path: Path) -> tuple[dict[str, Any], _Description]:
    """Return the content of a store's description as it stands in the file, and checked.

    Raises:
        StoreError: If the file is missing, damaged, or of a later version.
    """
    if not path.exists():
        raise _unfinished(path.parent, path.name)
    content = read_sealed(path, dict[str, Any], StoreError, REMEDY)
    known = convert(content, _Description, str(path), StoreError, REMEDY)
    if known.format > FORMAT:
        raise StoreError(
            f"{path} was written by a later version; update metafacs, or prepare the store again"
        )
    try:
        check_aus(known.aus)
        content["alignment"] = asdict(AlignmentSpec.from_mapping(known.alignment))
    except (TypeError, ValueError) as error:
        raise StoreError(f"{path}: {error}; {REMEDY}") from error
    return content, known


def _unfinished(folder: Path, missing: str) -> StoreError:
    return StoreError(
        f"{folder} is not a finished prepared store (no {missing}); run 'metafacs prepare' (it goes on where "
        "it stopped)"
    )
