"""The prepared data set on disk: aligned face crops with their labels, memory-mapped."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from metafacs.facs import check_aus

STORE_FILE = "store.json"
LANDMARKS = 68
ANGLES = 3


class StoreError(ValueError):
    """The folder is not a finished prepared store; the message says what to run."""


def shard_schema(aus: Sequence[int], expressions: Sequence[str]) -> pa.Schema:
    """Return the Arrow schema of one shard: a crop as encoded picture and everything known about it."""
    return pa.schema(
        [
            pa.field("key", pa.string()),
            pa.field("picture", pa.string()),
            pa.field("subject", pa.string()),
            pa.field("part", pa.string()),
            pa.field("image", pa.binary()),
            pa.field("landmarks", pa.list_(pa.float32(), LANDMARKS * 2)),
            pa.field("pose", pa.list_(pa.float32(), ANGLES)),
            pa.field("action_units", pa.list_(pa.float32(), len(aus))),
            pa.field("intensities", pa.list_(pa.float32(), len(aus))),
            pa.field("expression", pa.int8()),
            pa.field("votes", pa.list_(pa.float32(), len(expressions))),
        ]
    )


def crop_digest(encoded: bytes | pa.Buffer) -> int:
    """Return the first 64 bits of the SHA-256 of an encoded crop."""
    return int.from_bytes(hashlib.sha256(encoded).digest()[:8], "little")


class Store:
    """Random access to a prepared data set.

    A store is a folder of Arrow files ``shard-*.arrow`` and a ``store.json`` that is written last. The
    crops stay encoded in the memory-mapped files; labels are held in memory.

    Attributes:
        path: The folder.
        description: Content of ``store.json``: data set, crop size, alignment, counts, provenance.
        aus: FACS numbers in the column order of ``action_units``.
        expressions: Names of the expression classes.
        size: Side of the square crops in pixels.

    Raises:
        StoreError: If the folder is not a finished store.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            self.description = json.loads((self.path / STORE_FILE).read_text(encoding="utf-8"))
            shards = [self.path / name for name in self.description["shards"]]
            self._tables = [pa.ipc.open_file(pa.memory_map(str(shard))).read_all() for shard in shards]
        except FileNotFoundError as error:
            raise StoreError(
                f"{self.path} is not a finished prepared store (no "
                f"{Path(error.filename or STORE_FILE).name}); "
                "run 'metafacs prepare' (it goes on where it stopped)"
            ) from error
        except (ValueError, KeyError, pa.ArrowInvalid) as error:
            raise StoreError(f"{self.path} is damaged ({error}); delete it and prepare it again") from error
        lacking = [name for name in shard_schema((), ()).names if name not in self._tables[0].column_names]
        if lacking:
            raise StoreError(
                f"{self.path} was prepared by an earlier version (no {', '.join(lacking)}); prepare it again"
            )
        self.aus = check_aus(self.description["aus"])
        self.expressions: tuple[str, ...] = tuple(self.description["expressions"])
        self.size = int(self.description["size"])
        self._images = [chunk for table in self._tables for chunk in table.column("image").chunks]
        self._ends = np.cumsum([len(chunk) for chunk in self._images])

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables)

    @property
    def dataset(self) -> str:
        """Name of the data set the store was prepared from."""
        return str(self.description["dataset"])

    @property
    def synthetic(self) -> bool:
        """True where the faces are rendered."""
        return bool(self.description["synthetic"])

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
        """Decode one crop: ``height x width x 3`` uint8 RGB."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside the store's {len(self)} rows")
        chunk = int(np.searchsorted(self._ends, row, side="right"))
        start = int(self._ends[chunk - 1]) if chunk else 0
        encoded = self._images[chunk][row - start].as_buffer()
        with Image.open(io.BytesIO(encoded)) as picture:
            return np.asarray(picture)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Decode several crops: ``row x height x width x 3`` uint8 RGB."""
        out = np.empty((len(rows), self.size, self.size, 3), dtype=np.uint8)
        for position, row in enumerate(rows):
            out[position] = self.image(int(row))
        return out

    @cached_property
    def _crop_digests(self) -> np.ndarray:
        crops = (crop.as_buffer() for chunk in self._images for crop in chunk)
        return np.array([crop_digest(crop) for crop in crops], dtype=np.uint64)

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
