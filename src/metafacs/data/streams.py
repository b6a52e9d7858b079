"""Named, endless streams of batches: batch k of a stream depends on nothing but the seed and k."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from metafacs.batch import Batch
from metafacs.data.changes import Changes, draw_changes
from metafacs.data.drawn import Drawn
from metafacs.data.store import Store
from metafacs.data.transforms import Augmentation, Windows, central_windows, check_crop, draw_windows
from metafacs.ranks import ALONE, Rank, Rows

MEMORY_LIMIT = 2 * 1024**3
"""Decoded pictures are kept in memory below this many bytes per stream."""


class BatchStream(Protocol):
    """What training draws from.

    Attributes:
        aus: Action units whose labels are known before training; empty if there are none.
    """

    aus: tuple[int, ...]

    def draw(self, k: int, rank: Rank = ALONE) -> Drawn:
        """Return a process's part of batch number ``k`` (0-based); several threads may ask at a time."""

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
        expression: ``row`` of the store, class index to give for its own; None for its own.

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
        expression: np.ndarray | None = None,
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
        self._relabelled = expression
        self._expression = store.expression if expression is None else expression
        self._columns = store.columns_of(aus)
        self._people = {person: k for k, person in enumerate(sorted(set(store.subjects[self.rows]) - {""}))}
        self._many = len(self.rows) * store.size**2 * 3 > MEMORY_LIMIT
        self._kept: tuple[np.ndarray, np.ndarray] | None = None
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def draw(self, k: int, rank: Rank = ALONE) -> Drawn:
        """Return a process's part of training batch number ``k`` (0-based): pictures as bytes, and labels.

        The numbers of a batch are drawn for all of its pictures, so all parts together are the batch. Several
        threads may draw at a time.

        Args:
            k: Number of the batch.
            rank: Which process asks; each has its part of the pictures.
        """
        start = k * self.batch_size
        positions = np.array([self._position(i) for i in range(start, start + self.batch_size)])
        part = rank.part_of(len(positions))
        return self._drawn(positions, np.random.default_rng((*self._seed, 1, k)), part)

    def batch(self, k: int, rank: Rank = ALONE) -> Batch:
        """Return a process's part of training batch number ``k`` (0-based) as networks read it."""
        return self.draw(k, rank).on("cpu")

    def sequential(self) -> list[np.ndarray]:
        """Return the stream's positions in order, cut into pieces for :meth:`at`."""
        step = self.batch_size
        return [np.arange(i, min(i + step, len(self.rows))) for i in range(0, len(self.rows), step)]

    def at(self, positions: np.ndarray) -> Batch:
        """Return the pictures at the given positions among the rows, centre-cropped."""
        windows = central_windows(len(positions), self.store.size, self.size)
        return self._assemble(positions, windows, None).on("cpu")

    def targets(self) -> np.ndarray:
        """Return the labels of all rows, ``row x au`` with NaN = unknown."""
        return self.store.action_units[self.rows][:, self._columns]

    def identity(self) -> dict[str, Any]:
        """Return what the batches depend on, as plain data: two streams with the same give the same."""
        own = {} if self._relabelled is None else {"expressions": _digest(self._relabelled[self.rows])}
        return {
            "kind": type(self).__name__,
            "name": self.name,
            "store_fingerprint": self.store.fingerprint,
            "pictures": len(self.rows),
            "rows": _digest(self.rows),
            "aus": list(self.aus),
            "batch": self.batch_size,
            "size": self.size,
            "seed": self._seed[0],
            "augmentation": self._augmentation.settings() if self._augmentation else None,
            **own,
        }

    @property
    def people(self) -> int:
        """Number of different people in the rows; ``Batch.subject`` counts them from 0."""
        return len(self._people)

    def _position(self, i: int) -> int:
        epoch, offset = divmod(i, len(self.rows))
        order = self._order
        if order[0] != epoch:
            order = (epoch, np.random.default_rng((*self._seed, 0, epoch)).permutation(len(self.rows)))
            self._order = order
        return int(order[1][offset])

    def _picture(self, position: int) -> np.ndarray:
        row = int(self.rows[position])
        if self._many:
            return self.store.image(row)
        kept = self._kept
        if kept is None:
            # Memory is taken page by page, as pictures come.
            shape = (len(self.rows), self.store.size, self.store.size, 3)
            self._kept = kept = np.empty(shape, np.uint8), np.zeros(len(self.rows), bool)
        pictures, there = kept
        if not there[position]:
            pictures[position] = self.store.image(row)
            # Last: another thread may look meanwhile.
            there[position] = True
        picture: np.ndarray = pictures[position]
        return picture

    def _drawn(self, positions: np.ndarray, rng: np.random.Generator, part: Rows) -> Drawn:
        """Return a process's part of the pictures at some positions, changed at random."""
        count = len(positions)
        if self._augmentation is None:
            windows, changes = central_windows(count, self.store.size, self.size), None
        else:
            windows = draw_windows(count, self.store.size, self.size, self._augmentation, rng)
            changes = draw_changes(count, self.size, self._augmentation, rng).of(part)
        return self._assemble(positions[part], windows.of(part), changes)

    def _assemble(self, positions: np.ndarray, windows: Windows, changes: Changes | None) -> Drawn:
        rows = self.rows[positions]
        border = self.store.description["alignment"]["border"]
        pictures = windows.cut((self._picture(position) for position in positions.tolist()), border)
        people = [self._people.get(person, -1) for person in self.store.subjects[rows]]
        return Drawn(torch.from_numpy(pictures), changes).with_known(
            action_units=self._labels(self.store.action_units, rows),
            intensities=self._labels(self.store.intensities, rows),
            expression=torch.from_numpy(self._expression[rows]) if self.store.expressions else None,
            landmarks=torch.from_numpy(windows.move(self.store.landmarks[rows])),
            pose=torch.from_numpy(windows.turn(self.store.pose[rows])),
            subject=torch.tensor(people),
            index=torch.from_numpy(rows),
        )

    def _labels(self, table: np.ndarray, rows: np.ndarray) -> Tensor | None:
        """Return the stream's columns of a table ``row x au``; None from a stream without action units."""
        return torch.from_numpy(table[rows][:, self._columns]) if self.aus else None


def _digest(numbers: np.ndarray) -> str:
    return hashlib.sha256(numbers.astype(np.int64).tobytes()).hexdigest()[:16]
