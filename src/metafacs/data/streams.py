"""Named, endless streams of batches: batch k of a stream depends on nothing but the seed and k."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation, augment, check_crop, crop_centre
from metafacs.faces.tensors import to_tensor

MEMORY_LIMIT = 2 * 1024**3
"""Decoded pictures are kept in memory below this many bytes per stream."""


class BatchStream(Protocol):
    """What training draws from.

    Attributes:
        aus: Action units whose labels are known before training; empty if there are none.
    """

    aus: tuple[int, ...]

    def batch(self, k: int) -> Batch:
        """Return training batch number ``k`` (0-based)."""

    def targets(self) -> np.ndarray:
        """Return the labels of all rows, ``row x au`` with NaN = unknown."""

    def identity(self) -> dict[str, Any]:
        """Return what the batches depend on, as plain data: two streams with the same give the same."""


class Stream:
    """Shuffled training batches from rows of a store.

    Every pass over the rows is a new permutation; a batch may span two passes, so that all batches are
    full. Because ``batch(k)`` is a pure function of ``(seed, name, k)``, a resumed run sees the same
    pictures as one that was never stopped, and several processes can share a stream without talking.

    Args:
        store: The prepared data set.
        rows: Rows to draw from.
        aus: Action units, in the order of the batch's columns; empty for a stream of expressions only.
        name: Name of the stream, part of the seed.
        batch_size: Pictures per batch.
        size: Side of the network's input in pixels.
        seed: Seed of shuffling and augmentation.
        augmentation: Random changes; None gives centre crops.

    Raises:
        ValueError: If there is no row, or the crops are smaller than ``size``.
    """

    def __init__(
        self,
        store: Store,
        rows: np.ndarray,
        *,
        aus: tuple[int, ...],
        name: str,
        batch_size: int,
        size: int,
        seed: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        if not len(rows):
            raise ValueError(
                f"stream '{name}' has no pictures; check the split and the labels of {store.path}"
            )
        check_crop(store.size, size)
        self.store, self.rows, self.aus = store, np.asarray(rows), aus
        self.batch_size, self.size = batch_size, size
        self.name = name
        self._seed = (seed, zlib.crc32(name.encode()))
        self._augmentation = augmentation
        self._columns = store.columns_of(aus)
        self._people = {person: k for k, person in enumerate(sorted(set(store.subjects[self.rows]) - {""}))}
        self._decoded: np.ndarray | None = None
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def batch(self, k: int) -> Batch:
        """Return training batch number ``k`` (0-based)."""
        start = k * self.batch_size
        positions = np.array([self._position(i) for i in range(start, start + self.batch_size)])
        return self._assemble(positions, np.random.default_rng((*self._seed, 1, k)))

    def sequential(self, batch_size: int | None = None) -> list[np.ndarray]:
        """Return the stream's positions in order, cut into pieces for :meth:`at`."""
        step = batch_size or self.batch_size
        return [np.arange(i, min(i + step, len(self.rows))) for i in range(0, len(self.rows), step)]

    def at(self, positions: np.ndarray) -> Batch:
        """Return the pictures at the given positions among the rows, centre-cropped."""
        return self._assemble(positions, None)

    def targets(self) -> np.ndarray:
        """Return the labels of all rows, ``row x au`` with NaN = unknown."""
        return self.store.action_units[self.rows][:, self._columns]

    def identity(self) -> dict[str, Any]:
        """Return what the batches depend on, as plain data: two streams with the same give the same."""
        return {
            "kind": type(self).__name__,
            "name": self.name,
            "store_fingerprint": self.store.fingerprint,
            "pictures": len(self.rows),
            "rows": hashlib.sha256(self.rows.astype(np.int64).tobytes()).hexdigest()[:16],
            "aus": list(self.aus),
            "batch": self.batch_size,
            "size": self.size,
            "seed": self._seed[0],
            "augmentation": self._augmentation.settings() if self._augmentation else None,
        }

    @property
    def people(self) -> int:
        """Number of different people in the rows; ``Batch.subject`` counts them from 0."""
        return len(self._people)

    def _position(self, i: int) -> int:
        epoch, offset = divmod(i, len(self.rows))
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng((*self._seed, 0, epoch)).permutation(len(self.rows)))
        return int(self._order[1][offset])

    def _pictures(self, positions: np.ndarray) -> np.ndarray:
        if len(self.rows) * self.store.size**2 * 3 > MEMORY_LIMIT:
            return self.store.images(self.rows[positions])
        if self._decoded is None:
            self._decoded = self.store.images(self.rows)
        return self._decoded[positions]

    def _assemble(self, positions: np.ndarray, rng: np.random.Generator | None) -> Batch:
        rows = self.rows[positions]
        pictures = self._pictures(positions)
        if rng is None or self._augmentation is None:
            pictures, windows = crop_centre(pictures, self.size)
        else:
            border = self.store.description["alignment"]["border"]
            pictures, windows = augment(pictures, self.size, self._augmentation, rng, border=border)
        people = [self._people.get(person, -1) for person in self.store.subjects[rows]]
        return Batch(
            images=to_tensor(pictures),
            action_units=self._labels(self.store.action_units, rows),
            intensities=self._labels(self.store.intensities, rows),
            expression=torch.from_numpy(self.store.expression[rows]) if self.store.expressions else None,
            landmarks=torch.from_numpy(windows.move(self.store.landmarks[rows])),
            pose=torch.from_numpy(windows.turn(self.store.pose[rows])),
            subject=torch.tensor(people),
            index=torch.from_numpy(rows),
        )

    def _labels(self, table: np.ndarray, rows: np.ndarray) -> Tensor | None:
        """Return the stream's columns of a table ``row x au``; None from a stream without action units."""
        return torch.from_numpy(table[rows][:, self._columns]) if self.aus else None
